"""super-gradients talks much about itself; these settings, read when it is imported, keep it short."""

from __future__ import annotations

import os

os.environ.setdefault("CRASH_HANDLER", "FALSE")
os.environ.setdefault("CONSOLE_LOG_LEVEL", "ERROR")
