"""Runs in the fresh interpreter (installed as ``zoo_probe``): discover, evaluate, print one line of JSON."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from threading import Barrier

from model_zoo_api import ModelZoo
from model_zoo_api.foreign import class_name


def snapshot(zoo):
    return {
        "providers": {name: [card.name for card in provider.models] for name, provider in zoo.providers.items()},
        "problems": [
            {
                "distribution": problem.distribution,
                "version": problem.version,
                "entry_point": problem.entry_point,
                "phase": problem.phase,
                "message": problem.message,
                "text": str(problem),
                "exception": class_name(type(problem.exception)),
            }
            for problem in zoo.problems
        ],
        "plugins": [
            {
                "entry_point": plugin.entry_point.name,
                "distribution": plugin.distribution,
                "version": plugin.version,
                "import_seconds": plugin.import_seconds,
            }
            for plugin in zoo.plugins
        ],
    }


def answer():
    """What is found, without how long it took."""
    found = snapshot(ModelZoo.discover())
    for plugin in found["plugins"]:
        del plugin["import_seconds"]
    return found


def answer_again():
    """The problems of another discovery."""
    return ModelZoo.discover().problems


def strictly():
    """What another discovery raises that takes no problem."""
    try:
        ModelZoo.discover(strict=True)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def in_threads(count):
    together = Barrier(count)

    def start():
        together.wait()
        return answer()

    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(start) for _ in range(count)]]


def in_spawned_process():
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(answer)


def main(expression, discover=True, strict=False):
    said = {}
    zoo = None
    try:
        zoo = ModelZoo.discover(strict=strict) if discover else None
        said["value"] = eval(expression, {**globals(), "zoo": zoo})
    except Exception as error:
        said |= {"error": str(error), "error_type": type(error).__name__}
    if zoo is not None:
        said["zoo"] = snapshot(zoo)
    print("\n" + json.dumps(said, default=str))


if __name__ == "__main__":
    main(sys.argv[1], discover="--no-zoo" not in sys.argv, strict="--strict" in sys.argv)
