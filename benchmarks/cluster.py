"""Images per second on a Ray cluster of this machine, with one worker and with two, each computing in one thread.

    .venv-ray/bin/python -m benchmarks.cluster [--rounds 3] [--images 120] [--json FILE]

Runs in the environment that ``make hosts HOSTS=ray`` makes. The images are BCCD's, the model is the embedded one. The
time is that of the whole run, starting the workers, importing torch in them and loading the model included.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from statistics import median

import ray

from benchmarks.measuring import environment, parser, save
from tests.support.shared import bccd_images
from yolonas_plugin.hosts.ray import predict

MODEL = "yolo_nas_n_layout"
WORKERS = (1, 2)


def main() -> None:
    command = parser(__doc__, rounds=3)
    command.add_argument("--images", type=int, default=120, help="in the folder (default %(default)s)")
    args = command.parse_args()
    seconds: dict[int, list[float]] = {count: [] for count in WORKERS}
    ray.init(address="local", num_cpus=max(WORKERS) + 1, log_to_driver=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(folder / "images", args.images)
        for number in range(args.rounds):
            for count in WORKERS:
                output = folder / f"{number}_{count}"
                found = predict(folder / "images", output, weights=MODEL, address="local", workers=count)
                seconds[count].append(found.seconds)
    rates = {count: round(args.images / median(values), 2) for count, values in seconds.items()}
    for count, rate in rates.items():
        print(f"{count} worker{'s' if count > 1 else ''}: {rate} images per second")
    save({**environment(), "images": args.images, "images_per_second": rates}, args.json)


def write_images(folder: Path, count: int) -> None:
    folder.mkdir()
    images = bccd_images("train")
    for number in range(count):
        shutil.copy(images[number % len(images)], folder / f"{number:06}.jpg")


if __name__ == "__main__":
    main()
