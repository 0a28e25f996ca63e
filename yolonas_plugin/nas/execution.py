"""What a call asks of its runtime, held against what that runtime does: what can't be given is an error."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Final

import torch
from ultralytics.utils import DEFAULT_CFG_DICT
from ultralytics.utils.torch_utils import select_device

from yolonas_plugin.engine import session
from yolonas_plugin.errors import RuntimeChoiceError
from yolonas_plugin.nn.onednn import cpu_has_bf16
from yolonas_plugin.runtimes import KINDS, RuntimeChoice
from yolonas_plugin.runtimes.base import NO_BF16, NO_FP16

_NEVER: Final = {
    "augment": "YOLO-NAS has no test-time augmentation",
    "dnn": "OpenCV's networks aren't among the runtimes",
    "embed": "this model gives boxes, not features",
    "visualize": "this model doesn't draw its features",
}
"""Settings of prediction that the engine has for its own networks, and passes over in silence or with a warning."""

_AT_SETUP: Final = ("device", "compile", "half", "quantize", "dnn", "data", "nms", "channels_last", "tracker")
"""Settings that the engine looks at when it prepares a network, and not again."""


def check_runtime(choice: RuntimeChoice, args: Any) -> None:
    """Check that a model's runtime does what the engine's settings ask for.

    Args:
        choice: The model's runtime and precision.
        args: The engine's settings, a namespace.

    Raises:
        RuntimeChoiceError: It doesn't; the message says which, and what to do.
    """
    measured = getattr(args, "mode", None) == "val"
    for name, reason in _NEVER.items():
        if getattr(args, name, None) and not (measured and name == "visualize"):
            raise RuntimeChoiceError(f"{name}={getattr(args, name)!r}: {reason}; leave it out")
    if getattr(args, "nms", None) is False and DEFAULT_CFG_DICT.get("nms") is None:
        raise RuntimeChoiceError("nms=False: YOLO-NAS has no head without box selection; leave it out")
    half = _asks_for_half(args)
    if choice.name == "torch":
        return
    on_gpu = KINDS[choice.name].on_gpu
    here = ("", "0", "cuda", "cuda:0") if on_gpu else ("", "cpu")
    where = "the first GPU that CUDA_VISIBLE_DEVICES lets it see" if on_gpu else "the CPU"
    for name, given in (
        ("device", None if _text(args.device) in here else args.device),
        ("compile", args.compile or None),
        ("half", half or None),
    ):
        if given is not None:
            raise RuntimeChoiceError(
                f"{name}={given!r}: runtime={choice.name!r} computes on {where}, in the precision it was loaded with; "
                "leave it out, or load the weights with runtime='torch'"
            )


def device_of(choice: RuntimeChoice, args: Any) -> torch.device:
    """Return the device that a model runs on.

    Args:
        choice: The model's runtime and precision.
        args: The engine's settings, which have passed :func:`check_runtime`.

    Raises:
        RuntimeChoiceError: There is no such device here, or it doesn't compute in that precision.
    """
    if choice.name != "torch":
        return torch.device("cpu")
    device = resolve_device(args.device)
    if choice.precision == "fp16" and device.type == "cpu":
        raise RuntimeChoiceError(NO_FP16)
    if _asks_for_half(args) and (device.type == "cpu" or choice.precision == "bf16"):
        raise RuntimeChoiceError(
            f"half=True: float16 is for GPUs, in place of precision='fp32'; this is precision={choice.precision!r} on "
            f"{device.type}. Leave it out, or load the model with precision='bf16'"
        )
    if choice.precision == "bf16" and not has_bf16(device):
        raise RuntimeChoiceError(NO_BF16)
    return device


def with_half(choice: RuntimeChoice, args: Any) -> RuntimeChoice:
    """Return a model's runtime and precision with float16, if the engine's settings ask for it."""
    return replace(choice, precision="fp16") if choice.name == "torch" and _asks_for_half(args) else choice


def nothing_halved(args: Any) -> dict[str, Any]:
    """Return the settings by which the engine converts nothing itself, under the names that it has for them."""
    return {name: value for name, value in (("half", False), ("quantize", None)) if hasattr(args, name)}


def resolve_device(asked: Any) -> torch.device:
    """Return the device that is asked for, where the engine may take the CPU or the first of several instead.

    Args:
        asked: As the engine takes it: None or "" for a GPU if there is one, ``"cpu"``, 0, ``"cuda:1"``, ``"mps"``, ...

    Raises:
        RuntimeChoiceError: There is no such device here, or it is more than one.
    """
    text = _text(asked)
    if "," in text:
        raise RuntimeChoiceError(f"device={asked!r}: a prediction runs on one device; name one of them")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    try:
        with session():  # on a CPU it changes torch's threads
            found = select_device(asked, verbose=False)
    except (ValueError, RuntimeError, AssertionError) as error:
        if visible is None:  # older engines leave there what they were asked for
            os.environ.pop("CUDA_VISIBLE_DEVICES", None)
        else:
            os.environ["CUDA_VISIBLE_DEVICES"] = visible
        raise _no_device(asked) from error
    kind = text.split(":")[0]
    wanted = "cuda" if kind.isdigit() else kind
    if not isinstance(found, torch.device) or (wanted not in ("", "-1") and found.type != wanted):
        raise _no_device(asked)
    return found


def has_bf16(device: torch.device) -> bool:
    """Whether torch computes in bfloat16 on a device faster than in float32."""
    if device.type == "cpu":
        return cpu_has_bf16()
    return device.type != "cuda" or torch.cuda.get_device_capability(device) >= (8, 0)  # from Ampere on


def changed_at_setup(args: Any, given: dict[str, Any]) -> bool:
    """Whether a call asks for something that a predictor with the settings ``args`` wasn't prepared for.

    Older engines go on with the predictor that they have.
    """
    return any(name in given and getattr(args, name, given[name]) != given[name] for name in _AT_SETUP)


def _asks_for_half(args: Any) -> bool:
    """Whether float16 is asked for, in the words of old and new engines; int8 is refused.

    Raises:
        RuntimeChoiceError: A precision is asked for that is chosen when a model is loaded.
    """
    bits = str(getattr(args, "quantize", None) or "").lower()
    if getattr(args, "int8", False) or bits not in ("", "16", "fp16", "32", "fp32"):
        raise RuntimeChoiceError(
            f"{f'quantize={bits}' if bits else 'int8=True'}: int8 is chosen when the model is loaded: "
            "NAS(..., runtime='openvino', precision='int8', calibration='images/')"
        )
    return bool(getattr(args, "half", False)) or bits in ("16", "fp16")


def _text(asked: Any) -> str:
    """Return a device as one word: ``[0]`` is "0", ``torch.device("cuda", 1)`` is "cuda:1"."""
    if isinstance(asked, (list, tuple)):
        return ",".join(map(_text, asked))
    return "" if asked is None else str(asked).strip().lower()


def _no_device(asked: Any) -> RuntimeChoiceError:
    count = torch.cuda.device_count()
    kinds = [
        "cpu",
        *(f"cuda:{index}" for index in range(count)),
        *(["mps"] if torch.backends.mps.is_available() else []),
    ]
    return RuntimeChoiceError(f"device={asked!r}: torch sees no such device here; it sees {', '.join(kinds)}")
