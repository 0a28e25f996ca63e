"""docling's plugin: YOLO-NAS as a layout engine.

docling imports this by the entry point ``yolo_nas`` in its group ``docling`` once plugins are allowed::

    docling --allow-external-plugins --layout-engine yolo_nas paper.pdf

Importing this is cheap. The engine's class, and with it docling, is imported when docling asks for it; torch and
Ultralytics when the first document needs the model.
"""

from __future__ import annotations

from typing import Any


def layout_engines() -> dict[str, list[type[Any]]]:
    """Answer docling's hook: the classes of layout engines that this package has."""
    from yolonas_plugin.hosts.docling_layout import YoloNASLayout

    return {"layout_engines": [YoloNASLayout]}
