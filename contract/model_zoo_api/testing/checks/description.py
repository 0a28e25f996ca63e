"""What the provider says of itself is sound."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import asdict

import pytest

from model_zoo_api.testing.card_faults import faults_of
from model_zoo_api.testing.subject import Subject
from model_zoo_api.testing.suite import Suite
from model_zoo_api.types import ModelProvider


class DescriptionChecks(Suite):
    """The provider's record, its cards and references."""

    def test_cards_are_sound(self, provider: ModelProvider) -> None:
        """There are cards; names differ in more than case; figures are possible; weights have a licence."""
        provider.check()
        assert provider.models, "it has no models"
        names = [name.lower() for card in provider.models for name in (card.name, *card.aliases)]
        twice = sorted({name for name in names if names.count(name) > 1})
        assert not twice, f"names that differ only in case: {', '.join(twice)}"
        faults = [f"{card.name}: {fault}" for card in provider.models for fault in faults_of(card)]
        assert not faults, "\n".join(faults)

    def test_cards_are_plain_data(self, provider: ModelProvider) -> None:
        """A host can write a card as JSON in UTF-8, to store or show it."""
        for card in provider.models:
            try:
                json.dumps(asdict(card), allow_nan=False, ensure_ascii=False).encode()
            except (TypeError, ValueError) as error:
                pytest.fail(f"{card.name} can't be written as JSON: {error}")

    def test_description_can_be_pickled(self, provider: ModelProvider) -> None:
        """A host can send the provider to a worker process."""
        try:
            copy = pickle.loads(pickle.dumps(provider))
        except Exception as error:
            pytest.fail(f"it can't be pickled; name its factories as 'module:attribute': {error}")
        assert copy == provider, f"pickled and read back, it is {copy!r}"

    def test_factories_can_be_imported(self, subject: Subject) -> None:
        """What each role refers to exists and can be called; a task map may be the mapping itself."""
        for role in subject.roles:
            factory = subject.provider.factory(role)
            assert callable(factory) or (role == "task_map" and isinstance(factory, Mapping)), f"{role}: {factory!r}"

    def test_task_map_has_the_tasks_of_the_cards(self, subject: Subject) -> None:
        """It maps each card's task to classes or callables by what they do."""
        found = self._offered(subject, "task_map")
        found = found if isinstance(found, Mapping) else found()
        assert isinstance(found, Mapping), f"it gives {found!r}, no mapping"
        missing = {card.task for card in subject.provider.models} - found.keys()
        assert not missing, f"there are models for {', '.join(missing)}, which it doesn't have"
        for task, roles in found.items():
            assert isinstance(roles, Mapping), f"{task}: {roles!r} is no mapping"
            assert all(map(callable, roles.values())), f"{task}: not all of {roles!r} can be called"
