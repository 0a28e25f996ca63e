"""However it is installed, from a checkout, a repository or the wheels of ``make dist``, both distributions work.

pip runs for real, in environments that see this one's packages, so that torch counts as installed.
"""

from __future__ import annotations

import json
import shutil
import sys
import tarfile
import zipfile
from email.parser import Parser
from importlib.metadata import version
from pathlib import Path

import pytest

from benchmarks.sizes import size
from tests.support.environments import ROOT, Environment, build_contract, copy_checkout, dependencies, run

pytest.importorskip("hatchling", reason="it builds the distributions")
HOST = ROOT / "examples" / "small_host.py"
LAYOUT = "yolo_nas_n_layout"
ASK = """
import json, model_zoo_api, yolonas_plugin
zoo = model_zoo_api.ModelZoo.discover()
print(json.dumps({
    "problems": [str(problem) for problem in zoo.problems],
    "models": [card.name for card in zoo.list_models(provider="yolo_nas")],
    "files": [model_zoo_api.__file__, yolonas_plugin.__file__],
}))
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose path has to be quoted in a URI."""
    return copy_checkout(tmp_path_factory.mktemp("checkout") / "a clone, größer & 50%")


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path / "environment")


@pytest.fixture(scope="module")
def dist(checkout: Path) -> Path:
    """What ``make dist`` leaves."""
    run([str(checkout / "scripts" / "dist.sh"), sys.executable], checkout)
    return checkout / "dist"


@pytest.fixture
def bare(tmp_path: Path) -> Environment:
    """An environment with no more than the contract needs."""
    return Environment(tmp_path / "bare", [])


def check_it_works(environment: Environment, *places: Path) -> None:
    """The plugin is found, from the places where the contract and the plugin should be."""
    found = json.loads(environment.evaluate(ASK))
    assert found["problems"] == []
    assert LAYOUT in found["models"]
    assert [Path(file).parents[1] for file in found["files"]] == list(places)
    assert LAYOUT in environment.python("-m", "yolonas_plugin", "list")


def contract_of(metadata: str) -> str:
    """What a distribution's METADATA asks for as its contract."""
    (needed,) = (
        line for line in Parser().parsestr(metadata).get_all("Requires-Dist", []) if line.startswith("model-zoo-api")
    )
    return needed


def git(repository: Path, *arguments: str) -> str:
    """Run git as somebody."""
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    return run(["git", *who, *arguments], repository)


def installed_metadata(environment: Environment) -> str:
    (folder,) = environment.site.glob("yolonas_plugin-*.dist-info")
    return (folder / "METADATA").read_text(encoding="utf-8")


def test_a_checkout_is_installed(checkout: Path, environment: Environment) -> None:
    environment.pip("install", ".", cwd=checkout)
    check_it_works(environment, environment.site, environment.site)
    assert contract_of(installed_metadata(environment)) == f"model-zoo-api @ {(checkout / 'contract').as_uri()}"


def test_a_host_needs_the_contract_alone(bare: Environment, tmp_path: Path) -> None:
    bare.pip("install", str(build_contract(tmp_path)), cwd=tmp_path)
    assert bare.python("-W", "error", str(HOST)) == ""
    assert len(HOST.read_text(encoding="utf-8").splitlines()) <= 15
    assert size(bare.site) + size(bare.links) <= 2_000_000


def requirement(root: Path) -> str:
    """What the build hook asks for as the contract."""
    (needed,) = (name for name in dependencies(root) if name.startswith("model-zoo-api"))
    return needed


