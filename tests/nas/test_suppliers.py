"""A name is a question to the plugins that supply weights, from whoever asks it, before anything is downloaded."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sites import Site
from tests.support.pictures import picture
from yolonas_plugin import NAS, ModelZoo
from yolonas_plugin.cli import main
from yolonas_plugin.errors import RuntimeChoiceError, WeightsNotFoundError
from yolonas_plugin.lean import open_lean
from yolonas_plugin.weights import find_weights, suppliers
from yolonas_plugin.weights.folder import EMBEDDED

EMBEDDED_FILE = EMBEDDED / "yolo_nas_n_layout.safetensors"
STORE = """
from pathlib import Path

from model_zoo_api import hookimpl

ASKED = []


@hookimpl
def model_zoo_locate_weights(provider, card):
    ASKED.append(f"{provider.name}/{card.name}")
    return next((path for path in Path(__file__).with_name("store").glob(card.name + ".*")), None)
"""
FAILING = {
    "in its hook": (
        "from model_zoo_api import hookimpl\n\n\n@hookimpl\ndef model_zoo_locate_weights(card):\n"
        "    raise ConnectionError('the store is down')\n",
        "ConnectionError: the store is down; upgrade, reinstall or uninstall acme-store",
    ),
    "while it is imported": (
        "raise ImportError('no boto')\n",
        "ImportError: no boto; upgrade, reinstall or uninstall acme-store",
    ),
    "with another hook": (
        "from model_zoo_api import hookimpl\n\n\n@hookimpl\ndef model_zoo_locate_weight(card):\n    return None\n",
        "model_zoo_locate_weight",
    ),
    "with a file that isn't there": (
        "from model_zoo_api import hookimpl\n\n\n@hookimpl\ndef model_zoo_locate_weights():\n    return '/nowhere'\n",
        "'/nowhere', which is no file",
    ),
}

Install = Callable[[str], Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs the distribution acme-store for this process and gives the folder that its files are in."""
    site = Site(tmp_path / "site")
    store = tmp_path / "site" / "store"
    store.mkdir()
    for name, folder in (("YOLONAS_WEIGHTS", "weights"), ("HOME", "home")):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.chdir(tmp_path / "home")
    monkeypatch.setattr(suppliers, "_TOLD", set())

    def install(source: str) -> Path:
        site.add("acme-store", "1.0", entry_points={"store": "acme_store"}, files={"acme_store.py": source})
        monkeypatch.syspath_prepend(str(site.path))
        return store

    sys.modules.pop("acme_store", None)
    yield install
    sys.modules.pop("acme_store", None)


@pytest.fixture
def store(install: Install, nano: Path) -> Path:
    """A store that has ``yolo_nas_s``."""
    folder = install(STORE)
    shutil.copy(nano, folder / "yolo_nas_s.pth")
    return folder


def asked() -> list[str]:
    return sys.modules["acme_store"].ASKED


@pytest.mark.parametrize("name", ["yolo_nas_s", "yolo-nas-s", "yolo_nas_s.pt"])
def test_nas_takes_the_file_that_a_plugin_gives_for_a_name(store: Path, tmp_path: Path, name: str) -> None:
    assert NAS(name).ckpt_path == str(store / "yolo_nas_s.pth")
    assert asked() == ["yolo_nas/yolo_nas_s"]
    assert list((tmp_path / "weights").iterdir()) == []  # nothing was fetched, and no licence was accepted


def test_what_a_plugin_does_not_have_is_looked_for_as_ever(store: Path) -> None:
    assert find_weights("yolo_nas_n_layout") == EMBEDDED_FILE
    with pytest.raises(WeightsNotFoundError, match="yolo_nas_m: its weights are not on this machine"):
        find_weights("yolo_nas_m")
    assert asked() == ["yolo_nas/yolo_nas_n_layout", "yolo_nas/yolo_nas_m"]


def test_the_zoo_asks_once_for_a_model(store: Path) -> None:
    zoo = ModelZoo.discover()
    assert zoo.load("yolo_nas_s").ckpt_path == str(store / "yolo_nas_s.pth")
    assert asked() == ["yolo_nas/yolo_nas_s"]
    assert zoo.load("yolo_nas_n_layout").ckpt_path == str(EMBEDDED_FILE)
    assert asked() == ["yolo_nas/yolo_nas_s", "yolo_nas/yolo_nas_n_layout"]
    assert zoo.load("yolo_nas_s.pt", provider="yolo_nas").ckpt_path == str(store / "yolo_nas_s.pth")


