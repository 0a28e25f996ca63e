"""`make gpu` on a machine with an NVIDIA GPU runs these tests; elsewhere they aren't collected."""

from __future__ import annotations

from importlib.util import find_spec


def _gpu() -> bool:
    if find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


collect_ignore_glob = [] if _gpu() else ["test_*.py"]
