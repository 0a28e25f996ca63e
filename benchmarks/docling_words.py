"""How many words of PDF files docling keeps with this package's layout engine, and without a layout model.

    .venv-docling/bin/python -m benchmarks.docling_words FILE_OR_FOLDER ... [--pages 20] [--json FILE]

Runs in the environment that ``make hosts HOSTS=docling`` makes. The words of a file are those that PDFium reads in it.
The ways to convert it:

native
    docling's own pipeline without any model (``docling --pipeline native``): lines of text, no structure.
nothing
    docling's usual pipeline with a layout engine that finds nothing: lines of text in reading order.
yolo_nas
    docling's usual pipeline with ours. Beside the words of its Markdown those of the whole document are given, and what
    docling leaves out of Markdown whoever finds it: running heads and feet, and formulas that no model has read. What
    is missing then are labels in pictures.

No OCR, no model for tables. No file is changed or kept; docling downloads nothing.
"""

from __future__ import annotations

import argparse
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import pypdfium2
from docling.datamodel.accelerator_options import AcceleratorOptions
from docling.datamodel.base_models import InputFormat, LayoutPrediction, Page
from docling.datamodel.pipeline_options import BaseLayoutOptions, NativePdfPipelineOptions, PdfPipelineOptions
from docling.document_converter import DocumentConverter, NativePdfFormatOption, PdfFormatOption
from docling.models.base_layout_model import BaseLayoutModel
from docling.models.factories import get_layout_factory
from docling_core.types.doc import ContentLayer, DocItemLabel, DoclingDocument, TextItem

from benchmarks.measuring import environment, save
from yolonas_plugin.hosts.docling_layout import YoloNASLayoutOptions

WAYS = ("native", "nothing", "yolo_nas")


class NothingOptions(BaseLayoutOptions):
    """Of the layout engine that finds nothing."""

    kind: ClassVar[str] = "nothing"


class Nothing(BaseLayoutModel):
    """A layout engine that finds nothing, so that each line of text is a text of its own."""

    def __init__(self, **options: Any) -> None:
        pass

    @classmethod
    def get_options_type(cls) -> type[NothingOptions]:
        return NothingOptions

    def predict_layout(self, conv_res: object, pages: Sequence[Page]) -> list[LayoutPrediction]:
        return [LayoutPrediction() for _ in pages]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pdf", nargs="+", type=Path, help="files, and folders of files")
    parser.add_argument("--pages", type=int, default=20, help="of each file, from its first (default %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    args = parser.parse_args()
    converters = {way: converter(way) for way in WAYS}
    print(f"docling {version('docling-slim')}; shares of the words that PDFium reads")
    print("| file | pages | words | native | nothing | yolo_nas | in the document | left out | pictures | tables | s |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    rows = []
    for path in files(args.pdf):
        rows.append(measure(path, converters, args.pages))
        show(rows[-1])
    show(total(rows))
    save({**environment(), "docling": version("docling-slim"), "files": rows}, args.json)


def show(row: dict[str, Any]) -> None:
    kept = (*WAYS, "document", "left out")
    shares = " | ".join(f"{row[name] / max(row['words'], 1):.3f}" for name in kept)
    numbers = f"{row['pictures']} | {row['tables']} | {row['seconds']:.0f}"
    print(f"| {row['file']} | {row['pages']} | {row['words']} | {shares} | {numbers} |", flush=True)


def converter(way: str) -> DocumentConverter:
    """Return docling's converter of one of the ways."""
    if way == "native":
        option = NativePdfFormatOption(pipeline_options=NativePdfPipelineOptions(generate_page_images=False))
        return DocumentConverter(format_options={InputFormat.PDF: option})
    options = PdfPipelineOptions(do_ocr=False, do_table_structure=False, allow_external_plugins=True)
    options.accelerator_options = AcceleratorOptions(device="cpu")
    options.layout_options = YoloNASLayoutOptions() if way == "yolo_nas" else NothingOptions()
    factory = get_layout_factory(allow_external_plugins=True)
    if NothingOptions not in factory.classes:
        factory.register(Nothing, "benchmark", __name__)
    return DocumentConverter(format_options={InputFormat.PDF: PdfFormatOption(pipeline_options=options)})


def files(paths: Iterable[Path]) -> list[Path]:
    """Return the PDF files that are named, and those in folders that are."""
    return [file for path in paths for file in (sorted(path.glob("**/*.pdf")) if path.is_dir() else [path])]


def measure(path: Path, converters: dict[str, DocumentConverter], most: int) -> dict[str, Any]:
    """Return the figures of a file: its words, and how many of them each way keeps."""
    pages, truth = read_words(path, most)
    row: dict[str, Any] = {"file": path.name, "pages": pages, "words": truth.total()}
    for way in WAYS:
        start = time.perf_counter()
        document = converters[way].convert(path, page_range=(1, pages)).document
        row["seconds"] = time.perf_counter() - start
        row[way] = (words(markdown(document)) & truth).total()
    row["document"] = (sum((words(text.orig) for text in document.texts), Counter()) & truth).total()
    row["left out"] = sum(words(text.orig).total() for text in document.texts if on_purpose(text))
    row["pictures"], row["tables"] = len(document.pictures), len(document.tables)
    return row


def on_purpose(text: TextItem) -> bool:
    """Whether docling leaves a text out of Markdown: a running head or foot, or a formula that no model has read."""
    return text.content_layer is ContentLayer.FURNITURE or (text.label is DocItemLabel.FORMULA and not text.text)


def total(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {name: "all" if name == "file" else sum(row[name] for row in rows) for name in rows[0]}


def read_words(path: Path, most: int) -> tuple[int, Counter[str]]:
    """Return how many pages are read, and their words."""
    with pypdfium2.PdfDocument(path) as document:
        pages = min(most, len(document))
        text = "\n".join(document[number].get_textpage().get_text_range() for number in range(pages))
    return pages, words(text)


def markdown(document: DoclingDocument) -> str:
    return document.export_to_markdown(escape_html=False, escape_underscores=False, image_placeholder="")


def words(text: str) -> Counter[str]:
    """Return the words of a text. One that is divided at the end of a line is one; ligatures are their letters."""
    joined = re.sub(r"[-\u00ad\u2010\ufffe\x02]\s*\n\s*", "", unicodedata.normalize("NFKC", text))
    return Counter(re.findall(r"\w+", joined.casefold().replace("_", " ")))


if __name__ == "__main__":
    main()