def test_the_command_line_asks_too(
    store: Path, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fetch", "yolo_nas_s"]) == 0
    assert capsys.readouterr().out.strip() == str(store / "yolo_nas_s.pth")
    argv = ["predict", "--weights", "yolo_nas_s", "--source", str(image), "--no-save", "--json"]
    assert main([*argv, "--names", "a", "b", "c", "--conf", "0.7"]) == 0
    found = capsys.readouterr()
    assert json.loads(found.out)["images"][0]["detections"]
    assert "--names replaces the names that the weights have themselves" in found.err
    assert set(asked()) == {"yolo_nas/yolo_nas_s"}
    assert list((tmp_path / "weights").iterdir()) == []


def test_lean_prediction_asks_too(store: Path, nano: Path) -> None:
    expected = NAS(nano).predict(picture(), verbose=False)[0].boxes.data
    for predict in (open_lean("yolo_nas_s"), ModelZoo.discover().predictor("yolo_nas_s", lean=True)):
        (found,) = predict(picture())
        assert len(found) == len(expected) > 3
    assert asked() == ["yolo_nas/yolo_nas_s"] * 2


def test_a_plugin_may_give_an_exported_file(install: Install, nano: Path) -> None:
    folder = install(STORE)
    model = NAS(nano)
    exported = model.export(output=folder, takes="pixels", gives="pair", dynamic=True, simplify=False)
    Path(exported).rename(folder / "yolo_nas_s.onnx")
    (expected,) = model.predict(picture(), verbose=False)
    (found,) = NAS("yolo_nas_s").predict(picture(), verbose=False)
    assert len(found.boxes) == len(expected.boxes) > 3
    assert len(open_lean("yolo_nas_s")(picture())[0]) == len(expected.boxes)
    for open_it in (NAS, open_lean):
        with pytest.raises(RuntimeChoiceError, match=r"yolo_nas_s\.onnx: an exported file has its own names"):
            open_it("yolo_nas_s", names=["a", "b", "c"])


def test_a_path_asks_nobody_and_finds_no_plugins(store: Path, nano: Path) -> None:
    shutil.copy(nano, "yolo_nas_s.pth")  # a file of that name in the working directory is a path
    NAS(nano)
    NAS("yolo_nas_s.pth")
    assert "acme_store" not in sys.modules
    program = (
        "from yolonas_plugin.weights import find_weights; import sys; find_weights(sys.argv[1]); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(nano)], capture_output=True, text=True, check=True)
    assert "yolonas_plugin.weights.find" in done.stdout.split()
    assert not {"model_zoo_api.zoo", "model_zoo_api.discovery"} & set(done.stdout.split())


@pytest.mark.parametrize(("source", "said"), FAILING.values(), ids=FAILING.keys())
def test_a_plugin_that_fails_is_reported_once_and_the_weights_are_found_otherwise(
    install: Install, caplog: pytest.LogCaptureFixture, source: str, said: str
) -> None:
    install(source)
    with caplog.at_level(logging.WARNING, "yolonas_plugin"):
        for _ in range(2):
            assert NAS("yolo_nas_n_layout").ckpt_path == str(EMBEDDED_FILE)
    (warning,) = (record.getMessage() for record in caplog.records if "acme-store" in record.getMessage())
    assert warning.startswith("a plugin that may supply the weights of yolo_nas_n_layout failed: acme-store 1.0")
    assert said in warning
    with pytest.raises(WeightsNotFoundError, match="yolo_nas_s: its weights are not on this machine") as caught:
        NAS("yolo_nas_s")
    assert "A plugin that may supply them failed: acme-store 1.0" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("allowed", "found"), [("", False), ("yolo_nas", False), ("acme-store", True), ("store", True)]
)
def test_the_allow_list_says_who_is_asked(
    store: Path, monkeypatch: pytest.MonkeyPatch, allowed: str, found: bool
) -> None:
    monkeypatch.setenv("MODEL_ZOO_PLUGINS", allowed)
    if found:  # told of our provider, though the list leaves it out
        assert find_weights("yolo_nas_s") == store / "yolo_nas_s.pth"
        assert asked() == ["yolo_nas/yolo_nas_s"]
        return
    with pytest.raises(WeightsNotFoundError, match="are not on this machine"):
        find_weights("yolo_nas_s")
    assert "acme_store" not in sys.modules


def test_a_plugin_may_load_a_model_of_ours_while_it_is_imported_or_asked(install: Install) -> None:
    install(
        "from yolonas_plugin.weights import find_weights\n"
        "FOUND = [find_weights('yolo_nas_n_layout')]\n"
        + STORE.replace("return next", "FOUND.append(find_weights(card.name))\n    return next")
    )
    assert find_weights("yolo_nas_n_layout") == EMBEDDED_FILE
    assert sys.modules["acme_store"].FOUND == [EMBEDDED_FILE] * 2
    assert ModelZoo.discover().problems == []
