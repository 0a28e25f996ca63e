"""Names that files of other people hold stay: in their environments' entry points, weight files, models and programs.

Everything is looked up in the sources, so that a program that isn't installed here changes nothing.
"""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

ENTRY_POINTS = {
    "yolonas-plugin": {
        ("model_zoo", "yolo_nas", "yolonas_plugin.provider"),
        ("docling", "yolo_nas", "yolonas_plugin.hosts.docling"),
        ("console_scripts", "yolonas-plugin", "yolonas_plugin.cli:main"),
    },
    "model-zoo-api": {
        ("llm", "model_zoo", "model_zoo_api.bridges.llm"),
        ("deepaas.v2.model", "model_zoo", "model_zoo_api.bridges.deepaas"),
        ("viame.python_plugins", "model_zoo", "model_zoo_api.bridges.viame"),
        ("pyinstaller40", "hook-dirs", "model_zoo_api._pyinstaller:hook_dirs"),
    },
}

DEFINED = {
    "yolonas_plugin.provider": ("model_zoo_providers",),
    "yolonas_plugin.nas.stock": ("rebuild",),  # in every saved .pt
    "yolonas_plugin.hosts.docling": ("layout_engines",),
    "yolonas_plugin.hosts.mlflow": ("_load_pyfunc",),  # in MLmodel, the description of a saved model
    "yolonas_plugin.hosts.fiftyone": ("YoloNASModel", "load_model"),  # in manifests and in databases
    "yolonas_plugin.hosts.cvat": ("create",),  # in commands
    "yolonas_plugin.hosts.sahi": ("YoloNASDetectionModel", "register"),
    "yolonas_plugin.hosts.torchvision": ("register", "yolo_nas_n", "yolo_nas_s", "yolo_nas_m", "yolo_nas_l"),
    "yolonas_plugin.hosts.ray": ("predict",),
    "yolonas_plugin.hosts.kserve": ("ServedPredictor",),
    "yolonas_plugin.cli": ("main",),
    "hubconf": ("yolo_nas_n", "yolo_nas_s", "yolo_nas_m", "yolo_nas_l", "nas"),
}
"""Functions and classes that are defined where they are named: pickles and registries ask their ``__module__``."""

OFFERED = {
    "yolonas_plugin": ("NAS", "ModelCard", "ModelProvider", "ModelZoo", "__version__", "hookimpl", "hookspecs"),
    "yolonas_plugin.nas": ("NAS", "TASK_MAP", "NASPredictor", "NASTrainer", "NASValidator"),
    "yolonas_plugin.nn": (
        *("CONFIGS", "RawPredictions", "Size", "StageConfig", "YoloNAS", "YoloNASConfig", "YoloNASLoss"),
        *("yolo_nas_n", "yolo_nas_s", "yolo_nas_m", "yolo_nas_l"),
    ),
    "yolonas_plugin.weights": ("Checkpoint", "find_weights", "read_checkpoint"),
    "yolonas_plugin.data": (
        *("DataReport", "DataSet", "Finding", "Kind", "Sample", "Written"),
        *("check_data", "open_data", "write_labels"),
    ),
    "yolonas_plugin.lean": ("LeanPredictor", "open_lean"),
    "yolonas_plugin.processing": ("Placement", "ProcessingSpec", "COCO", "SUPER_GRADIENTS"),
    "yolonas_plugin.results": ("to_results",),
    "yolonas_plugin.errors": (
        *("YoloNASPluginError", "UnknownModelError", "WeightsNotFoundError", "LicenceError", "DownloadError"),
        *("CheckpointError", "ProcessingError", "SourceError", "SettingError", "DataNotFoundError", "TrainingError"),
        *("MissingExtraError", "HostVersionError", "BackendError", "RuntimeChoiceError", "ConfigRefusedError"),
        *("ExportError", "ExportSettingError", "ServerError"),
    ),
}
"""What people import, wherever it is defined."""


def source(module: str) -> Path:
    if module == "hubconf":
        return ROOT / "hubconf.py"
    package = find_spec(module.partition(".")[0])
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).parent.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def top_level(module: str) -> list[ast.stmt]:
    body = ast.parse(source(module).read_text(encoding="utf-8")).body
    guarded = [inner for node in body if isinstance(node, ast.If) for inner in node.body]  # TYPE_CHECKING
    return [*body, *guarded]


def defined(module: str) -> set[str]:
    return {node.name for node in top_level(module) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


def offered(module: str) -> set[str]:
    names = defined(module)
    for node in top_level(module):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_entry_points_are_those_of_every_installed_version(name: str) -> None:
    points = {(point.group, point.name, point.value) for point in distribution(name).entry_points}
    assert points == ENTRY_POINTS[name]
    for _, _, value in points:
        assert source(value.partition(":")[0]).is_file()


@pytest.mark.parametrize("module", DEFINED)
def test_what_files_of_others_name_is_defined_there(module: str) -> None:
    assert set(DEFINED[module]) <= defined(module)


@pytest.mark.parametrize("module", OFFERED)
def test_what_people_import_is_offered(module: str) -> None:
    assert set(OFFERED[module]) <= offered(module)


def test_a_saved_file_hands_over_what_it_always_has() -> None:
    from yolonas_plugin.nas.stock import rebuild

    assert f"{rebuild.__module__}.{rebuild.__qualname__}" == "yolonas_plugin.nas.stock.rebuild"
    assert list(inspect.signature(rebuild).parameters) == ["metadata", "in_channels", "fused", "state_dict"]


def test_every_import_in_the_documentation_can_be_done() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    statement = re.compile(r"^ *(?:>>> )?from (yolonas_plugin[\w.]*) import ([\w, ]+)", re.MULTILINE)
    imports = [match for page in pages for match in statement.findall(page.read_text(encoding="utf-8"))]
    assert imports
    for module, names in imports:
        for name in re.split(r"\s*,\s*", names.strip()):
            name = name.partition(" as ")[0]
            assert name in offered(module) or source(f"{module}.{name}").is_file(), f"from {module} import {name}"
