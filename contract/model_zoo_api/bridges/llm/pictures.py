"""llm's attachments as files that a predictor can look at."""

from __future__ import annotations

import mimetypes
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

import click
import llm

from model_zoo_api.detections import Detections, failed

_ANYTHING: Final = (None, "", "application/octet-stream", "binary/octet-stream")
"""Types by which nothing is said; the content decides."""


class PromptError(llm.ModelError, click.ClickException):  # type: ignore[misc]
    """What a prompt asks for can't be done. llm shows it as one line, in a chat too."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An attachment, as a file.

    Args:
        file: That a predictor looks at; None where it couldn't be had.
        source: Its path or address, as the user knows it; None for what was piped in.
        error: Why it couldn't be had.
    """

    file: str | None
    source: str | None
    error: str | None = None

    def as_known(self, found: Detections) -> Detections:
        """Return a result with the user's name for the picture, in place of a temporary file's."""
        if found.error is None or self.file is None:
            return replace(found, path=self.source)
        return replace(found, path=self.source, error=found.error.replace(self.file, self.source or "the attachment"))

    def not_there(self, index: int) -> Detections:
        """Return the outcome of one that couldn't be had."""
        return failed(self.source, self.error or "it isn't there", index=index)


def check_types(attachments: Sequence[Any]) -> None:
    """See that attachments may be pictures, by their types.

    Raises:
        PromptError: One isn't; a PDF is told from other files.
    """
    for attachment in attachments:
        kind = _type_of(attachment)
        if kind in _ANYTHING or kind.startswith("image/"):
            continue
        what = attachment.path or attachment.url or "the attachment"
        if kind == "application/pdf":
            raise PromptError(
                f"{what} is a PDF, and this model looks at pictures: make one of each page first, such as by "
                "pdftoppm -r 150 -png paper.pdf page"
            )
        raise PromptError(f"{what} is no picture but {kind}; attach one, such as a PNG or JPEG file")


@contextmanager
def as_files(attachments: Sequence[Any]) -> Iterator[list[Picture]]:
    """Lend attachments as files: those that are files as they are, content and what is at a URL in temporary ones."""
    with tempfile.TemporaryDirectory(prefix="llm-picture-") as folder:
        yield [_as_file(attachment, Path(folder) / str(index)) for index, attachment in enumerate(attachments)]


def _as_file(attachment: Any, place: Path) -> Picture:
    if attachment.path and not attachment.content:
        return Picture(attachment.path, attachment.path)
    try:
        content = attachment.content_bytes()
        if not content:
            raise ValueError("it is empty")
        file = place.with_suffix(_suffix(attachment))
        file.write_bytes(content)
    except Exception as error:  # of whatever library llm fetches with
        return Picture(None, attachment.url, f"{attachment.url or 'the attachment'} can't be read: {error}")
    return Picture(str(file), attachment.url)


def _type_of(attachment: Any) -> Any:
    """Return what an attachment says that it is, without parameters such as a charset; a URL isn't asked."""
    kind = attachment.type or (None if attachment.url else attachment.resolve_type())
    return kind.partition(";")[0].strip().lower() if kind else kind


def _suffix(attachment: Any) -> str:
    """Return the ending for a file, which some readers go by."""
    by_type = mimetypes.guess_extension(_type_of(attachment) or "")
    by_name = PurePosixPath(urlsplit(attachment.url).path).suffix if attachment.url else ""
    return (by_type if by_type not in (None, ".bin") else None) or (by_name if by_name.isascii() else "") or ".png"


def last_pictures(prompt: Any, conversation: Any) -> list[Any]:
    """Return the attachments of a prompt; of one without any those that its conversation had last."""
    if prompt.attachments:
        return list(prompt.attachments)
    for message in reversed(getattr(prompt, "messages", None) or []):
        found = [part.attachment for part in message.parts if getattr(part, "attachment", None) is not None]
        if found:
            return found
    for response in reversed(conversation.responses if conversation else []):
        found = list(response.prompt.attachments or getattr(response, "attachments", None) or [])
        if found:
            return found
    return []
