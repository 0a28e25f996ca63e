"""Give the template your name: after ``python rename.py pallas`` it is pallas-zoo, and has pallas where it had acme."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def rename(name):
    """Replace ``acme`` in the names of files and in what they say; this script goes."""
    if not name.isidentifier() or not name.islower():
        sys.exit(f"{name!r} has to be a word that Python takes for a module's name, in lower case")
    Path(__file__).unlink()
    for path in [path for part in ("*", "acme_zoo/*", "tests/*") for path in HERE.glob(part) if path.is_file()]:
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("acme", name).replace("Acme", name.capitalize()), encoding="utf-8")
        path.rename(path.with_name(path.name.replace("acme", name)))
    (HERE / "acme_zoo").rename(HERE / f"{name}_zoo")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    rename(sys.argv[1])
