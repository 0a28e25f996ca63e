"""docling itself, from its command line, with this package's layout engine. ``make hosts`` has its environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from docling.backend.docling_parse_backend import ThreadedDoclingParseDocumentBackend
from docling.backend.pdf_backend import iter_pdf_page_backends
from docling.datamodel.accelerator_options import AcceleratorOptions
from docling.datamodel.base_models import ConversionStatus, InputFormat, Page
from docling.datamodel.document import InputDocument
from docling.datamodel.pipeline_options import PdfPipelineOptions
from docling.document_converter import DocumentConverter, ImageFormatOption, PdfFormatOption
from PIL import Image

from model_zoo_api.zoo import ModelZoo
from tests.support.pdf import Box, Line, Part, lock, make_pdf
from yolonas_plugin.errors import TaskError, YoloNASPluginError
from yolonas_plugin.hosts.docling_layout import YoloNASLayout, YoloNASLayoutOptions, page_image
from yolonas_plugin.processing import ProcessingSpec

DEMO_PAGE = Path(__file__).parents[2] / "examples" / "demo_page.pdf"
CPU = AcceleratorOptions(device="cpu")


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    path = tmp_path / "page.pdf"
    shutil.copy(DEMO_PAGE, path)
    return path


@pytest.fixture(scope="module")
def converter() -> DocumentConverter:
    """With our engine, and nothing that docling would download a model for."""
    options = PdfPipelineOptions(do_ocr=False, do_table_structure=False, allow_external_plugins=True)
    options.layout_options = YoloNASLayoutOptions()
    options.accelerator_options = CPU
    formats = {InputFormat.PDF: PdfFormatOption, InputFormat.IMAGE: ImageFormatOption}
    return DocumentConverter(format_options={key: form(pipeline_options=options) for key, form in formats.items()})


@contextmanager
def opened(path: Path) -> Iterator[Page]:
    """The first page of a PDF, as docling gives it to a layout engine."""
    document = InputDocument(path_or_stream=path, format=InputFormat.PDF, backend=ThreadedDoclingParseDocumentBackend)
    backend = next(iter_pdf_page_backends(document._backend, [1]))
    page = Page(page_no=1, size=backend.get_size())
    page._backend = backend
    yield page
    backend.unload()
    document._backend.unload()


def docling(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("docling")), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


def test_the_command_line_makes_markdown_of_a_pdf(pdf: Path) -> None:
    offline = ("--no-ocr", "--no-tables", "--device", "cpu")
    done = docling("--allow-external-plugins", "--layout-engine", "yolo_nas", *offline, pdf.name, cwd=pdf.parent)
    assert done.returncode == 0, done.stderr
    text = pdf.with_suffix(".md").read_text()
    assert "People see how a page is divided" in text
    headers = [line for line in text.splitlines() if line.startswith("## ")]
    assert any("Why the layout comes first" in line for line in headers)
    assert any("How well a box fits" in line for line in headers)
    assert "![Image](data:image/png;base64," in text


def test_without_consent_docling_does_not_load_it(pdf: Path) -> None:
    done = docling("--layout-engine", "yolo_nas", pdf.name, cwd=pdf.parent)
    assert done.returncode != 0
    assert not pdf.with_suffix(".md").exists()


def test_parts_lie_where_the_page_has_them(pdf: Path, converter: DocumentConverter) -> None:
    found = converter.convert(pdf).pages[0]
    width, height = pypdfium2.PdfDocument(pdf)[0].get_size()
    clusters = found.predictions.layout.clusters
    assert {"text", "picture"} <= {cluster.label.value for cluster in clusters}
    assert all(0 <= c.bbox.l < c.bbox.r <= width and 0 <= c.bbox.t < c.bbox.b <= height for c in clusters)
    (picture,) = (cluster.bbox for cluster in clusters if cluster.label.value == "picture")
    assert picture.l > width / 2  # the figure is in the right column, above the middle
    assert picture.b < height / 2


def test_a_model_of_other_classes_is_refused(nano: Path) -> None:
    options = YoloNASLayoutOptions(model=str(nano))
    with pytest.raises(YoloNASPluginError, match="has a class 'disc', which docling doesn't know"):
        YoloNASLayout(None, CPU, options)


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(YoloNASPluginError, match=r"nothing\.pt"):
        YoloNASLayout(None, CPU, YoloNASLayoutOptions(model="nothing.pt"))


def test_a_model_for_poses_is_refused(pose_weights: Path) -> None:
    with pytest.raises(TaskError, match=r"pose\.safetensors: this is a model of the task 'pose', and docling takes"):
        YoloNASLayout(None, CPU, YoloNASLayoutOptions(model=str(pose_weights)))


PROSE = "Layout of pages shows how people divide what they write into parts that others find when they read"


def framed_columns() -> list[Part]:
    """Three grey frames with seven lines of text each, among paragraphs; the model takes them for pictures."""
    words = PROSE.split()
    parts: list[Part] = [Line(60, y, PROSE) for top in (80, 640) for y in range(top, top + 72, 12)]
    for number in range(3):
        x = 60 + number * 158
        parts.append(Box(x, 200, 146, 91, grey=0.8))
        for row in range(7):
            first = (number * 7 + row) * 5 % 14
            parts.append(Line(x + 6, 214 + row * 11.25, " ".join(words[first : first + 3]), 9))
    return parts


def test_text_that_looks_like_a_picture_stays_text(converter: DocumentConverter, tmp_path: Path) -> None:
    path = tmp_path / "frames.pdf"
    parts = framed_columns()
    path.write_bytes(make_pdf(595, 842, [parts]))
    pixels = np.asarray(pypdfium2.PdfDocument(path)[0].render(scale=640 / 842).to_pil().convert("RGB"))[..., ::-1]
    (seen,) = ModelZoo.discover().predictor("yolo_nas_n_layout", provider="yolo_nas")(pixels)
    assert "picture" in [one["name"] for one in seen.to_dict()["objects"]]  # else this shows nothing
    document = converter.convert(path).document
    assert not document.pictures
    text = document.export_to_markdown()
    assert sorted(text.split()) == sorted(" ".join(part.text for part in parts if isinstance(part, Line)).split())


def test_a_figure_stays_a_picture_with_its_labels(pdf: Path, converter: DocumentConverter) -> None:
    document = converter.convert(pdf).document
    (picture,) = document.pictures
    labels = [text.resolve(document).text for text in picture.children]
    assert {"1.0", "0.5"} <= set(labels), labels  # of its axis


SQUARE = ProcessingSpec(size=(640, 640), resize=(640, 640))
PORTRAIT = ProcessingSpec(size=(448, 320), resize=(416, 320), padding="bottom_right")
STRETCHED = ProcessingSpec(size=(320, 640), resize=(320, 640), keep_ratio=False)


@pytest.mark.parametrize("spec", [SQUARE, PORTRAIT, STRETCHED], ids=["square", "portrait", "stretched"])
@pytest.mark.parametrize(
    "size", [(595.28, 841.89), (96, 72), (2384, 3370), (14400, 9)], ids=["A4", "small", "A0", "strip"]
)
def test_a_page_is_drawn_as_large_as_the_model_wants_it(
    size: tuple[float, float], spec: ProcessingSpec, tmp_path: Path
) -> None:
    path = tmp_path / "page.pdf"
    path.write_bytes(make_pdf(*size, [[Line(2, 8, "Some words", 7)]]))
    with opened(path) as page:
        image = page_image(page, spec)
    assert image is not None
    canvas, placement = spec.letterbox(image)
    most = 1 + 1 / min(image.shape[:2])  # a fraction of a pixel is rounded
    if spec.keep_ratio:
        assert 1 / most <= placement.scale_x <= most
    else:
        assert image.shape[0] * image.shape[1] <= 4 * canvas.shape[0] * canvas.shape[1]
        assert size == (14400, 9) or min(placement.scale_x, placement.scale_y) <= most


@pytest.mark.parametrize("scale", [0.16, 5.6])
def test_small_and_large_pages_are_read_alike(scale: float, converter: DocumentConverter, tmp_path: Path) -> None:
    """At 72 dots per inch one of these would be a stamp 96 pixels wide, and the other a sheet of 3,360."""
    path = tmp_path / "page.pdf"
    parts = [Line(60, 60, "What it is about", 26), *(Line(60, y, PROSE[:70], 14) for y in range(120, 400, 18))]
    made = [Line(part.x * scale, part.y * scale, part.text, part.size * scale) for part in parts]
    path.write_bytes(make_pdf(600 * scale, 450 * scale, [made]))
    (page,) = converter.convert(path).pages
    (header,) = (one for one in page.predictions.layout.clusters if one.label.value == "section_header")
    assert [cell.text for cell in header.cells] == ["What it is about"]
    text = max(page.predictions.layout.clusters, key=lambda one: one.bbox.area())
    assert text.label.value == "text"
    assert len(text.cells) > 10  # of 16 lines


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.pdf", b""),
        ("cut.pdf", DEMO_PAGE.read_bytes()[:9000]),
        ("no_pages.pdf", make_pdf(595, 842, [])),
        ("no_size.pdf", make_pdf(0, 0, [[Line(20, 30, "Some words")]])),
        ("flat.pdf", make_pdf(595, 0, [[Line(20, 30, "Some words")]])),
        ("locked.pdf", lock(make_pdf(595, 842, [[Line(20, 30, "Some words")]]))),
    ],
)
def test_what_cannot_be_read_is_docling_s_error(
    name: str, content: bytes, converter: DocumentConverter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    result = converter.convert(path, raises_on_error=False)
    assert result.status is ConversionStatus.FAILURE
    assert result.errors
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("size", [(960, 1280), (1, 1), (4000, 20)])
def test_an_image_in_place_of_a_pdf_is_a_page(
    size: tuple[int, int], converter: DocumentConverter, tmp_path: Path
) -> None:
    path = tmp_path / "page.png"
    Image.new("RGB", size, "white").save(path)
    result = converter.convert(path)
    assert result.status is ConversionStatus.SUCCESS
    assert [page.size.as_tuple() for page in result.pages] == [size]
