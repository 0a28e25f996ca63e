"""What the provider's loader and predictor may be told is as it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from model_zoo_api.errors import DependencyMissingError, ModelZooError
from model_zoo_api.settings import Setting
from model_zoo_api.testing.pictures import size_of
from model_zoo_api.testing.results import UNKNOWN, Row, assert_refused, assert_setting_error
from model_zoo_api.testing.subject import Subject
from model_zoo_api.testing.suite import Suite


class SettingChecks(Suite):
    """Unknown ones are refused, and those that the provider declares are true."""

    @pytest.mark.usefixtures("results")
    def test_unknown_setting_is_refused(
        self, subject: Subject, model: Any, predict: Callable[..., list[Any]], images: Sequence[Path]
    ) -> None:
        """A predictor with a setting that there isn't is refused by its name, when it is made and at a call.

        Hosts that go through ``ModelZoo`` get a ``SettingError``.
        """
        self._described(subject)
        path, wrong = str(images[0]), {UNKNOWN: 1}
        assert_refused(lambda: subject.predictor(model, **wrong), UNKNOWN)
        assert_refused(lambda: predict(path, **wrong), UNKNOWN)
        checked = subject.predictor_checked(model)
        assert_setting_error(lambda: subject.predictor_checked(model, **wrong), UNKNOWN)
        assert_setting_error(lambda: checked(path, **wrong), UNKNOWN)
        assert_setting_error(lambda: list(checked.stream(path, **wrong)), UNKNOWN)

    @pytest.mark.usefixtures("results")
    def test_conf_has_a_range(self, subject: Subject, model: Any) -> None:
        """Hosts get a ``SettingError`` for a ``conf`` that is no number from 0 to 1, before there is any image."""
        self._described(subject)
        for wrong in (-0.1, 1.5, float("nan"), "high"):
            assert_setting_error(partial(subject.predictor_checked, model, conf=wrong), "conf")

    @pytest.mark.usefixtures("results")
    def test_settings_take_what_they_say(self, subject: Subject, model: Any, images: Sequence[Path]) -> None:
        """The predictor takes the default, the limits and the choices of each of its settings."""
        self._described(subject)
        path = str(min(images, key=size_of))
        for setting in subject.provider.settings or ():
            for value in _values(setting):
                try:
                    predict = subject.predictor(model, **{setting.name: value})
                    if setting.kind in ("number", "integer"):
                        predict(path)
                except DependencyMissingError:
                    continue
                except Exception as error:
                    pytest.fail(f"{setting.name}={value!r} is {setting.allowed}, and it raises {error!r}")

    def test_trainer_settings_take_what_they_say(self, subject: Subject, model: Any) -> None:
        """A trainer is made with the default, the limits and the choices of each of its settings."""
        make = self._offered(subject, "trainer")
        self._need(("trainer", subject.source), lambda: make(model), "test_trainer_trains")
        for setting in subject.provider.trainer_settings or ():
            for value in _values(setting):
                try:
                    make(model, **{setting.name: value})
                except DependencyMissingError:
                    continue
                except Exception as error:
                    pytest.fail(f"{setting.name}={value!r} is {setting.allowed}, and the trainer raises {error!r}")

    def test_defaults_are_what_they_say(
        self, subject: Subject, model: Any, found: list[list[Row]], images: Sequence[Path]
    ) -> None:
        """Given the defaults that the provider states, loader and predictor do as without them."""
        self._version_2(subject)
        stated = _defaults(subject.provider.options)
        assert subject.load(**{**stated, **subject.options}) is not None, f"with {stated} the loader gives None"
        stated = _defaults(subject.provider.settings)
        predict = subject.provider.factory("predictor")(model)
        self.tolerance.assert_same(
            self._boxes(predict, images, **stated), self._boxes(predict, images), f"with the defaults, {stated},"
        )

    def test_a_predictor_can_be_closed(
        self,
        subject: Subject,
        predict: Callable[..., list[Any]],
        found: list[list[Row]],
        images: Sequence[Path],
    ) -> None:
        """As a host has it, it is closed at the end of a ``with``, once more does nothing, and others work on."""
        self._version_2(subject)
        with subject.predictor_checked(subject.load()) as closing:
            self.tolerance.assert_same(self._boxes(closing, images), found, "in a with")
        closing.close()
        with pytest.raises(ModelZooError, match="closed"):
            closing([str(path) for path in images])
        self.tolerance.assert_same(self._boxes(predict, images), found, "after another predictor was closed")


def _values(setting: Setting) -> Iterator[Any]:
    yield from (value for value in (setting.default, setting.minimum, setting.maximum) if value is not None)
    yield from setting.choices


def _defaults(settings: Sequence[Setting] | None) -> dict[str, Any]:
    return {setting.name: setting.default for setting in settings or () if setting.default is not None}
