"""The one ``openvino.Core`` of this process.

Each Core replaces the stack that signals are handled on, and unmaps its own when it goes. When several go in another
order than the reverse of how they came, the stack that is left is one that was unmapped, and the next signal ends the
process. (OpenVINO's ``SigAltStackSetup``; seen with 2026.4 where Python's faulthandler was on, as it is under pytest.)
"""

from __future__ import annotations

import functools

from yolonas_plugin.system.silence import openvino


@functools.cache
def core() -> openvino.Core:
    """Return it; it reads files instead of mapping them, which would end the process when one is cut."""
    made = openvino.Core()
    made.set_property({"ENABLE_MMAP": False})
    return made