def test_a_release_names_the_version_of_its_contract(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLONAS_RELEASE", "1")
    assert requirement(checkout) == f"model-zoo-api>={version('model-zoo-api')}"


def test_a_checkout_without_the_contract_is_an_error(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path / "checkout")
    shutil.rmtree(checkout / "contract")
    with pytest.raises(FileNotFoundError, match="contract is not there: build from a whole checkout"):
        requirement(checkout)


@pytest.mark.parametrize(
    ("clone", "origin", "lasts"),
    [
        ("pip-req-build-x1y2", "https://example.org/team/yolonas.git", True),
        ("pip-req-build-x1y2", "ssh://git@example.org/yolonas.git", True),
        ("pip-req-build-x1y2", "https://me:secret@example.org/yolonas.git", False),  # it would be in METADATA
        ("pip-req-build-x1y2", "https://secret@example.org/yolonas.git", False),
        ("pip-req-build-x1y2", "file:///home/me/yolonas", False),  # pip before 24.1 refuses git+file:/// there
        ("yolonas", "https://example.org/team/yolonas.git", False),  # a checkout of one's own, perhaps changed
    ],
)
def test_what_pip_cloned_refers_to_where_from(tmp_path: Path, clone: str, origin: str, lasts: bool) -> None:
    """pip removes its clone; with a path in there, no extra could be installed later."""
    folder = tmp_path / clone
    folder.mkdir()
    for name in ("contract", "hatch_build.py", "pyproject.toml", "README.md", "LICENSE"):
        (folder / name).symlink_to(ROOT / name)
    git(folder, "init")
    git(folder, "remote", "add", "origin", origin)
    git(folder, "commit", "--allow-empty", "-m", "one")
    head = git(folder, "rev-parse", "HEAD").strip()
    lasting = f"git+{origin}@{head}#subdirectory=contract"
    assert requirement(folder) == f"model-zoo-api @ {lasting if lasts else (folder / 'contract').as_uri()}"


@pytest.mark.exhaustive
def test_a_changed_contract_is_installed_with_the_plugin_again(tmp_path: Path, environment: Environment) -> None:
    """Though its version is the same as before."""
    checkout = copy_checkout(tmp_path / "checkout")
    environment.pip("install", ".", cwd=checkout)
    (checkout / "contract" / "model_zoo_api" / "changed.py").touch()
    environment.pip("install", ".", cwd=checkout)
    environment.evaluate("import model_zoo_api.changed")
    environment.pip("uninstall", "--yes", "yolonas-plugin", cwd=checkout)
    assert environment.python(str(HOST)) == ""


@pytest.mark.exhaustive
def test_it_is_installed_for_development(checkout: Path, environment: Environment) -> None:
    environment.pip("install", "-e", ".[dev]", cwd=checkout)
    environment.pip("install", "--no-deps", "-e", "./contract", cwd=checkout)
    check_it_works(environment, checkout / "contract", checkout)


@pytest.mark.exhaustive
def test_a_repository_is_installed(tmp_path: Path, environment: Environment) -> None:
    repository = copy_checkout(tmp_path / "a repository")
    for command in (["init"], ["add", "."], ["commit", "-m", "all"]):
        git(repository, *command)
    environment.pip("install", f"git+{repository.as_uri()}", cwd=tmp_path)
    check_it_works(environment, environment.site, environment.site)


@pytest.mark.exhaustive
def test_what_make_dist_builds_is_installed(dist: Path, environment: Environment, tmp_path: Path) -> None:
    environment.pip("install", *map(str, dist.glob("*.whl")), cwd=tmp_path)
    check_it_works(environment, environment.site, environment.site)
    assert contract_of(installed_metadata(environment)) == f"model-zoo-api>={version('model-zoo-api')}"
    picture = ROOT / "docs" / "images" / "demo.webp"
    path, number = environment.python(str(HOST), LAYOUT, str(picture)).split()
    assert path == str(picture)
    assert int(number) > 5


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["model_zoo_api", "yolonas_plugin"])
def test_a_source_distribution_builds_the_same_wheel(dist: Path, tmp_path: Path, name: str) -> None:
    """Its dependencies are those that were written when it was built, though the plugin's has the contract in it."""
    (archive,) = dist.glob(f"{name}-*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)], source)
    (again,) = tmp_path.glob("*.whl")
    assert again.read_bytes() == (dist / again.name).read_bytes()
    there = {path.name for path in source.iterdir()}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "tests"} <= there
    with zipfile.ZipFile(again) as wheel:
        names = wheel.namelist()
        assert f"{name}/py.typed" in names
        (licence,) = (name for name in names if name.endswith(".dist-info/licenses/LICENSE"))
        assert b"Apache License" in wheel.read(licence)
