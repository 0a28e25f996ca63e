"""The main job, end to end: discover the provider, load a checkpoint, detect on real images, draw and save pictures.

It takes the checkpoint and the images that lie in ../shared, or in $YOLONAS_SHARED; failing that, the published weights
of yolo_nas_s if they are on this machine.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from pathlib import Path

from yolonas_plugin import ModelZoo
from yolonas_plugin.errors import YoloNASPluginError

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("YOLONAS_SHARED") or ROOT.parent / "shared") / "data"
OUTPUT = ROOT / "runs" / "demo"
IMAGES = 12


def main() -> int:
    start = time.perf_counter()
    zoo = ModelZoo.discover()
    print(f"discovered in {(time.perf_counter() - start) * 1000:.0f} ms: {', '.join(zoo.providers)}")
    for problem in zoo.problems:
        print(f"problem: {problem}")

    checkpoints = sorted((SHARED / "checkpoints").glob("*.pth"))
    if checkpoints:
        weights, images = checkpoints[0], sorted((SHARED / "bccd" / "JPEGImages").glob("*.jpg"))[:IMAGES]
    else:
        from ultralytics.utils import ASSETS  # two photographs that come with the engine

        weights, images = Path("yolo_nas_s"), sorted(ASSETS.glob("*.jpg"))

    start = time.perf_counter()
    try:
        predict = zoo.predictor(str(weights), provider="yolo_nas", conf=0.4)
    except YoloNASPluginError as error:
        print(f"\nThe demo needs weights. {error}", file=sys.stderr)
        return 1
    print(f"loaded {weights.name} in {time.perf_counter() - start:.1f} s, the import of torch included\n")

    OUTPUT.mkdir(parents=True, exist_ok=True)
    predict(str(images[0]))  # the first call sets the engine up
    start = time.perf_counter()
    results = predict([str(image) for image in images])
    seconds = time.perf_counter() - start
    for result in results:
        found = Counter(result.names[int(index)] for index in result.boxes.cls)
        picture = OUTPUT / Path(result.path).name
        result.save(str(picture))
        tally = ", ".join(f"{count} {name}" for name, count in found.most_common()) or "nothing"
        print(f"{picture.relative_to(ROOT)}  {tally}")
    boxes = sum(len(result.boxes) for result in results)
    print(
        f"\n{boxes} objects on {len(results)} images in {seconds:.2f} s ({seconds / len(results) * 1000:.0f} ms each)"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
