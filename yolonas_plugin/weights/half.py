"""Weight files of a third of the size: kernels in half precision, and without the convolutions that nothing uses.

Each re-parameterisable block carries ``rbr_reparam``, the place of its fused convolution, through training and into
every checkpoint of super-gradients. Before fusing, no value depends on it.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from yolonas_plugin.errors import ExportError

_UNUSED = ".rbr_reparam."
_KERNEL = ".branch_3x3.conv.weight"


def to_half(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Leave out what is unused, and round kernels [C_out, C_in, k, k] to half precision.

    Biases and BatchNorms, which are few and of any magnitude, stay as they are.

    Raises:
        ExportError: A kernel has numbers that half precision doesn't.
    """
    found = {name: tensor for name, tensor in state_dict.items() if _UNUSED not in name}
    for name, tensor in found.items():
        if tensor.dim() == 4:
            if tensor.abs().max() > torch.finfo(torch.half).max:
                raise ExportError(f"{name} has numbers beyond 65,504, the largest in half precision; save without half")
            found[name] = tensor.half()
    return found


def restore_unused(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Fill in zeros for what :func:`to_half` left out; other state dicts come back as they are."""
    found = dict(state_dict)
    for name, kernel in state_dict.items():
        unused = name.removesuffix(_KERNEL) + _UNUSED
        if name.endswith(_KERNEL) and f"{unused}weight" not in found and f"{unused}bias" not in found:
            found |= {f"{unused}weight": torch.zeros_like(kernel), f"{unused}bias": kernel.new_zeros(kernel.shape[:1])}
    return found
