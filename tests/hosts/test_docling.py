"""docling itself, from its command line, with this package's layout engine. ``make hosts`` has its environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pypdfium2
import pytest
from docling.datamodel.accelerator_options import AcceleratorOptions
from docling.datamodel.base_models import InputFormat
from docling.datamodel.pipeline_options import PdfPipelineOptions
from docling.document_converter import DocumentConverter, PdfFormatOption

from yolonas_plugin.errors import TaskError, YoloNASPluginError
from yolonas_plugin.hosts.docling_layout import YoloNASLayout, YoloNASLayoutOptions

DEMO_PAGE = Path(__file__).parents[2] / "examples" / "demo_page.pdf"
CPU = AcceleratorOptions(device="cpu")


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    path = tmp_path / "page.pdf"
    shutil.copy(DEMO_PAGE, path)
    return path


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


def test_parts_lie_where_the_page_has_them(pdf: Path) -> None:
    options = PdfPipelineOptions(do_ocr=False, do_table_structure=False, allow_external_plugins=True)
    options.layout_options = YoloNASLayoutOptions(conf=0.25)
    options.accelerator_options = CPU
    converter = DocumentConverter(format_options={InputFormat.PDF: PdfFormatOption(pipeline_options=options)})
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
