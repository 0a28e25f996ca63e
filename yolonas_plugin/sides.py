"""Sides that the input of the network may have, in pixels: for what the provider says of itself, no more is needed."""

from __future__ import annotations

from typing import Final

STRIDE: Final = 32
"""Sides of the network's input are multiples of it."""

MAX_SIDE: Final = 1 << 14
"""Longest side of an input that is asked for."""
