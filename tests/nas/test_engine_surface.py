"""How much of the Ultralytics engine's inside this package holds on to, listed so that it can't grow unseen.

``python -m tests.nas.test_engine_surface`` prints the numbers.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from ultralytics.engine.trainer import BaseTrainer

import yolonas_plugin.nas

PACKAGE = Path(yolonas_plugin.nas.__file__).parents[1]


def modules() -> list[ModuleType]:
    """Return the modules of the adapter."""
    return [import_module(found.name) for found in iter_modules(yolonas_plugin.nas.__path__, "yolonas_plugin.nas.")]


def subclasses() -> Iterator[tuple[type, list[type]]]:
    """Yield our classes that inherit from the engine's, and the engine's classes that each inherits from."""
    for module in modules():
        for kind in vars(module).values():
            if isinstance(kind, type) and kind.__module__ == module.__name__:
                engine = [base for base in kind.__mro__ if base.__module__.startswith("ultralytics.")]
                if engine:
                    yield kind, engine


def overridden() -> dict[str, list[str]]:
    """Return the engine's methods, properties and fields in whose place each class of ours has one of its own."""
    return {
        kind.__name__: sorted(
            name
            for name, value in vars(kind).items()
            if (callable(value) or isinstance(value, (property, classmethod, staticmethod)))
            and (name in _fields(*engine) or any(name in vars(base) for base in engine))
        )
        for kind, engine in subclasses()
    }


def _tree(kind: type | ModuleType) -> ast.AST:
    return ast.parse(inspect.cleandoc("\n" + inspect.getsource(kind)))


def _targets(tree: ast.AST) -> Iterator[ast.Attribute]:
    """Yield the attributes that a piece of code assigns to."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node


@cache
def _fields(*engine: type) -> set[str]:
    """Return what the methods of the engine's classes assign to ``self``."""
    trees = [_tree(kind) for kind in engine]
    return {
        target.attr
        for tree in trees
        for target in _targets(tree)
        if isinstance(target.value, ast.Name) and target.value.id == "self"
    }


def written() -> dict[str, set[str]]:
    """Return what our classes write into the engine's objects: fields of its own classes, and of what these hold.

    ``self.amp`` counts where an engine's class sets it too; ``self.args.imgsz``, whoever set it. In functions
    outside of classes, whatever is written into an argument that is called as one of the engine's objects.
    """
    found: dict[str, set[str]] = {}
    engine_of = {kind.__name__: _fields(*engine) for kind, engine in subclasses()}
    for module in modules():
        for top in ast.iter_child_nodes(_tree(module)):
            fields = engine_of.get(getattr(top, "name", ""))
            for target in _targets(top):
                own = isinstance(target.value, ast.Name) and target.value.id == "self"
                root = ast.unparse(target).split(".")[0]
                if own and fields is not None:
                    if target.attr in fields:
                        found.setdefault(module.__name__, set()).add(f"{top.name}.{target.attr}")
                elif not own and root in ENGINE_OBJECTS and (root != "self" or fields is not None):
                    found.setdefault(module.__name__, set()).add(ast.unparse(target))
            for node in ast.walk(top):  # by name, or all at once
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr":
                    found.setdefault(module.__name__, set()).add(f"{ast.unparse(node.args[0])}.*")
                if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("vars("):
                    found.setdefault(module.__name__, set()).add(f"{ast.unparse(node.func)}")
    return found


ENGINE_OBJECTS = {"self", "args", "predictor", "twin", "validator", "trainer", "model", "transform"}
"""What variables are called that hold an object of the engine."""


