"""docling's plugin: YOLO-NAS as a layout engine.

docling imports this by the entry point ``yolo_nas`` in its group ``docling`` once plugins are allowed::

    docling --allow-external-plugins --layout-engine yolo_nas paper.pdf

docling itself, torch and the engine are imported only when it asks for its layout engines, which it does at its start.
"""

from __future__ import annotations

from typing import Any


def layout_engines() -> dict[str, list[type[Any]]]:
    """Answer docling's hook: the classes of layout engines that this package has."""
    from yolonas_plugin.hosts.docling_layout import YoloNASLayout

    return {"layout_engines": [YoloNASLayout]}
