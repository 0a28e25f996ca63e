"""The file of settings that a tracker is named by, looked at before the engine opens it.

The engine takes whatever such a file holds, and fetches and unpickles the second model that it may name.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from ultralytics.utils import ROOT

from yolonas_plugin.data.yaml_file import load_yaml
from yolonas_plugin.errors import SettingError

_ENGINE_S: Final = ROOT / "cfg" / "trackers"


def check_tracker(tracker: str | Path) -> str:
    """Return the path of a tracker's settings, once it is known that they name nothing to be opened or run.

    Args:
        tracker: A YAML file of the caller's, or the name of one of the engine's, such as ``"bytetrack.yaml"``.

    Raises:
        SettingError: There is no such file, or it asks for a second model.
        SourceError: It can't be read as YAML.
    """
    known = sorted(path.name for path in _ENGINE_S.glob("*.yaml"))
    path = Path(tracker)
    if os.fspath(tracker) in known and not path.exists():
        path = _ENGINE_S / path
    if not path.is_file():
        raise SettingError(f"tracker={os.fspath(tracker)!r}: there is no such file; the engine has {', '.join(known)}")
    settings = load_yaml(path)
    if settings.get("with_reid") or settings.get("model", "auto") != "auto":
        raise SettingError(
            f"tracker={os.fspath(tracker)!r} asks for a second model by which objects are known again (with_reid, "
            f"model: {settings.get('model', 'auto')!r:.100}), which the engine would fetch and unpickle; take a file "
            "without, such as bytetrack.yaml"
        )
    return str(path)
