"""The programs look at what those in ``tests/hosts`` look at."""

from tests.hosts.conftest import known

__all__ = ["known"]
