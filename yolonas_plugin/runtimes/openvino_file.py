"""OpenVINO's .xml and .bin files, read into memory and looked through before OpenVINO gets them.

OpenVINO itself maps the .bin, which ends the process when somebody writes it anew, and believes what the .xml says.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final
from xml.parsers import expat

from yolonas_plugin.errors import CheckpointError
from yolonas_plugin.weights.opened import read_whole

MAX_XML: Final = 64 << 20
MAX_BIN: Final = 2 << 30
"""Largest files, in bytes: L's are 2 MB and 0.2 GB."""

_MAX_DEPTH: Final = 60  # of elements; there are about 10
_MAX_ELEMENTS: Final = 1_000_000  # L has 30,000


def read_openvino(path: Path) -> tuple[bytearray, bytearray]:
    """Return the contents of an .xml file and of the .bin beside it.

    Raises:
        CheckpointError: One can't be read, is no such file, damaged, cut off or too large; they don't go together; they
            change meanwhile.
    """
    xml = read_whole(path, MAX_XML)
    content = read_whole(path.with_suffix(".bin"), MAX_BIN)
    _check(bytes(xml), len(content), path)
    return xml, content


def _check(xml: bytes, size: int, path: Path) -> None:
    depth = elements = 0

    def start(name: str, attributes: dict[str, Any]) -> None:
        nonlocal depth, elements
        depth += 1
        elements += 1
        if depth > _MAX_DEPTH or elements > _MAX_ELEMENTS:
            raise CheckpointError(f"{path}: the file is nested too deep, or has too many parts")
        if elements == 1 and name != "net":
            raise CheckpointError(f"{path}: this is XML, but not OpenVINO's")
        if name == "data" and "offset" in attributes:
            place = [attributes["offset"], attributes.get("size", "")]
            if not all(re.fullmatch("[0-9]{1,15}", number) for number in place) or sum(map(int, place)) > size:
                raise CheckpointError(
                    f"{path}: weights lie at byte {place[0][:20]!a} with a size of {place[1][:20]!a}, and "
                    f"{path.stem}.bin has {size:,} bytes: it is cut off, or of another export; export the weights again"
                )

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*_: Any) -> None:
        raise CheckpointError(f"{path}: the XML defines a document type, which OpenVINO never does")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.StartDoctypeDeclHandler = start, end, refuse
    try:
        parser.Parse(xml, True)
    except expat.ExpatError as error:
        raise CheckpointError(f"{path}: this is no XML, or it is damaged or cut off: {error}") from error
