"""Keeping the Ultralytics engine quiet: it installs, reports and rearranges nothing while it works for us."""

from __future__ import annotations

from yolonas_plugin.system.silence import ultralytics as _ultralytics  # noqa: F401  the first to import the engine

# isort: split
import contextlib
import functools
import logging
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from ultralytics.data import utils as data_utils
from ultralytics.utils import LOGGER, USER_CONFIG_DIR, checks, plotting, torch_utils

from yolonas_plugin.errors import MissingExtraError

try:
    from ultralytics.utils.events import events
except ImportError:  # before 8.4
    from ultralytics.hub.utils import events


class _Setting:
    """A global setting of the engine that is held at a value while anybody needs it, and then put back."""

    def __init__(self, owner: Any, name: str) -> None:
        self._owner, self._name = owner, name
        self._lock, self._users, self._before = threading.Lock(), 0, None

    @contextlib.contextmanager
    def held_at(self, value: Any) -> Iterator[None]:
        with self._lock:
            if not self._users:
                self._before = getattr(self._owner, self._name)
            self._users += 1
            self._set(value)
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._set(self._before)

    def _set(self, value: Any) -> None:
        setattr(self._owner, self._name, value)


class _LogLevel(_Setting):
    def _set(self, value: Any) -> None:
        self._owner.setLevel(value)


_auto_install = _Setting(checks, "AUTOINSTALL")
_online = _Setting(checks, "ONLINE")  # then it asks the index of packages for a newer engine
_reports = _Setting(events, "enabled")
_threads = _Setting(
    torch_utils, "NUM_THREADS"
)  # what the engine sets torch to, one fewer than there are cores, on a CPU
_log_level = _LogLevel(LOGGER, "level")
_fonts = [_Setting(module, "check_font") for module in (plotting, data_utils)]
_DETECTION = "ultralytics.models.yolo.detect"


@contextlib.contextmanager
def session() -> Iterator[None]:
    """Run the engine so that it installs, fetches and reports nothing, and leaves torch's threads as they are."""
    threads = torch.get_num_threads()
    with contextlib.ExitStack() as held:
        for setting, value in ((_auto_install, False), (_online, False), (_reports, False), (_threads, threads)):
            held.enter_context(setting.held_at(value))
        held.enter_context(local_fonts())
        for setting in _plots() if _DETECTION in sys.modules else ():
            held.enter_context(setting.held_at(functools.partial(plotting.plot_images, threaded=False)))
        yield


@functools.cache
def _plots() -> list[_Setting]:
    """Where the engine begins threads that draw, and would go on, and fetch a font, after the session."""
    return [_Setting(import_module(f"{_DETECTION}.{name}"), "plot_images") for name in ("train", "val")]


@contextlib.contextmanager
def own_names() -> Iterator[None]:
    """Let the engine's exporter leave classes' names alone: those like ImageNet's ids ("n0...") it would replace."""
    with _Setting(import_module("ultralytics.engine.exporter"), "check_class_names").held_at(dict):
        yield


@contextlib.contextmanager
def quiet(level: int = logging.WARNING) -> Iterator[None]:
    """Let only the engine's messages of ``level`` and above through."""
    with _log_level.held_at(level):
        yield


@contextlib.contextmanager
def local_fonts() -> Iterator[None]:
    """Let the engine draw text with fonts of this machine; it would fetch one for names that aren't ASCII."""
    with contextlib.ExitStack() as held:
        for setting in _fonts:
            held.enter_context(setting.held_at(_find_font))
        yield


def _find_font(font: str = "Arial.ttf") -> str:
    """Return the path of a font: the engine's, if it is there, or the one that comes with matplotlib."""
    from matplotlib import font_manager

    own = USER_CONFIG_DIR / Path(font).name
    if own.exists():
        return str(own)
    installed = (each.fname for each in font_manager.fontManager.ttflist if Path(each.fname).name == Path(font).name)
    return next(installed, None) or font_manager.findfont("DejaVu Sans")


class _Writable(logging.Filter):
    """Lets a message through as its stream can take it: a log must never end the work that it tells of."""

    def __init__(self, handler: logging.StreamHandler[Any]) -> None:
        super().__init__()
        self._handler = handler

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether there is a stream; what its encoding lacks becomes an escape."""
        stream = self._handler.stream
        if stream is None or getattr(stream, "closed", False):
            return False
        encoding, errors = getattr(stream, "encoding", None) or "utf-8", getattr(stream, "errors", None) or "strict"
        text = record.getMessage()
        try:
            text.encode(encoding, errors)
        except UnicodeEncodeError:
            record.msg, record.args = text.encode(encoding, "backslashreplace").decode(encoding), ()
        return True


for _handler in LOGGER.handlers:
    if isinstance(_handler, logging.StreamHandler):
        _handler.addFilter(_Writable(_handler))


def require(module: str, purpose: str, extra: str, hint: str = "") -> None:
    """Check that an optional package is installed, without importing it.

    Raises:
        MissingExtraError: It isn't; the message names the ``pip install`` line, and ends with ``hint``.
    """
    if find_spec(module) is None:
        raise MissingExtraError(purpose, module, extra, hint)
