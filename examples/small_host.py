"""A whole host: ``python small_host.py`` lists what is installed, ``python small_host.py MODEL IMAGE ...`` detects."""

import sys

from model_zoo_api import ModelZoo

zoo = ModelZoo.discover()
for problem in zoo.problems:
    print("problem:", problem, file=sys.stderr)
if len(sys.argv) == 1:
    for card in zoo.list_models():
        print(card.name, card.task)
else:
    for found in zoo.predictor(sys.argv[1])(sys.argv[2:]):
        print(found.path, found.error or len(found))
