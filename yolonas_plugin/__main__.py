"""``python -m yolonas_plugin``: the command line."""

import sys

from yolonas_plugin.cli import main

if __name__ == "__main__":
    sys.exit(main())
