"""``check-data``: what a data set holds, and what is wrong with it."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import IO, Any

from model_zoo_api.texts import printable
from yolonas_plugin.cli.arguments import add_command
from yolonas_plugin.cli.output import INCOMPLETE, print_json, print_table, tally
from yolonas_plugin.cli.progress import working
from yolonas_plugin.tasks import TASKS

DATA_HELP = "YAML file in Ultralytics' format, COCO JSON file, or folder of YOLO, COCO or Pascal VOC"


def register(commands: Any) -> None:
    """Add ``check-data``."""
    command = add_command(commands, "check-data", _check_data, "list what is wrong with a data set, before training")
    command.add_argument("source", help=DATA_HELP)
    command.add_argument(
        "--task", choices=sorted(TASKS), help="what the data are for: pose needs keypoints, detect leaves them out"
    )


def _check_data(args: argparse.Namespace, out: IO[str]) -> int:
    from yolonas_plugin.data import check_data

    with working("reading the data set"):
        report = check_data(args.source, task=args.task)
    code = INCOMPLETE if report.faults else 0
    if args.json:
        print_json(report.to_dict(), out)
        return code
    keypoints = f", {len(report.keypoints)} keypoints" if report.keypoints else ""
    print(f"{report.format}, {len(report.names)} classes{keypoints}", file=out)
    rows = [
        (
            name,
            str(split.images),
            str(split.backgrounds),
            str(sum(split.boxes)),
            tally(_by_name(report.names, split.boxes)),
            *([tally(_by_name(report.keypoints, split.keypoints))] if report.keypoints else []),
        )
        for name, split in report.splits.items()
    ]
    titles = ("split", "images", "without labels", "boxes", "classes", *(["keypoints"] if report.keypoints else []))
    print_table(titles, rows, out)
    for title, findings in (("fault", report.faults), ("note", report.facts)):
        for finding in findings:
            print(f"{title}: {finding}", file=out)
    if not report.faults:
        print("no faults", file=out)
    return code


def _by_name(names: tuple[str, ...], boxes: tuple[int, ...]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for name, count in zip(names, boxes, strict=True):
        counts[printable(name)] += count
    return +counts
