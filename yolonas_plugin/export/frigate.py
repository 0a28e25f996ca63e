"""What Frigate, the video recorder, is given: a file that it reads, the names of its classes, a configuration.

::

    FOLDER/NAME/NAME.onnx       takes a square of a frame as Frigate cuts it out, and gives its 20 best rows
    FOLDER/NAME/labelmap.txt    the classes, by their numbers
    FOLDER/NAME/config.yml      what Frigate's own config.yml is to have
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from yolonas_plugin.errors import ExportError
from yolonas_plugin.export.description import Description
from yolonas_plugin.export.form import free_folder
from yolonas_plugin.export.onnx import make_onnx
from yolonas_plugin.files.whole import whole_folder
from yolonas_plugin.nn import YoloNAS

SIDE: Final = 320
"""Of the input in pixels, unless another is asked for: Frigate's default, and what its documentation advises."""

_CONFIG: Final = """\
# For Frigate's config.yml. Paths are those in its container, where the folder {folder} is in /config/model_cache.
detectors:
  yolo_nas:
    type: openvino # or: type: onnx, without device
    device: CPU # or: GPU
model:
  model_type: yolonas
  width: {side}
  height: {side}
  input_tensor: nchw
  input_pixel_format: bgr
  input_dtype: int
  path: /config/model_cache/{folder}/{folder}.onnx
  labelmap_path: /config/model_cache/{folder}/labelmap.txt
# A Frigate whose configuration has "models" instead of "detectors" and "model" takes the same lines from model_type on:
# models:
#   - devices:
#       - openvino:CPU
#     model_type: yolonas
"""


def write_frigate(
    network: YoloNAS, description: Description, parent: Path, name: str, *, overwrite: bool = False, **options: Any
) -> Path:
    """Write a folder for Frigate.

    Args:
        network: Fused, in evaluation mode, on the CPU; a copy that nobody else uses.
        description: What the file says, with ``takes="frigate"`` and ``gives="frigate"``.
        parent: Where the folder is made: Frigate's ``model_cache``; made if need be.
        name: Of the folder and of its file: letters, digits, ``_``, ``.`` and ``-``.
        overwrite: Replace a folder of that name.
        **options: ``simplify`` and ``opset`` of :func:`~yolonas_plugin.export.onnx.write_onnx`.

    Returns:
        The folder, which appears whole or not at all.

    Raises:
        ExportError: Frigate couldn't use it: the input is no square, images have no three channels, a name won't do;
            the folder is there, or can't be written.
    """
    folder = free_folder(parent, name, "a folder for Frigate", overwrite)
    height, width = description.processing.size
    if height != width:
        raise ExportError(f"imgsz={[height, width]}: Frigate cuts squares out of its frames; give one side")
    if description.channels != 3:
        raise ExportError(f"the model is for images of {description.channels} channels, and Frigate's have 3")
    labels = _labelmap(description.names)
    graph = make_onnx(network, description, **options)
    import onnx

    with whole_folder(folder) as new:
        onnx.save(graph, new / f"{name}.onnx")
        (new / "labelmap.txt").write_text(labels, encoding="utf-8")
        (new / "config.yml").write_text(_CONFIG.format(folder=name, side=width), encoding="utf-8")
    return folder


def _labelmap(names: tuple[str, ...]) -> str:
    """Return a line for each class: its number and its name. Without numbers a name such as "3 axles" would be one.

    Raises:
        ExportError: A name is empty, or more than a line.
    """
    for number, name in enumerate(names):
        if not name.strip() or len(f"{name}.".splitlines()) != 1:  # one at the end counts too
            raise ExportError(f"class {number} is called {name!r}, and Frigate wants one line: give other names=")
    return "".join(f"{number} {name}\n" for number, name in enumerate(names))
