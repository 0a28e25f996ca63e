"""The parts of a page for docling, by a detector whose classes have docling's names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np

from yolonas_plugin.boxes.clipping import clip_boxes
from yolonas_plugin.errors import YoloNASPluginError
from yolonas_plugin.hosts import require_detector, unusable

try:
    from docling.datamodel.accelerator_options import AcceleratorOptions
    from docling.datamodel.base_models import Cluster, LayoutPrediction, Page
    from docling.datamodel.document import ConversionResult
    from docling.datamodel.pipeline_options import BaseLayoutOptions
    from docling.models.base_layout_model import BaseLayoutModel
    from docling.utils.accelerator_utils import decide_device
    from docling.utils.profiling import TimeRecorder
    from docling_core.types.doc import BoundingBox, DocItemLabel
    from pydantic import Field
except ImportError as error:
    raise unusable("docling", "docling", error) from error


class YoloNASLayoutOptions(BaseLayoutOptions):
    """Settings of the layout engine ``yolo_nas``."""

    kind: ClassVar[str] = "yolo_nas"

    model: Annotated[
        str, Field(description="Name of a model of this package, or path of a weight file whose classes are docling's.")
    ] = "yolo_nas_n_layout"
    conf: Annotated[
        float | None,
        Field(ge=0, le=1, description="Lowest score of a part that is reported; by default the model's own."),
    ] = None


class YoloNASLayout(BaseLayoutModel):
    """docling's layout engine ``yolo_nas``.

    Raises:
        TaskError: It is no detector.
        YoloNASPluginError: The model can't be loaded, or one of its classes is none of docling's ``DocItemLabel``.
    """

    def __init__(
        self,
        artifacts_path: Path | None,
        accelerator_options: AcceleratorOptions,
        options: YoloNASLayoutOptions,
        enable_remote_services: bool = False,
    ) -> None:
        from model_zoo_api.zoo import ModelZoo  # docling imports this module whether the engine is chosen or not

        self.options = options
        conf: dict[str, Any] = {} if options.conf is None else {"conf": options.conf}
        self._predict = ModelZoo.discover().predictor(options.model, provider="yolo_nas", **conf)
        model = self._predict.model
        require_detector(model.task, options.model, "docling")
        self._labels = {index: docling_label(name, options.model) for index, name in model.names.items()}
        asked = accelerator_options.device
        fits = asked != "auto" or model.runtime.name == "torch"  # a GPU that is there is nothing to the others
        self._device = decide_device(asked) if fits else "cpu"

    @classmethod
    def get_options_type(cls) -> type[YoloNASLayoutOptions]:
        """Return the class of this engine's settings."""
        return YoloNASLayoutOptions

    def predict_layout(self, conv_res: ConversionResult, pages: Sequence[Page]) -> Sequence[LayoutPrediction]:
        """Return the parts of each page; none where docling could not open it."""
        images = {index: image for index, image in enumerate(map(page_image, pages)) if image is not None}
        predictions = [page.predictions.layout or LayoutPrediction() for page in pages]
        if not images:
            return predictions
        with TimeRecorder(conv_res, "layout"):
            results = self._predict(list(images.values()), device=self._device)
        for index, found in zip(images, results, strict=True):
            size = pages[index].size
            assert size is not None
            clipped = clip_boxes(found.boxes, found.height, found.width)
            parts = clipped / (found.width, found.height, found.width, found.height)
            boxes = parts * (size.width, size.height, size.width, size.height)
            rows = zip(boxes.tolist(), found.scores.tolist(), found.labels.tolist(), strict=True)
            predictions[index] = LayoutPrediction(clusters=self._clusters(rows))
        return predictions

    def _clusters(self, rows: Iterable[tuple[list[float], float, int]]) -> list[Cluster]:
        return [
            Cluster(
                id=number,
                label=self._labels[label],
                confidence=score,
                bbox=BoundingBox(l=box[0], t=box[1], r=box[2], b=box[3]),
                cells=[],
            )
            for number, (box, score, label) in enumerate(rows)
        ]


def page_image(page: Page) -> np.ndarray | None:
    """Return a page [H, W, 3], BGR, at 72 dots per inch; None where docling could not open it."""
    assert page._backend is not None
    image = page.get_image(scale=1.0) if page._backend.is_valid() else None
    return None if image is None else np.ascontiguousarray(np.asarray(image.convert("RGB"))[..., ::-1])


def docling_label(name: str, model: str) -> DocItemLabel:
    """Return docling's label of a class's name.

    Raises:
        YoloNASPluginError: There is none.
    """
    try:
        return DocItemLabel[name.upper()]
    except KeyError:
        known = ", ".join(label.value for label in DocItemLabel)
        raise YoloNASPluginError(
            f"{model} has a class {name!r}, which docling doesn't know, so it is no model of page layout; docling's "
            f"labels are {known}"
        ) from None
