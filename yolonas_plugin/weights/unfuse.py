"""Giving a network that super-gradients fused the shape of an unfused one, with the same predictions.

``prep_model_for_conversion`` folds the branches of each re-parameterisable block into one 3x3 convolution, fully or up
to the BatchNorm after them, and leaves the other BatchNorms. Which branches there were is lost, but an equivalent set
isn't hard to find: the convolution as the 3x3 branch, without the identity where the block adds that itself, and
nothing in the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from yolonas_plugin.nn import TASK_CONFIGS
from yolonas_plugin.weights.state_dict import task_of

FUSED: Final = ".rbr_reparam.weight"
_MAX_NUMBERS: Final = 30_000_000
"""Most numbers in the branches that are made; those of L have 25 million. A file may have any number of blocks."""


def unfuse(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return ``state_dict`` with the branches of super-gradients' fused blocks; unchanged where nothing is fused.

    A network of which every BatchNorm is folded away, as this package does it, comes back as it is.
    """
    found = dict(state_dict)
    configs = TASK_CONFIGS.get(task_of(found))
    if configs is None or not any(name.endswith(".bn.weight") for name in found):
        return found
    made = 0
    eps = configs["s"].batchnorm_eps  # the same for all sizes
    for name in [name for name in found if name.endswith(FUSED)]:
        block = name[: -len(FUSED)]
        kernel, bias = found[name], found.get(f"{block}.rbr_reparam.bias")
        fused = f"{block}.branch_3x3.conv.weight" not in found and f"{block}.branch_1x1.weight" not in found
        if fused and bias is not None and kernel.shape[2:] == (3, 3) and bias.shape == kernel.shape[:1]:
            made += 10 * bias.numel() + kernel.numel() * 10 // 9
            if made > _MAX_NUMBERS:
                return dict(state_dict)
            found |= _branches(block, kernel.float(), bias.float(), f"{block}.post_bn.weight" not in found, eps)
    return found


def _branches(block: str, kernel: Tensor, bias: Tensor, with_post_bn: bool, eps: float) -> dict[str, Tensor]:
    """Return the tensors that an unfused block has and a fused one has not."""
    c_out, c_in = kernel.shape[:2]
    if ".bottlenecks." in block and c_out == c_in:  # the blocks with an identity branch
        kernel = kernel.clone()
        channels = torch.arange(c_out)
        kernel[channels, channels, 1, 1] -= 1
    found = {
        f"{block}.branch_3x3.conv.weight": kernel,
        f"{block}.branch_1x1.weight": torch.zeros(c_out, c_in, 1, 1),
        f"{block}.branch_1x1.bias": torch.zeros(c_out),
        **_identity(f"{block}.branch_3x3.bn", bias, eps),
    }
    return found | _identity(f"{block}.post_bn", torch.zeros_like(bias), eps) if with_post_bn else found


def _identity(name: str, bias: Tensor, eps: float) -> dict[str, Tensor]:
    """Return a BatchNorm that only adds ``bias`` [C]."""
    return {
        f"{name}.weight": torch.ones_like(bias),
        f"{name}.bias": bias,
        f"{name}.running_mean": torch.zeros_like(bias),
        f"{name}.running_var": torch.full_like(bias, 1 - eps),
        f"{name}.num_batches_tracked": torch.tensor(0),
    }
