"""What OpenVINO has compiled, kept for the next process. OpenVINO's own cache trusts whatever lies there, for ever."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from yolonas_plugin.runtimes.cache import cache_key, read_blob, write_blob
from yolonas_plugin.system.silence import openvino

_LOGGER: Final = logging.getLogger("yolonas_plugin")


def compile_or_find(
    core: openvino.Core,
    model: Callable[[], openvino.Model],
    shape: Sequence[int],
    settings: Mapping[str, Any],
    content: str | None,
    *,
    most: int,
) -> openvino.CompiledModel:
    """Compile a network for the CPU, or take what an earlier process has compiled.

    Args:
        core: The process's own.
        model: Returns the network, with the shape that it is to take; called where it wasn't compiled before.
        shape: That shape.
        settings: Of the compilation.
        content: What tells the model's file from others; None keeps nothing.
        most: As many are kept of each file, the last ones used.
    """
    if content is None:
        return _compile(core, model(), settings)
    machine = [core.get_property("CPU", name) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    work = [openvino.__version__, str(machine), str(list(shape)), str(sorted((k, str(v)) for k, v in settings.items()))]
    name = f"{cache_key([content])[:16]}-{cache_key([content, *work])}"
    if kept := _read(name):
        try:
            return _import(core, kept, dict(settings))
        except RuntimeError as error:
            _LOGGER.warning("what OpenVINO compiled before can't be opened, and is made anew: %s", str(error)[:200])
    made = _compile(core, model(), settings)
    write_blob(name, made.export_model().getvalue(), most)
    return made


def _read(name: str) -> openvino.Tensor | None:
    """Read what was kept into memory of OpenVINO's, where weights stay: a network that is opened copies none."""
    tensors = []

    def room(size: int) -> Any:
        tensors.append(openvino.Tensor(openvino.Type.u8, [size]))
        return tensors[-1].data

    return None if read_blob(name, room) is None else tensors[-1]


def _import(core: openvino.Core, kept: openvino.Tensor, settings: dict[str, Any]) -> openvino.CompiledModel:
    try:
        return core.import_model(kept, "CPU", settings)
    except TypeError:  # an older OpenVINO, which takes bytes alone
        return core.import_model(kept.data.tobytes(), "CPU", settings)


def _compile(core: openvino.Core, model: openvino.Model, settings: Mapping[str, Any]) -> openvino.CompiledModel:
    return core.compile_model(model, "CPU", dict(settings))
