"""What a model answers: pictures and names of classes in, what was found out, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from model_zoo_api.bridges.classes import detect, labels_of
from model_zoo_api.bridges.drawn import check_place, draw_to
from model_zoo_api.bridges.llm.options import PICTURE
from model_zoo_api.bridges.llm.pictures import Picture, PromptError, as_files, check_types, last_pictures
from model_zoo_api.bridges.offers import Offer
from model_zoo_api.bridges.pool import installed_pool
from model_zoo_api.bridges.shapes import Shape
from model_zoo_api.bridges.written import names_in
from model_zoo_api.detections import Detections
from model_zoo_api.errors import LicenceNotAcceptedError, ModelZooError, SettingError
from model_zoo_api.foreign import describe
from model_zoo_api.settings import ACCEPT_LICENCE


@dataclass
class _Asked:
    """A prompt, understood."""

    attachments: list[Any]
    wanted: list[str]
    options: dict[str, Any]
    settings: dict[str, Any]
    places: list[str]
    shape: Shape | None


class Work:
    """What both kinds of models do. It is imported when one of them is asked."""

    def __init__(self, offer: Offer) -> None:
        self.offer = offer

    def answers(self, prompt: Any, response: Any, conversation: Any) -> Iterator[str]:
        """Yield the answer in pieces: a line of JSON for each picture, or what the prompt's schema asks for.

        A picture that can't be read is a line with ``error``; the others go on.

        Raises:
            PromptError: The prompt can't be answered; or none of the pictures could be read.
        """
        response_to = getattr(response, "set_resolved_model", None)
        if response_to is not None:
            response_to(f"{self.offer.provider.name}/{self.offer.card.name}")
        with _told(self.offer):
            asked = self._understood(prompt, conversation)
            with as_files(asked.attachments) as pictures:
                yield from self._said(asked, self._found(asked, pictures))

    def _understood(self, prompt: Any, conversation: Any) -> _Asked:
        """Check all that can be checked before anything is loaded."""
        attachments = last_pictures(prompt, conversation)
        if not attachments:
            raise PromptError(f"there is no picture to look at: llm -m {self.offer.name} -a picture.png")
        check_types(attachments)
        if prompt.system:
            raise PromptError(
                "this model takes no system prompt: the prompt names the classes to look for, or is empty"
            )
        values = prompt.options.given()
        places = values.pop(PICTURE, [])
        if places and len(places) != len(attachments):
            raise PromptError(f"{PICTURE}: {len(places)} names for {len(attachments)} attachments")
        if len({check_place(place) for place in places}) != len(places):
            raise PromptError(f"{PICTURE}: a name is given twice")
        own = {option.name for option in self.offer.provider.options or ()}
        options = {name: value for name, value in values.items() if name in own}
        settings = {name: value for name, value in values.items() if name not in own}
        schema = getattr(prompt, "schema", None)
        asked = _Asked(
            attachments=attachments,
            wanted=names_in(prompt.prompt or ""),
            options=options,
            settings=settings,
            places=places,
            shape=Shape(schema, self.offer.card.task) if schema else None,
        )
        if asked.wanted and (names := self._names(asked)) is not None:
            labels_of(names, asked.wanted)
        return asked

    def _names(self, asked: _Asked) -> Mapping[int, str] | None:
        """Return the names of the classes, where the card says them and no option of the loader may change them."""
        classes = self.offer.card.classes
        return dict(enumerate(classes)) if classes and not asked.options else None

    def _found(self, asked: _Asked, pictures: Sequence[Picture]) -> Iterator[Detections]:
        """Yield what is found in each picture."""
        for index, picture in enumerate(pictures):
            if picture.file is None:
                yield picture.not_there(index)
                continue
            # for one picture, so that others get a turn
            with installed_pool().predictor(self.offer, asked.options) as predict:
                found = detect(predict, [picture.file], self.offer, asked.settings, asked.wanted, self._names(asked))
            for one in found:
                if asked.places and one.error is None:
                    draw_to(one, asked.places[index])
                yield picture.as_known(replace(one, index=index))

    def _said(self, asked: _Asked, found: Iterator[Detections]) -> Iterator[str]:
        """Yield what was found as text.

        Raises:
            PromptError: None could be read; or one couldn't, and the schema has no place for that.
        """
        shape = asked.shape
        if shape is not None and shape.answers_once:
            outcomes = list(found)
            yield json.dumps(shape.answer(outcomes))
            errors = [_said_of(one) for one in outcomes if one.error is not None]
        else:
            outcomes, errors = [], []
            between = ""
            for one in found:
                outcomes.append(one)
                try:
                    if one.error is not None:
                        errors.append(_said_of(one))
                        if len(asked.attachments) == 1 or (shape is not None and not shape.says_errors):
                            continue
                    said = one.to_dict() if shape is None else shape.answer([one])
                except SettingError as error:
                    errors.append(f"{one.path}: {error}")
                    continue
                yield between + json.dumps(said)
                between = "\n"
        if errors and (len(errors) == len(outcomes) or (shape is not None and not shape.says_errors)):
            raise PromptError("; ".join(errors))


@contextmanager
def _told(offer: Offer) -> Iterator[None]:
    """Turn what the zoo and its providers raise into one line of llm's."""
    try:
        yield
    except PromptError:
        raise
    except LicenceNotAcceptedError as error:
        raise PromptError(_about_licence(offer) or _line(str(error))) from error
    except ModelZooError as error:
        raise PromptError(_line(str(error))) from error
    except Exception as error:
        raise PromptError(f"{offer.provider.name} failed: {describe(error)}") from error


def _about_licence(offer: Offer) -> str | None:
    """Return how to accept the licence of the weights, where that is an option."""
    licence = offer.card.licence
    if licence is None or ACCEPT_LICENCE.name not in {option.name for option in offer.provider.options or ()}:
        return None
    terms = ", non-commercial use only" if licence.commercial_use is False else ""
    return (
        f"the weights of {offer.card.name} are under the licence {licence.name}{terms}, which nobody has accepted "
        f"here: read it at {licence.url} and, if you accept it, add -o {ACCEPT_LICENCE.name} true"
    )


def _said_of(found: Detections) -> str:
    """Return why a picture couldn't be read, with its name."""
    error = found.error or ""
    return error if found.path is None or found.path in error else f"{found.path}: {error}"


def _line(text: str) -> str:
    return " ".join(text.split())


def collected(answers: Iterator[str]) -> tuple[list[str], PromptError | None]:
    """Return an answer's pieces, and what ended it."""
    pieces: list[str] = []
    try:
        pieces.extend(answers)
    except PromptError as error:
        return pieces, error
    return pieces, None
