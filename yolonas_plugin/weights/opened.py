"""Reading a weight file that another process may write to at the same time.

A file that is mapped into memory ends the process (SIGBUS) when it is truncated, and a write to it changes values that
were checked before. So bytes are copied into memory of this process, and a file that changes meanwhile is an error.
"""

from __future__ import annotations

import os
from pathlib import Path

from yolonas_plugin.errors import CheckpointError


class OpenedFile:
    """An open file of weights.

    Args:
        path: A regular file.

    Attributes:
        path: Path of the file.
        size: Size in bytes when it was opened.

    Raises:
        OSError: It can't be opened.
        CheckpointError: It is a device or a pipe.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists() and not path.is_file() and not path.is_dir():  # to open a pipe would wait for its writer
            raise CheckpointError(f"{path}: this is no file, but a device or a pipe")
        self._file = path.open("rb", 0)
        self._state = self._now()
        self.size = self._state[0]

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()

    def read(self, start: int, count: int) -> bytes:
        """Return ``count`` bytes from offset ``start``, or fewer at the end of the file.

        Raises:
            CheckpointError: The file was truncated since it was opened.
        """
        buffer = bytearray(max(min(count, self.size - start), 0))
        self.read_into(start, buffer)
        return bytes(buffer)

    def read_into(self, start: int, buffer: bytearray | memoryview) -> None:
        """Fill ``buffer`` with the bytes of the file from offset ``start``.

        Raises:
            CheckpointError: The file was truncated since it was opened.
        """
        rest = memoryview(buffer)
        if not rest:  # of a place far beyond the end, which a damaged archive may name
            return
        self._file.seek(start)
        while rest:
            count = self._file.readinto(rest)
            if not count:
                raise self._changed()
            rest = rest[count:]

    def check_unchanged(self) -> None:
        """Check that the file is the same as when it was opened, so that all bytes read are of one version.

        Raises:
            CheckpointError: It was written to since it was opened.
        """
        if self._now() != self._state:
            raise self._changed()

    def _now(self) -> tuple[int, int]:
        state = os.fstat(self._file.fileno())
        return state.st_size, state.st_mtime_ns

    def _changed(self) -> CheckpointError:
        return CheckpointError(
            f"{self.path}: the file changed while it was read; open it again when its writer has finished"
        )


def read_whole(path: Path, most: int) -> bytearray:
    """Return all of a file.

    Raises:
        CheckpointError: It can't be read, is no regular file, has more than ``most`` bytes, or changes meanwhile.
    """
    try:
        file = OpenedFile(path)
        if file.size > most:
            raise CheckpointError(f"{path}: the file has {file.size:,} bytes; such a file has at most {most:,}")
        content = bytearray(file.size)
        file.read_into(0, content)
    except OSError as error:
        raise CheckpointError(f"{path}: the file can't be read: {error.strerror or error}") from error
    file.check_unchanged()
    return content
