"""Choosing the backend, where super-gradients isn't installed; ``tests/reference`` has the rest."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from safetensors.torch import save_file

from tests.support import synthetic
from yolonas_plugin import NAS, ModelZoo
from yolonas_plugin.errors import BackendError, MissingExtraError
from yolonas_plugin.nas.module import NASModule

without_super_gradients = pytest.mark.skipif(find_spec("super_gradients") is not None, reason="it is installed here")


def test_the_native_network_is_the_default(nano: Path) -> None:
    assert type(NAS(nano).model) is type(NAS(nano, backend="native").model) is NASModule


@pytest.mark.parametrize("backend", ["super_gradients", "", None, "onnx"])
def test_an_unknown_backend_is_refused_before_a_file_is_looked_for(backend: str) -> None:
    with pytest.raises(BackendError, match=f"backend={backend!r} is unknown; it is 'native' or 'super-gradients'"):
        NAS("nowhere.pth", backend=backend)


@without_super_gradients
@pytest.mark.parametrize("load", [NAS, lambda name, **options: ModelZoo.discover().load(name, **options)])
def test_a_missing_super_gradients_is_reported_before_a_file_is_looked_for(load: type[NAS]) -> None:
    with pytest.raises(MissingExtraError) as caught:
        load("yolo_nas_s", backend="super-gradients")
    message = str(caught.value)
    assert "pip install 'yolonas-plugin[super-gradients]' with Python 3.10" in message
    assert f"this is 3.{sys.version_info[1]}." in message
    assert "backend='native' needs neither" in message


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A super-gradients that can't be imported, as where setuptools is too new for it."""
    (tmp_path / "super_gradients").mkdir()
    (tmp_path / "super_gradients" / "__init__.py").write_text("import package_that_is_gone\n")
    monkeypatch.syspath_prepend(tmp_path)


@without_super_gradients
@pytest.mark.usefixtures("broken")
def test_a_broken_super_gradients_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    save_file(synthetic.network("s").state_dict(), path)
    with pytest.raises(BackendError, match=r"can't be imported: ModuleNotFoundError.*package_that_is_gone.*torch 2\.3"):
        NAS(path, backend="super-gradients")


@without_super_gradients
@pytest.mark.usefixtures("broken")
def test_size_n_is_refused_before_super_gradients_is_imported(nano: Path) -> None:
    with pytest.raises(BackendError, match=r"nano\.pth: this is a YOLO-NAS N.*use backend='native'"):
        NAS(nano, backend="super-gradients")
