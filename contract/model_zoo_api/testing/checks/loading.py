"""Models are loaded, and what can't be is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_zoo_api.testing.results import UNKNOWN, assert_refused, assert_setting_error
from model_zoo_api.testing.subject import Subject
from model_zoo_api.testing.suite import Suite


class LoaderChecks(Suite):
    """The loader."""

    def test_loader_gives_a_model(self, subject: Subject) -> None:
        """It takes a name or a path, and ``card=``, and returns something."""
        assert self._keep(("model", subject.source), subject.load) is not None, "it gives None"

    @pytest.mark.usefixtures("model")
    def test_unknown_model_is_a_clear_error(self, subject: Subject) -> None:
        """A name that it doesn't know is refused, and the message repeats it."""
        assert_refused(lambda: subject.load_other("no_such_model"), "no_such_model")

    @pytest.mark.usefixtures("model")
    def test_missing_file_is_a_clear_error(self, subject: Subject, tmp_path: Path) -> None:
        """A file that isn't there is refused by its name."""
        path = tmp_path / "missing_weights.bin"
        assert_refused(lambda: subject.load_other(str(path)), path.name)

    @pytest.mark.usefixtures("model")
    def test_file_without_weights_is_a_clear_error(self, subject: Subject, tmp_path: Path) -> None:
        """A file that holds no weights is refused by its name."""
        path = tmp_path / "shopping_list.txt"
        path.write_text("bread, butter, two apples\n", encoding="utf-8")
        assert_refused(lambda: subject.load_other(str(path)), path.name)

    @pytest.mark.usefixtures("model")
    def test_unknown_option_is_refused(self, subject: Subject) -> None:
        """A loader with an option that there isn't is refused by its name; for hosts by a ``SettingError``."""
        self._version_2(subject)
        wrong = {UNKNOWN: 1}
        assert_refused(lambda: subject.load(**wrong), UNKNOWN)
        assert_setting_error(lambda: subject.load_checked(**wrong), UNKNOWN)
