"""Discovery and listing import nothing heavy. Run it where the heavy packages are installed, or it proves little."""

from __future__ import annotations

import pytest

from sites import Site

HEAVY = {
    "torch",
    "torchvision",
    "numpy",
    "cv2",
    "PIL",
    "ultralytics",
    "super_gradients",
    "safetensors",
    "requests",
    "tqdm",
}


@pytest.mark.parametrize(
    "code",
    [
        "import yolonas_plugin",
        "from model_zoo_api import ModelCard, ModelProvider, ModelZoo, hookimpl, hookspecs",
        "import yolonas_plugin.provider, yolonas_plugin.cards",
        "from model_zoo_api import ModelZoo; zoo = ModelZoo.discover(); assert zoo.find('yolo_nas_s')",
        "from model_zoo_api import ModelZoo; assert ModelZoo.discover().list_models(provider='yolo_nas')",
        "import yolonas_plugin; assert 'NAS' in dir(yolonas_plugin)",
    ],
)
def test_nothing_heavy_is_imported(site: Site, code: str) -> None:
    done = site.python("-c", f"{code}\nimport sys; print(*sys.modules)")
    assert done.returncode == 0, done.stderr
    assert not HEAVY & set(done.stdout.split())


def test_a_factory_is_not_imported_by_discovery(site: Site) -> None:
    done = site.python("-c", "from model_zoo_api import ModelZoo; ModelZoo.discover(); import sys; print(*sys.modules)")
    assert "yolonas_plugin.provider" in done.stdout.split()
    assert "yolonas_plugin.nas" not in done.stdout.split()


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    import yolonas_plugin

    with pytest.raises(AttributeError, match="has no attribute 'NASS'"):
        _ = yolonas_plugin.NASS
