"""What a graph in the cache says of itself, kept beside what was compiled of it: so that it needn't be read again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from yolonas_plugin.runtimes.cache import cache_key, read_blob, write_blob
from yolonas_plugin.runtimes.check import Port


class Remembered(NamedTuple):
    """What is asked of a graph before its first image.

    Attributes:
        metadata: The texts in its file.
        inputs: Its inputs.
        outputs: Its outputs.
        quantised: Whether it is one in int8.
    """

    metadata: Mapping[str, Any]
    inputs: Sequence[Port]
    outputs: Sequence[Port]
    quantised: bool


def recall(content: str) -> Remembered | None:
    """Return what is known of a graph; None where that is nothing, or is damaged.

    Args:
        content: What tells its file from others, see :func:`.cache.digest_of`.
    """
    try:
        metadata, *sides, quantised = json.loads(read_blob(_name(content), ending="json") or "")
        inputs, outputs = ([Port(*port) for port in side] for side in sides)
    except (ValueError, TypeError):
        return None
    return Remembered(metadata, inputs, outputs, quantised)


def remember(content: str, found: Remembered) -> None:
    """Keep what is known of a graph; a full disk is no error."""
    write_blob(_name(content), json.dumps(found).encode(), most=1, ending="json")


def _name(content: str) -> str:
    key = cache_key([content, "what it says of itself"])
    return f"{key[:16]}-{key}"
