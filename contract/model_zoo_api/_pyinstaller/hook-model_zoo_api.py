"""Pack the plugins that are installed and allowed with a host, so that it finds them as it would where it was built.

``collect_entry_point`` would bring each plugin's metadata and the module that its entry point names, but not the
modules that its providers name as text, which nothing imports till they are used.
"""

import os
from functools import partial
from typing import Any

from PyInstaller.utils.hooks import (  # type: ignore[import-untyped]
    collect_data_files,
    collect_submodules,
    copy_metadata,
)

from model_zoo_api.allow_list import ALLOW_LIST, AllowList
from model_zoo_api.distributions import distributions, entry_points, identity
from model_zoo_api.foreign import attempt
from model_zoo_api.hookspecs import GROUP

excludedimports = ["cv2", "numpy", "PIL", "supervision", "torch"]  # of what providers give, which bring them

datas: list[tuple[str, str]] = []
hiddenimports: list[str] = []
nothing: list[Any] = []
allow_list = AllowList(os.environ.get(ALLOW_LIST))
for dist, *_ in distributions(lambda finder, error: None).values():
    for point in attempt(partial(entry_points, dist, GROUP), nothing):  # the host will say what can't be read
        if allow_list.allows(dist, point.name):
            module = point.value.partition(":")[0].strip()
            package = module.partition(".")[0]
            datas += copy_metadata(identity(dist)[0]) + collect_data_files(package)
            hiddenimports += [module, *collect_submodules(package)]
