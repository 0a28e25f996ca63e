"""What bf16 saves on torch: the processor time of a prediction in bf16 over that in fp32.

    python -m benchmarks.bf16 [--rounds 12]

Random weights of YOLO-NAS-S at 640x640, an array of 480x640, one thread; the two take turns. Processor time, not the
clock's, so that a machine that others use tells nearly the same; a ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch

from yolonas_plugin import NAS


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What bf16 saves on torch.")
    parser.add_argument("--rounds", type=int, default=12)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    image = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    with TemporaryDirectory() as folder:
        weights = NAS("yolo_nas_s", pretrained=False).save(Path(folder, "random.safetensors"))
        models = {precision: NAS(weights, precision=precision) for precision in ("fp32", "bf16")}
        times: dict[str, list[float]] = {precision: [] for precision in models}
        for number in range(rounds + 1):
            for precision, model in models.items():
                model.predict(image, verbose=False)  # the caches are full of the other one's data
                start = time.process_time()
                model.predict(image, verbose=False)
                if number:  # in the first round oneDNN still makes its programs
                    times[precision].append(time.process_time() - start)
    for precision, values in times.items():
        print(f"{precision}: {1000 * median(values):.0f} ms of processor time, at least {1000 * min(values):.0f}")
    ratios = sorted(bf16 / fp32 for fp32, bf16 in zip(*times.values(), strict=True))
    print(f"bf16 of fp32: {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
