"""The inside of the Ultralytics engine, wherever this package holds on to it, and why.

The adapter is made of the engine's subclass points: methods that its classes document, its callbacks, its settings.
What these leave open is here: globals that are held at a value while the engine works, so that it installs, fetches,
reports and rearranges nothing; names with an underscore; and fields of its objects that are written from outside. All
were seen in 8.3.200 and in 8.4.190, unless it says otherwise. ``tests/nas/test_engine_surface.py`` lists what is
overridden.
"""

from __future__ import annotations

from yolonas_plugin.system.silence import ultralytics as _ultralytics  # noqa: F401  the first to import the engine

# isort: split
import contextlib
import functools
import logging
import sys
import threading
from collections.abc import Iterator, Mapping
from copy import copy
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, TypeVar

import torch
from torch import nn
from ultralytics import __version__
from ultralytics.cfg import _handle_deprecation
from ultralytics.data import utils as data_utils
from ultralytics.data.augment import Compose, LetterBox, Mosaic, RandomPerspective
from ultralytics.utils import LOGGER, USER_CONFIG_DIR, checks, plotting, torch_utils
from ultralytics.utils.patches import imread

try:
    from ultralytics.utils.events import events
except ImportError:  # before 8.4
    from ultralytics.hub.utils import events

WRITES_PROGRAMS: Final = checks.parse_version(__version__) < (8, 4)
"""Engines of 8.3 paste the path of the weights into the program that they start for each GPU."""

_Predictor = TypeVar("_Predictor")


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
        for setting in _fonts:
            held.enter_context(setting.held_at(_find_font))
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


def read_image_file(path: str, flags: int) -> Any:
    """Return the pixels [H, W, C] in the file of an image, as the engine reads it; None if it can't.

    For a file that Pillow doesn't know it would install a decoder.

    Args:
        path: Of the file.
        flags: OpenCV's, such as ``cv2.IMREAD_COLOR``.
    """
    with _auto_install.held_at(False), quiet(logging.ERROR):
        return imread(path, flags=flags)


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


# --- settings ---


def renamed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings under the names that they have now.

    Private: the engine does so in ``get_cfg`` only, which answers an unknown setting with a page of help.
    """
    found: dict[str, Any] = _handle_deprecation(dict(settings))
    return found


def tell(args: Any, **settings: Any) -> None:
    """Change the settings of one of the engine's objects after it was made; it reads them at each use.

    Args:
        args: The object's namespace of settings.
        **settings: What they become.
    """
    vars(args).update(settings)


@contextlib.contextmanager
def told(args: Any, **settings: Any) -> Iterator[None]:
    """Change them for a while."""
    before = {name: getattr(args, name) for name in settings}
    tell(args, **settings)
    try:
        yield
    finally:
        tell(args, **before)


# --- the predictor ---


def ready(predictor: Any, names: Mapping[int, str]) -> None:
    """Tell a predictor that has its network what the classes are called, and that no trial run is wanted.

    The engine renames all classes where the first is called as ImageNet's ids are, "n0...". Its trial run takes the
    first image twice, and imports torchvision for box selection of its own.
    """
    predictor.model.names = dict(names)
    predictor.done_warmup = True


def fork(predictor: _Predictor) -> _Predictor:
    """Return a predictor with the same network and a state of its own, for another source at the same time.

    Private: the lock that a predictor holds while it reads a source, by which the second would wait for the first.
    """
    twin: Any = copy(predictor)
    twin._lock = threading.Lock()
    found: _Predictor = twin
    return found


# --- the trainer ---


def with_average(trainer: Any, network: nn.Module) -> Any:
    """Return a trainer, for a validator, whose average of the weights is in ``network``.

    The validator takes it from there, and the average itself isn't fused. From 8.4 on there is ``get_model`` for this.
    """
    twin = copy(trainer)
    twin.ema = SimpleNamespace(ema=network)
    return twin


def set_arithmetic(trainer: Any, frozen: list[str], amp: bool | str) -> None:
    """Set what the training loop goes by, where the engine would decide otherwise.

    The engine freezes layers by its own networks' names, and fetches a network to try mixed precision on.

    Args:
        trainer: When it has been set up.
        frozen: Beginnings of the names of parameters whose BatchNorms stay as they are.
        amp: The setting: True, False, ``"fp16"``, ``"bf16"`` or ``"fp32"``.
    """
    trainer.freeze_layer_names = frozen
    trainer.amp = amp not in {False, "fp32"} and trainer.device.type not in {"cpu", "mps"}
    trainer.scaler = torch.amp.GradScaler("cuda", enabled=trainer.amp and amp != "bf16")


def set_progress(trainer: Any, updates: int, best_fitness: float | None, stopper: Mapping[str, Any]) -> None:
    """Let a trainer go on from where another was: the engine reads this from a file that it unpickles."""
    trainer.ema.updates = updates
    trainer.best_fitness = best_fitness
    vars(trainer.stopper).update(stopper)


def repeat_epoch(trainer: Any, epoch: int) -> None:
    """Set the schedule of learning rates back, for an epoch that is done again (8.4; 8.3 knows no such thing)."""
    trainer.scheduler.last_epoch = epoch - 1


# --- data ---


def set_canvas(transform: Any, side: int, height: int, width: int) -> None:
    """Make augmentation for a square of ``side`` give ``height`` and ``width``: the same middle part of a mosaic.

    The engine trains on squares only; its transforms keep their size in fields.
    """
    if isinstance(transform, Compose):
        for part in transform.transforms:
            set_canvas(part, side, height, width)
    elif isinstance(transform, Mosaic):
        transform.border = (height // 2 - side, width // 2 - side)
    elif isinstance(transform, RandomPerspective):
        transform.size = (width, height)
    elif isinstance(transform, LetterBox):
        transform.new_shape = (height, width)
    if getattr(transform, "pre_transform", None) is not None:
        set_canvas(transform.pre_transform, side, height, width)