def patched() -> set[str]:
    """Return the names of the engine's globals that are held at another value."""
    tree = ast.parse((PACKAGE / "engine.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {ast.literal_eval(call.args[1]) for call in calls if ast.unparse(call.func) in ("_Setting", "_LogLevel")}


def _imported(path: str) -> list[str]:
    """Return the engine's names with one underscore in front that a file imports."""
    tree = ast.parse((PACKAGE / path).read_text(encoding="utf-8"))
    return [
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ultralytics")
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
    ]


def private() -> set[str]:
    """Return the engine's names with an underscore in front that this package imports, calls or overrides."""
    engine = {kind.__name__: kinds for kind, kinds in subclasses()}
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found.update(_imported(path.relative_to(PACKAGE).as_posix()))
        for top in tree.body:
            if isinstance(top, ast.ClassDef) and top.name in engine and path.parent.name == "nas":
                theirs = {name for base in engine[top.name] for name in vars(base)} | _fields(*engine[top.name])
                used = {node.attr for node in ast.walk(top) if isinstance(node, ast.Attribute)}
                used |= {node.name for node in ast.walk(top) if isinstance(node, ast.FunctionDef)}
                found |= {
                    f"{top.name}.{name}" for name in used & theirs if name.startswith("_") and not name.startswith("__")
                }
    return found


OVERRIDDEN = {
    "FileLoader": ["__init__"],
    "ImageLoader": ["__init__"],
    "Loader": ["__init__", "__iter__", "__len__", "__next__"],
    "NAS": [
        *(
            "__init__",
            "_load",
            "_smart_load",
            "benchmark",
            "embed",
            "export",
            "info",
            "load",
            "names",
            "predict",
            "save",
            "task_map",
        ),
        *("track", "train", "tune", "val"),
    ],
    "KeypointMetrics": ["__init__", "process"],
    "NASPredictor": [
        *("__init__", "inference", "postprocess", "preprocess", "run_callbacks", "setup_model", "setup_source"),
        *("stream_inference", "write_results"),
    ],
    "NASResults": ["new", "plot", "save", "save_crop", "save_txt", "verbose"],
    "NASTrainer": [
        *(
            "__init__",
            "_handle_nan_recovery",
            "build_dataset",
            "check_resume",
            "final_eval",
            "get_dataset",
            "get_model",
        ),
        *("get_validator", "plot_training_samples", "preprocess_batch", "resume_training", "save_model", "setup_model"),
        "train",
    ],
    "NASValidator": [
        *("__call__", "__init__", "_process_batch", "build_dataset", "get_desc", "init_metrics", "plot_predictions"),
        *("plot_val_samples", "postprocess", "preprocess", "save_one_txt", "scale_preds", "update_metrics"),
    ],
    "SampleDataset": [
        *(
            "__init__",
            "build_transforms",
            "get_img_files",
            "get_labels",
            "load_image",
            "npy_files",
            "update_labels_info",
        ),
    ],
}
"""What each class of ours has in the place of the engine's. Of these, ``_handle_nan_recovery`` is new in 8.4."""

PRIVATE = {
    *("NAS._load", "NAS._smart_load", "NASTrainer._handle_nan_recovery", "NASValidator._process_batch"),
    "ultralytics.cfg._handle_deprecation",
}
"""Names with an underscore; ``engine.py`` says why, and the methods do where they are."""

WRITTEN = {
    "nas.loaders": {"Loader.bs", "Loader.mode"},
    "nas.metrics": {"self.pose.nc"},
    "nas.model": {
        *("NAS.ckpt_path", "NAS.metrics", "NAS.model", "NAS.model_name", "NAS.overrides", "NAS.predictor"),
        *("NAS.task", "NAS.trainer", "self.model.args", "self.trainer.model"),
    },
    "nas.predict": {"NASPredictor.plotted_img", "NASPredictor.txt_path"},
    "nas.train": {
        *("NASTrainer.args", "NASTrainer.loss_names", "NASTrainer.metrics", "NASTrainer.model", "NASTrainer.resume"),
        *("NASTrainer.nan_recovery_attempts", "NASTrainer.start_epoch", "validator.data_set"),
    },
    "nas.val": {"NASValidator.data", "NASValidator.metrics", "NASValidator.save_dir", "model.names"},
}
"""Fields that our classes inherit and set, where the methods that they override set them too."""

PATCHED = {
    *("AUTOINSTALL", "ONLINE", "NUM_THREADS", "enabled", "level"),
    *("check_class_names", "check_font", "plot_images"),
}
"""Globals of the engine that ``engine.py`` holds at another value while it works; the last two in two modules each."""


def test_no_more_of_the_engine_is_overridden_than_is_listed() -> None:
    found = overridden()
    if "_handle_nan_recovery" not in vars(BaseTrainer):
        found["NASTrainer"] = sorted({*found["NASTrainer"], "_handle_nan_recovery"})
    assert found == OVERRIDDEN


def test_private_names_of_the_engine_are_used_in_one_place() -> None:
    assert private() <= PRIVATE
    assert {name for name in private() if name.startswith("ultralytics.")} == set(_imported("engine.py"))


def test_fields_of_the_engine_are_written_in_one_place() -> None:
    found = {name.removeprefix("yolonas_plugin."): fields for name, fields in written().items()}
    more = {name: fields - WRITTEN.get(name, set()) for name, fields in found.items()}
    assert not any(more.values()), more


def test_globals_of_the_engine_are_patched_in_one_place() -> None:
    assert patched() == PATCHED
    others = [
        path for path in PACKAGE.rglob("*.py") if path.name != "engine.py" and "setattr(" in path.read_text("utf-8")
    ]
    assert [path.relative_to(PACKAGE).as_posix() for path in others] == []


if __name__ == "__main__":
    methods = overridden()
    print("overridden", sum(map(len, methods.values())), "in", len(methods), "classes")
    print("written", sum(map(len, written().values())))
    print("private", len(private()), sorted(private()))
    print("patched", len(patched()), sorted(patched()))
    if "-v" in sys.argv:
        for name, names in methods.items():
            print(" ", name, len(names), *names)
        for name, names in written().items():
            print(" ", name, len(names), *sorted(names))
