"""A model of the zoo as llm's. Listing them costs little: what they do is imported when one is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import llm

from model_zoo_api.bridges.offers import Offer

if TYPE_CHECKING:
    from model_zoo_api.bridges.llm.answers import Work
    from model_zoo_api.bridges.llm.options import ZooOptions

TYPES: Final = frozenset(f"image/{kind}" for kind in ("avif", "bmp", "gif", "jpeg", "png", "tiff", "webp", "x-ms-bmp"))
"""What llm is told that can be attached; whatever else is a picture by its type is let through too."""


def models_of(offer: Offer) -> tuple[Any, Any]:
    """Return llm's model of an offer, and the asynchronous one.

    Their class is called like the provider, which ``llm models list`` shows.
    """
    name = offer.provider.name
    return type(name, (_Model,), {})(offer), type(name, (_AsyncModel,), {})(offer)


class _ZooModel:
    """What llm asks of either kind of model before it prompts."""

    can_stream = True
    supports_schema = True
    attachment_types = TYPES

    def __init__(self, offer: Offer) -> None:
        self.model_id = offer.name
        self.offer = offer

    @cached_property
    def Options(self) -> type[ZooOptions]:  # noqa: N802
        """The class of its options, made when llm needs it."""
        from model_zoo_api.bridges.llm.options import options_of

        return options_of(self.offer.provider)

    @cached_property
    def work(self) -> Work:
        """What answers."""
        from model_zoo_api.bridges.llm.answers import Work

        return Work(self.offer)

    def _validate_attachments(self, attachments: Sequence[Any] | None = None) -> None:
        """See what is attached, as llm does, in other words."""
        from model_zoo_api.bridges.llm.pictures import check_types

        check_types(attachments or ())


class _Model(_ZooModel, llm.Model):  # type: ignore[misc]
    def execute(self, prompt: Any, stream: bool, response: Any, conversation: Any) -> Iterator[str]:
        """Yield the answer."""
        yield from self.work.answers(prompt, response, conversation)


class _AsyncModel(_ZooModel, llm.AsyncModel):  # type: ignore[misc]
    async def execute(self, prompt: Any, stream: bool, response: Any, conversation: Any) -> AsyncIterator[str]:
        """Yield the answer, which is worked out in a thread."""
        from model_zoo_api.bridges.llm.answers import collected

        answers = self.work.answers(prompt, response, conversation)
        pieces, error = await asyncio.to_thread(collected, answers)
        for piece in pieces:
            yield piece
        if error is not None:
            raise error
