"""Data sets that the Ultralytics engine finds: by a name of its own, at an address, in an archive.

:mod:`yolonas_plugin.data`, which reads them, asks for these functions by reference and imports no engine.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ultralytics import utils
from ultralytics.data.utils import find_dataset_yaml
from ultralytics.utils.checks import check_file
from ultralytics.utils.downloads import safe_download

from yolonas_plugin.data.yaml_file import YAML_ENDINGS
from yolonas_plugin.engine import quiet, session
from yolonas_plugin.errors import DataNotFoundError, SourceError


def datasets_folder() -> Path:
    """Return the folder that the engine keeps data sets in, as its settings say."""
    return Path(utils.DATASETS_DIR)


def locate(source: str) -> tuple[Path, Path | None]:
    """Find the YAML file that the name of one of the engine's data sets, a URL or an archive means.

    Returns:
        The file, and the folder that an archive was unpacked into.

    Raises:
        DataNotFoundError, SourceError: There is none.
    """
    with session():
        try:
            bare = "://" not in source and not os.path.exists(source) and Path(source).suffix not in YAML_ENDINGS
            file = Path((check_file(f"{source}.yaml", hard=False) if bare else None) or check_file(source))
            folder = None
            if file.is_dir():
                file = find_dataset_yaml(file)
            elif zipfile.is_zipfile(file) or tarfile.is_tarfile(file):
                folder = Path(safe_download(file, dir=datasets_folder(), unzip=True, delete=False))
                file = find_dataset_yaml(folder)
        except FileNotFoundError as error:
            raise DataNotFoundError(f"{source}: {error}") from error
        except Exception as error:  # the engine raises whatever its parts do
            raise SourceError(f"{source}: the engine can't find a data set here: {error}") from error
    return file, file.parent if folder else None


@contextlib.contextmanager
def installing_nothing() -> Iterator[None]:
    """Keep the engine from installing a package when Pillow is given what is no image, and from logging it."""
    with session(), quiet(logging.ERROR):
        yield
