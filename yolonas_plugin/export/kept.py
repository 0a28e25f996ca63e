"""Which convolutions stay in fp32 when a network is quantised, whoever does it: regular expressions of their names."""

from __future__ import annotations

from typing import Final

BOXES: Final = (".*reg_convs.*", ".*reg_pred.*")
"""The convolutions before the decoding of boxes, where a fifth of their loss comes from."""

KEYPOINTS: Final = (".*pose_convs.*", ".*pose_pred.*")
"""Those before the decoding of keypoints."""

KEPT: Final = (*BOXES, *KEYPOINTS)
"""What stays unless something else is asked for."""
