"""What a predictor may be given, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any, Final

import pytest

from model_zoo_api.errors import SourceError
from model_zoo_api.testing.answers import assert_failed, assert_one_for_each, assert_size, assert_unreadable
from model_zoo_api.testing.pictures import read_rows
from model_zoo_api.testing.results import Row, assert_refused, rows_of
from model_zoo_api.testing.subject import Subject
from model_zoo_api.testing.suite import Suite

NOTHING: Final[dict[str, Any]] = {
    "None": None,
    "an empty text": "",
    "spaces": "  ",
    "a number": 7,
    "a mapping": {},
    "bytes": b"x.png",
}
"""What names no image."""

AHEAD: Final = 64
"""Images that a stream may read before it gives the first result."""


class SourceChecks(Suite):
    """Paths, lists, folders, patterns, arrays, nothing, and images that can't be read."""

    @pytest.mark.usefixtures("results")
    def test_missing_image_is_an_outcome(
        self, subject: Subject, predict: Callable[..., list[Any]], tmp_path: Path
    ) -> None:
        """An image that isn't there is a result with ``error``; in version 1 it is refused by its name."""
        assert_unreadable(subject, predict, tmp_path / "missing_image.png")

    @pytest.mark.usefixtures("results")
    def test_file_without_an_image_is_an_outcome(
        self, subject: Subject, predict: Callable[..., list[Any]], tmp_path: Path
    ) -> None:
        """A file that is no image is a result with ``error``; in version 1 it is refused by its name."""
        path = tmp_path / "no_image.png"
        path.write_text("this is no image\n", encoding="utf-8")
        assert_unreadable(subject, predict, path)

    def test_damaged_image_is_an_outcome(
        self, subject: Subject, predict: Callable[..., list[Any]], results: list[Any], tmp_path: Path
    ) -> None:
        """Files that begin like an image, and end early or go on with other bytes, are results with ``error``."""
        self._described(subject)
        whole = Path(results[0].path).read_bytes()
        broken = {"early": whole[: len(whole) // 2], "head": whole[:12], "other": whole[:40] + b"\0" * 60, "empty": b""}
        paths = [tmp_path / f"{name}.png" for name in broken]
        for path, data in zip(paths, broken.values(), strict=True):
            path.write_bytes(data)
        given = [str(path) for path in paths]
        found = predict(given)
        assert_one_for_each(subject, found, given)
        for result in found[1:]:  # of the first, some libraries show what they could read
            assert_failed(result)

    def test_wrong_kind_of_source_is_a_clear_error(
        self, predict: Callable[..., list[Any]], found: list[list[Row]], images: Sequence[Path]
    ) -> None:
        """Something that is no image at all is refused, and the predictor goes on working."""
        assert_refused(lambda: predict(object()))
        self.tolerance.assert_same(self._boxes(predict, images), found, "after the refusal")

    @pytest.mark.usefixtures("results")
    def test_nothing_is_a_source_error(
        self, subject: Subject, predict: Callable[..., list[Any]], tmp_path: Path
    ) -> None:
        """None, an empty text, an empty folder, numbers and bytes are refused with ``SourceError``.

        Of version 1, None and an empty text are refused with any clear error.
        """
        if subject.provider.api_version < 2:
            for nothing in (None, ""):
                assert_refused(partial(predict, nothing))
            return
        self._described(subject)
        for what, nothing in {**NOTHING, "an empty folder": tmp_path, "no such files": str(tmp_path / "*.png")}.items():
            try:
                given = predict(nothing)
            except SourceError:
                continue
            except Exception as error:
                pytest.fail(f"of {what}, {nothing!r}, it raises {type(error).__name__}, no SourceError: {error}")
            pytest.fail(f"of {what}, {nothing!r}, it gives {given!r} instead of a SourceError")

    @pytest.mark.usefixtures("results")
    def test_an_empty_list_gives_nothing(self, subject: Subject, predict: Callable[..., list[Any]]) -> None:
        """A list without images is a list without results."""
        self._described(subject)
        assert predict([]) == [], f"of an empty list it gives {predict([])!r}"

    def test_a_folder_gives_its_images_by_name(
        self,
        subject: Subject,
        predict: Callable[..., list[Any]],
        found: list[list[Row]],
        images: Sequence[Path],
        tmp_path: Path,
    ) -> None:
        """So does a pattern; what is no image is left out."""
        self._described(subject)
        names = [f"{'zyxwvutsrqponmlkjihgfedcba'[number % 26]}{number}.png" for number in range(len(images))]
        for path, name in zip(images, names, strict=True):
            (tmp_path / name).write_bytes(path.read_bytes())
        (tmp_path / "names.txt").write_text("red\nblue\n", encoding="utf-8")
        expected = dict(sorted(zip(names, found, strict=True)))
        paths = [str(tmp_path / name) for name in expected]
        for given in (tmp_path, str(tmp_path), str(tmp_path / "*.png")):
            results = predict(given)
            assert_one_for_each(subject, results, paths)
            self.tolerance.assert_same(list(map(rows_of, results)), list(expected.values()), f"of {given}")

    def test_an_array_is_as_its_file(
        self, subject: Subject, predict: Callable[..., list[Any]], found: list[list[Row]], images: Sequence[Path]
    ) -> None:
        """An array [height, width, 3] in the order blue, green, red gives what the file gives, alone and in a list."""
        self._described(subject)
        numpy = pytest.importorskip("numpy")
        arrays = []
        for path in images:
            rows = read_rows(path)
            arrays.append(numpy.frombuffer(b"".join(rows), numpy.uint8).reshape(len(rows), -1, 3)[..., ::-1].copy())
        results = [*predict(arrays[0]), *predict(arrays)]
        assert len(results) == 1 + len(arrays), f"of an array, and of {len(arrays)}, it gives {len(results)} results"
        assert all(result.path is None for result in results), f"of arrays, path is {results[0].path!r}, not None"
        for path, result in zip((images[0], *images), results, strict=True):
            assert_size(result, path)
        boxes = list(map(rows_of, results))
        self.tolerance.assert_same(boxes, [found[0], *found], "of arrays in the order blue, green, red")

    def test_what_is_bad_in_a_list_costs_nothing_else(
        self,
        subject: Subject,
        predict: Callable[..., list[Any]],
        found: list[list[Row]],
        images: Sequence[Path],
        tmp_path: Path,
    ) -> None:
        """An image that can't be read, or is none, is a result with ``error`` in its place; the others are as ever."""
        self._described(subject)
        text = tmp_path / "no_image.png"
        text.write_text("this is no image\n", encoding="utf-8")
        bad = cycle([str(tmp_path / "missing.png"), None, str(text), "", 7])
        mixed = list(chain.from_iterable(zip(bad, map(str, images), bad)))  # noqa: B905  the bad never end
        results = predict(mixed)
        assert isinstance(results, list), f"it gives a {type(results).__name__}, not a list"
        assert len(results) == len(mixed), f"it gives {len(results)} results for {mixed}"
        assert [result.index for result in results] == list(range(len(mixed))), "index doesn't count the bad ones"
        good = results[1::3]
        for result in (*results[::3], *results[2::3]):
            assert_failed(result)
        assert [result.path for result in good] == list(map(str, images)), "the good ones aren't in their places"
        assert all(result.error is None for result in good), f"a good image has the error {good[0].error!r}"
        self.tolerance.assert_same(list(map(rows_of, good)), found, "among images that can't be read")

    def test_a_stream_is_as_the_call(
        self, subject: Subject, model: Any, found: list[list[Row]], images: Sequence[Path]
    ) -> None:
        """As a host has it, ``stream`` gives the same, of a list or an iterator, and begins before that has ended."""
        self._described(subject)
        predict = subject.predictor_checked(model)
        paths = [str(path) for path in images]
        for given in (paths, iter(paths)):
            results = list(predict.stream(given))
            assert_one_for_each(subject, results, paths)
            self.tolerance.assert_same(list(map(rows_of, results)), found, "as a stream")
        begun = predict.stream(_too_many(paths))
        first = next(iter(begun))
        self.tolerance.assert_same([rows_of(first)], found[:1], "first of a stream")
        close = getattr(begun, "close", None)
        if close is not None:
            close()


def _too_many(paths: Sequence[str]) -> Iterator[str]:
    yield from islice(cycle(paths), AHEAD)
    raise AssertionError(f"a stream reads more than {AHEAD} images before it gives the first result")
