"""Ctrl-C pressed where it gets lost."""

from __future__ import annotations

import os
import signal


class Dying:
    """Something at whose end Ctrl-C is pressed, in a place where Python drops what it raises."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):  # until the handler has run
            pass
