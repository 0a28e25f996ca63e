"""What was found in the images of a data set, under the data's own ids, as COCO's programs read it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from yolonas_plugin.data import DataSet


class CocoRows:
    """Makes the rows of ``predictions.json``: ``image_id``, ``file_name``, ``category_id``, ``bbox``, ``score``.

    And ``keypoints`` where there are any: x, y and score of each, one after the other.

    Ids are those of the user's COCO JSON. Other formats have none: there an image is called by its name without ending,
    a number where that is one, or, where two images of the split have the same name, by its path in the data set's
    folder without ending; and classes are numbered from 1 in the order of the data.

    Args:
        data: The data, which knows the ids.
        split: The split that is measured.
        indices: The model's index for each class of the data; None where it has one class for all.
    """

    def __init__(self, data: DataSet, split: str, indices: Sequence[int] | None) -> None:
        samples = data.splits[split]
        categories = data.category_ids.get(split) or tuple(range(1, len(data.names) + 1))
        self._categories = dict.fromkeys([0], categories[0])
        if indices is not None:
            self._categories = dict(zip(indices, categories, strict=True))
        stems = Counter(_name(sample.image) for sample in samples)
        root = data.settings["path"]
        self._images: dict[str, int | str] = {}
        for sample in samples:
            name = _name(sample.image)
            if stems[name] > 1:
                name = os.path.splitext(os.path.relpath(sample.image, root))[0]
            self._images[sample.image] = name if sample.id is None else sample.id

    def rows(
        self, image: str, boxes: Tensor, scores: Tensor, classes: Tensor, keypoints: Tensor | None = None
    ) -> list[dict[str, Any]]:
        """Return a row for each box of a class that the annotations have.

        Args:
            image: The image's path.
            boxes: x1, y1, x2, y2 in pixels of the image, [N, 4].
            scores: [N].
            classes: The model's class indices, [N].
            keypoints: x, y in pixels of the image, and score [N, K, 3]; None where there are none.
        """
        called = {"image_id": self._images[image], "file_name": Path(image).name}
        points: list[dict[str, Any]] = [{}] * len(boxes)
        if keypoints is not None:
            points = [{"keypoints": [round(number, 3) for number in one]} for one in keypoints.flatten(1).tolist()]
        found = zip(boxes.tolist(), scores.tolist(), classes.tolist(), points, strict=True)
        return [
            {
                **called,
                "category_id": category,
                "bbox": [round(side, 3) for side in (x1, y1, x2 - x1, y2 - y1)],
                "score": round(score, 5),
                **more,
            }
            for (x1, y1, x2, y2), score, index, more in found
            if (category := self._categories.get(int(index))) is not None
        ]


def _name(image: str) -> int | str:
    stem = Path(image).stem
    return int(stem) if stem.isascii() and stem.isdigit() and stem == str(int(stem[:18])) else stem
