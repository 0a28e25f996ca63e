"""The other factories, and all together."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from model_zoo_api.allow_list import ALLOW_LIST
from model_zoo_api.testing.results import Row
from model_zoo_api.testing.subject import Subject
from model_zoo_api.testing.suite import Suite
from model_zoo_api.types import Role
from model_zoo_api.zoo import ModelZoo


class WorkChecks(Suite):
    """Validator, trainer, exporter, and the zoo."""

    def test_validator_measures(self, subject: Subject, model: Any, work: Mapping[Role, Mapping[str, Any]]) -> None:
        """Its factory gives a callable, which gives metrics."""
        assert self._run(subject, "validator", model, work) is not None, "it gives None instead of metrics"

    @pytest.mark.usefixtures("model")
    def test_trainer_trains(self, subject: Subject, work: Mapping[Role, Mapping[str, Any]]) -> None:
        """Its factory gives a callable, which trains the model and gives metrics."""
        self._offered(subject, "trainer")
        assert self._run(subject, "trainer", subject.load(), work) is not None, "it gives None instead of metrics"

    def test_exporter_writes(self, subject: Subject, model: Any, work: Mapping[Role, Mapping[str, Any]]) -> None:
        """Its factory gives a callable, which gives the path it wrote."""
        path = self._run(subject, "exporter", model, work)
        assert isinstance(path, (str, os.PathLike)), f"it gives {path!r}, no path"
        assert Path(path).exists(), f"it gives {path}, but nothing is there"

    def _run(self, subject: Subject, role: Role, model: Any, work: Mapping[Role, Mapping[str, Any]]) -> Any:
        run = self._offered(subject, role)(model)
        assert callable(run), f"the {role}'s factory gives {run!r}, which can't be called"
        if role not in work:
            pytest.skip(f"its factory gives a callable; the fixture `work` has no settings to run the {role} with")
        return run(**work[role])

    def test_zoo_puts_it_to_work(
        self, subject: Subject, found: list[list[Row]], images: Sequence[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """``ModelZoo.predictor`` finds the same as the factories by themselves.

        What the provider says that its loader and its predictor take has to have the settings that they are given.
        """
        provider = subject.provider
        monkeypatch.setenv(ALLOW_LIST, self.entry_point or provider.name)
        zoo = ModelZoo.discover()
        if provider.name not in zoo.providers:
            pytest.skip("it isn't discovered, see test_zoo_discovers_it")
        options = dict(subject.options)
        predict = zoo.predictor(subject.source, provider=provider.name, load=options, **subject.settings)
        self.tolerance.assert_same(self._boxes(predict, images), found, "through the zoo")
