"""The parts of a page for docling, by a detector whose classes have docling's names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

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

if TYPE_CHECKING:
    from yolonas_plugin.processing import ProcessingSpec

MOST_TEXT: Final = 0.22
"""Share of a picture that lines of the PDF's text may cover: it was 0.175 at most in 30 charts, diagrams and photos of
Debian's manuals, and 0.29 at least in text that the model took for a picture."""


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
        drawn = (page_image(page, self._predict.model.processing) for page in pages)
        images = {index: image for index, image in enumerate(drawn) if image is not None}
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
            clusters = [cluster for cluster in self._clusters(rows) if not is_text(cluster, pages[index])]
            predictions[index] = LayoutPrediction(clusters=clusters)
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


def page_image(page: Page, processing: ProcessingSpec) -> np.ndarray | None:
    """Return a page [H, W, 3], BGR, as large as a model wants it; None where docling could not open it.

    It is drawn at that size: one that is drawn smaller is blurred when it is enlarged, and one that is drawn larger
    loses thin lines when it is reduced. So the memory for it doesn't depend on the page's size.
    """
    assert page._backend is not None
    if not page._backend.is_valid() or page.size is None or min(page.size.as_tuple()) <= 0:
        return None
    image = page.get_image(scale=drawing_scale(page.size.width, page.size.height, processing))
    return None if image is None else np.ascontiguousarray(np.asarray(image.convert("RGB"))[..., ::-1])


def drawing_scale(width: float, height: float, processing: ProcessingSpec) -> float:
    """Return the pixels per point that bring a page of a width and height in points to the size of a model's input."""
    scales = processing.resize[0] / height, processing.resize[1] / width
    if processing.keep_ratio:
        return min(scales)
    # one side is reduced then; a page that is a narrow strip isn't drawn at any length
    return min(max(scales), 2 * max(processing.resize) / max(width, height))


def is_text(cluster: Cluster, page: Page) -> bool:
    """Whether a picture is none: the PDF has more text there than is in a picture.

    docling's Markdown leaves out the text of a picture, which is meant for labels of axes. What isn't reported as a
    picture stays: in the parts that were found inside of it, and else line by line.
    """
    if cluster.label is not DocItemLabel.PICTURE or not cluster.bbox.area():
        return False
    lines = (cell.rect.to_bounding_box() for cell in page.cells if cell.text.strip())
    return sum(map(cluster.bbox.intersection_area_with, lines)) > MOST_TEXT * cluster.bbox.area()


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
