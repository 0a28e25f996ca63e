"""What the test has, training never saw."""

from __future__ import annotations

import pytest

from page_layout import fonts
from page_layout.families import HELD_OUT, TRAINING
from page_layout.fonts import Font, FontsMissingError
from page_layout.splits import Split

TRAIN, VAL, TEST = (Split.of(name) for name in ("train", "val", "test"))


def test_val_has_the_fonts_and_languages_of_training():
    assert (VAL.fonts, VAL.languages) == (TRAIN.fonts, TRAIN.languages)


def test_fonts_are_disjoint():
    ours, theirs = ({font.family for font in split.fonts} for split in (TRAIN, TEST))
    assert ours
    assert theirs
    assert not ours & theirs
    assert len(fonts.FONTS) == len({font.family for font in fonts.FONTS})


def test_languages_are_disjoint():
    ours, theirs = ({language.code for language in split.languages} for split in (TRAIN, TEST))
    assert len(ours) >= 12
    assert len(theirs) >= 8
    assert not ours & theirs


def test_families_are_disjoint():
    assert len(TRAINING) >= 10
    assert len(HELD_OUT) >= 4
    assert not {family for family, _ in TRAINING.values()} & {family for family, _ in HELD_OUT.values()}


@pytest.mark.parametrize("split", [TRAIN, TEST], ids=lambda split: split.name)
def test_every_language_has_a_font_for_text_and_there_is_code_and_mathematics(split):
    for language in split.languages:
        kinds = {font.kind for font in split.fonts if language.script in font.scripts}
        assert kinds & {"serif", "sans"}, language
    assert {"serif", "sans", "mono", "math"} <= {font.kind for font in split.fonts if "latin" in font.scripts}


def test_a_missing_font_is_an_error_that_names_its_package():
    nowhere = Font("No Such Family", "fonts-no-such-package", "serif", ("latin",))
    with pytest.raises(FontsMissingError, match=r"No Such Family.*apt-get install fonts-no-such-package"):
        fonts.require((nowhere,))


def test_the_test_knows_no_font_of_training(tmp_path):
    """A glyph that a font lacks can't be borrowed from the other side: only the split's own files are loaded."""
    installed = tuple(font for font in TEST.fonts if font.family in fonts._system())
    if not installed:
        pytest.skip("none of the held-out fonts is installed")
    loaded = fonts.compiler_fonts(installed, tmp_path)
    assert not set(loaded.families()) & {font.family for font in TRAIN.fonts}
