"""VIAME's plugin: whatever the zoo has is a detector of its pipelines.

`VIAME <https://www.viametoolkit.org>`_ imports this by the entry point ``model_zoo`` in its group
``viame.python_plugins``, at every command that looks for plugins. In a pipeline the detector is named as VIAME's own
are, with a model and whatever settings and options its provider has::

    process detector
      :: image_object_detector
      :detector:type                 model_zoo
      :detector:model_zoo:model      yolo_nas_s
      :detector:model_zoo:conf       0.4

Importing this discovers no plugin of the zoo and loads no model. It raises nothing: VIAME would take that for the
failure of all plugins, other people's too.
"""

from __future__ import annotations

import logging

try:
    from model_zoo_api.bridges.viame.detector import ModelZooDetector
except ImportError as error:
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version("viame")
    except PackageNotFoundError:
        found = ""
    logging.getLogger(__name__).warning(
        "viame %s is installed, which lacks what the detector model_zoo uses (%s): pip install -U 'viame>=0.23.5'",
        found or "of an unknown version",
        error,
    )
else:
    __all__ = ["ModelZooDetector"]
