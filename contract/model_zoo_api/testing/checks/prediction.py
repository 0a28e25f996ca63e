"""What is found in images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model_zoo_api.testing.answers import (
    assert_doubled,
    assert_keypoints,
    assert_one_for_each,
    assert_size,
    assert_sound,
)
from model_zoo_api.testing.pictures import size_of, write_double
from model_zoo_api.testing.results import CORNERS, Row, rows_of
from model_zoo_api.testing.subject import Subject
from model_zoo_api.testing.suite import Suite


class PredictionChecks(Suite):
    """The predictor, and its results."""

    def test_predictor_gives_a_result_for_each_image(
        self, subject: Subject, model: Any, images: Sequence[Path]
    ) -> None:
        """It returns a list: one result for a path, one for each path of a list, in their order, with their paths."""
        self._offered(subject, "predictor")
        predict = self._keep(("predictor", subject.source), lambda: subject.predictor(model))
        paths = [str(path) for path in images]
        for given, expected in ((paths, paths), (paths[0], paths[:1])):
            results = predict(given)
            assert_one_for_each(subject, results, expected)
            for result in results if subject.has_boxes else ():
                rows_of(result)  # it has boxes with cls, conf and xyxy

    @pytest.mark.usefixtures("found")
    def test_results_have_the_size_of_the_image(
        self, subject: Subject, results: list[Any], images: Sequence[Path]
    ) -> None:
        """``height`` and ``width`` are the image's, in pixels."""
        self._described(subject)
        for path, result in zip(images, results, strict=True):
            assert_size(result, path)

    def test_boxes_are_in_pixels_of_the_image(self, found: list[list[Row]], images: Sequence[Path]) -> None:
        """Left is before right, top before bottom, and no box is further out than an image that is padded to a square.

        Boxes in pixels of the network's input are refused that way, and boxes in parts of the image, from 0 to 1.
        """
        for path, rows in zip(images, found, strict=True):
            width, height = size_of(path)
            limit = 2 * max(width, height)  # untrained models find boxes in the padding, which reach out of that too
            for x1, y1, x2, y2 in (row[CORNERS] for row in rows):
                sound = -limit <= x1 <= x2 <= limit and -limit <= y1 <= y2 <= limit
                assert sound, f"{path.name}, {width} x {height} pixels, has a box {(x1, y1, x2, y2)}"
        corners = [abs(corner) for rows in found for row in rows for corner in row[CORNERS]]
        assert corners, "nothing is found in any image: give other `settings`, or a fixture `images`"
        assert max(corners) > 1, "no box reaches beyond the first pixel: are they parts of the image, from 0 to 1?"

    def test_boxes_double_with_the_image(
        self, predict: Callable[..., list[Any]], found: list[list[Row]], images: Sequence[Path], tmp_path: Path
    ) -> None:
        """In the same picture at twice the size, boxes are twice as large: they are in pixels of the image.

        Those in pixels of the network's input stay as they are. More boxes have to double than to stay, and so have
        the keypoints in these.
        """
        if not any(found):
            pytest.skip("nothing is found, see test_boxes_are_in_pixels_of_the_image")
        doubles = [write_double(tmp_path / path.name, path) for path in images]
        assert_doubled(found, self._boxes(predict, doubles))

    @pytest.mark.usefixtures("found")
    def test_labels_and_scores_are_sound(self, results: list[Any]) -> None:
        """Labels are indices into ``names``, which are strings; scores go from 0 to 1, the best first."""
        for result in results:
            assert_sound(result)

    @pytest.mark.usefixtures("found")
    def test_keypoints_are_sound(self, subject: Subject, results: list[Any]) -> None:
        """Results of ``pose`` have keypoints [N, K, 3], finite, with scores from 0 to 1; K is the same everywhere."""
        if "keypoints" in subject.parts:
            assert_keypoints(results)

    def test_conf_is_a_setting(
        self, subject: Subject, model: Any, found: list[list[Row]], images: Sequence[Path]
    ) -> None:
        """``conf`` is the lowest score that is given; a call's own wins over that of the factory."""
        scores = [score for rows in found for _, score, *_ in rows]
        if not scores:
            pytest.skip("nothing is found, see test_boxes_are_in_pixels_of_the_image")
        limit = (max(scores) + 1) / 2
        strict = subject.predictor(model, conf=limit)
        low = [score for rows in self._boxes(strict, images) for _, score, *_ in rows if score < limit]
        assert not low, f"with conf={limit:.4f} it gives scores down to {min(low):.4f}"
        at_call = {"conf": self.settings.get("conf", min(scores))}
        self.tolerance.assert_same(self._boxes(strict, images, **at_call), found, f"with {at_call} at the call")

    def test_an_image_alone_is_as_among_others(
        self, predict: Callable[..., list[Any]], found: list[list[Row]], images: Sequence[Path]
    ) -> None:
        """What is found in an image depends neither on its neighbours nor on earlier calls."""
        for path, rows in reversed(list(zip(images, found, strict=True))):
            self.tolerance.assert_same(self._boxes(predict, [path]), [rows], f"{path.name} alone")

    def test_every_card_predicts(self, subject: Subject, images: Sequence[Path], tmp_path: Path) -> None:
        """The models of the other cards are loaded with ``options``, and predict as the first does.

        Those that are untrained or in ``without_weights`` are left out.
        """
        names = {card.name for card in subject.provider.models}
        unknown = sorted(set(self.without_weights) - names)
        assert not unknown, f"without_weights has {', '.join(unknown)}, which are no names of cards"
        own = subject.card.name if subject.card else None
        for name in self._with_weights(subject.provider):
            if name != own:
                try:
                    self._assert_predicts(replace(subject, source=name), images, tmp_path)
                except Exception as error:
                    self._need(
                        ("as a card", subject.source),
                        lambda: self._assert_predicts(subject, images, tmp_path),
                        see="what the other checks say of the first model",
                    )
                    pytest.fail(f"{name}: {type(error).__name__}: {error}")

    def _assert_predicts(self, subject: Subject, images: Sequence[Path], folder: Path) -> None:
        model = subject.load()
        assert model is not None, "the loader gives None"
        if "predictor" not in subject.roles:
            return
        predict = subject.predictor(model)
        paths = [str(path) for path in images]
        results = predict(paths)
        assert_one_for_each(subject, results, paths)
        if not subject.described:
            return
        for path, result in zip(images, results, strict=True):
            assert_size(result, path)
            assert_sound(result)
        if "keypoints" in subject.parts:
            assert_keypoints(results)
        found = [rows_of(result) for result in results]
        if any(found):
            assert_doubled(found, self._boxes(predict, [write_double(folder / path.name, path) for path in images]))
