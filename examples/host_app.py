"""A host that knows no model by name: it lists what is installed, and detects with what it is told to use.

python host_app.py
python host_app.py --model NAME street.jpg
python host_app.py --model weights.pth --provider PROVIDER street.jpg
"""

from __future__ import annotations

import argparse
import sys

from model_zoo_api import ModelZoo


def main() -> None:
    parser = argparse.ArgumentParser(description="List the installed models, or detect objects with one.")
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="images to look at")
    parser.add_argument("--model", metavar="NAME_OR_PATH", help="a listed model, or a weight file")
    parser.add_argument("--provider", help="who reads the weight file, or which of two models of one name")
    args = parser.parse_args()

    zoo = ModelZoo.discover()
    for problem in zoo.problems:
        print(f"problem: {problem}", file=sys.stderr)

    if args.model is None:
        for name, provider in zoo.providers.items():
            for card in provider.models:
                print(f"{name}/{card.name}", card.task, card.licence.name if card.licence else "-", sep="\t")
        return

    with zoo.predictor(args.model, provider=args.provider) as predict:
        for found in predict.stream(args.images):
            if found.error:
                print(f"{found.path}: {found.error}", file=sys.stderr)
            for one in found.to_dict()["objects"]:
                box = " ".join(f"{value:.1f}" for value in one["box"])
                print(found.path, one["name"], f"{one['score']:.2f}", box, sep="\t")


if __name__ == "__main__":
    main()
