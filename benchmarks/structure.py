"""How large the source is and how it hangs together: ``python -m benchmarks.structure [ROOT]``, another checkout's too.

Counts files and lines, circles of imports, functions on the way of one prediction and of one checkpoint, and methods of
the engine that are overridden. The table of docs/architecture.md comes from here.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import os
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parents[1]

WAYS: Final = """
import json, logging, sys, tempfile
from pathlib import Path
import numpy as np
from yolonas_plugin import NAS

seen = set()

def is_ours(frame):
    package = frame.f_globals.get("__name__", "").partition(".")[0]
    return package in ("yolonas_plugin", "model_zoo_api") and not frame.f_code.co_name.startswith("<")

def profile(frame, event, argument):
    if event == "call" and is_ours(frame):
        seen.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))

def functions(work):
    seen.clear()
    sys.setprofile(profile)
    try:
        found = work()
    finally:
        sys.setprofile(None)
    return found, f"{len(seen)} in {len({file for file, _ in seen})} files"

image = np.random.default_rng(0).integers(0, 255, (120, 150, 3), np.uint8)
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "n.safetensors")
    NAS("yolo_nas_n", pretrained=False).save(path)
    model, checkpoint = functions(lambda: NAS(path))
    _, first = functions(lambda: model.predict(image, imgsz=96, verbose=False))
    _, later = functions(lambda: model.predict(image, imgsz=96, verbose=False))

import ultralytics
import yolonas_plugin.nas as nas
from importlib import import_module
from pkgutil import iter_modules

overridden = set()
for module in iter_modules(nas.__path__, nas.__name__ + "."):
    for kind in vars(import_module(module.name)).values():
        if isinstance(kind, type) and kind.__module__ == module.name:
            engine = [base for base in kind.__mro__ if base.__module__.startswith("ultralytics.")]
            overridden |= {
                f"{kind.__name__}.{name}"
                for name, value in vars(kind).items()
                if (callable(value) or isinstance(value, (property, classmethod, staticmethod)))
                and any(name in vars(base) for base in engine)
            }
print(json.dumps({
    "functions to load a checkpoint": checkpoint,
    "functions of a first prediction": first,
    "functions of a later prediction": later,
    "methods of the engine that are overridden": len(overridden),
}))
"""


def sources(root: Path) -> dict[str, Path]:
    """Return the modules of the plugin and the contract, by name."""
    found = {}
    for folder in (root, root / "contract"):
        for package in ("yolonas_plugin", "model_zoo_api"):
            for path in sorted((folder / package).rglob("*.py")):
                parts = path.relative_to(folder).with_suffix("").parts
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def lines(path: Path) -> Counter[str]:
    """Count lines of code, docstrings, comments and blank ones."""
    text = path.read_text(encoding="utf-8")
    kinds = dict.fromkeys(range(1, text.count("\n") + 1), "blank")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = {tokenize.COMMENT: "comment"}.get(token.type, "code")
        if token.string.strip() and token.type != tokenize.ENDMARKER:
            for line in range(token.start[0], token.end[0] + 1):
                if kinds.get(line) != "code":
                    kinds[line] = kind
    for node in ast.walk(ast.parse(text)):  # a text that stands alone documents what is above it
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            kinds |= dict.fromkeys(range(node.lineno, (node.end_lineno or node.lineno) + 1), "docstring")
    return Counter(kinds.values())


def imports(name: str, path: Path, modules: dict[str, Path]) -> set[str]:
    """Return the modules that one imports, wherever in it that stands, for type checkers too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = name if path.name == "__init__.py" else name.rpartition(".")[0]
                base = ".".join([*package.split(".")[: len(package.split(".")) - node.level + 1], base]).rstrip(".")
            found |= {f"{base}.{alias.name}" if f"{base}.{alias.name}" in modules else base for alias in node.names}
    return (found & modules.keys()) - {name}


def circles(modules: dict[str, Path]) -> Iterator[list[str]]:
    """Yield the groups of modules of which each imports, in the end, each other one."""
    edges = {name: imports(name, path, modules) for name, path in modules.items()}
    reached = {}
    for name in edges:
        reached[name], waiting = set(), [name]
        while waiting:
            new = edges[waiting.pop()] - reached[name]
            reached[name] |= new
            waiting += new
    left = {name for name in edges if name in reached[name]}
    while left:
        first = min(left)
        circle = sorted(other for other in left if other in reached[first] and first in reached[other])
        yield circle
        left -= set(circle)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("root", nargs="?", type=Path, default=HERE, help="a checkout (default: this one)")
    root = parser.parse_args().root.resolve()
    modules = sources(root)
    for package in ("yolonas_plugin", "model_zoo_api"):
        own = [path for name, path in modules.items() if name.split(".")[0] == package]
        count = sum(map(lines, own), Counter())
        kinds = ", ".join(f"{count[kind]:,} {kind}" for kind in ("code", "docstring", "comment"))
        print(f"{package}: {len(own)} files, {count.total():,} lines: {kinds}")
    found = list(circles(modules))
    print(f"circles of imports: {len(found)}")
    for circle in found:
        print("   ", ", ".join(circle))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(root / "contract")])}
    answer = subprocess.run(
        [sys.executable, "-c", WAYS], env=environment, cwd=root, check=True, text=True, stdout=subprocess.PIPE
    )
    for what, figure in json.loads(answer.stdout.splitlines()[-1]).items():
        print(f"{what}: {figure}")


if __name__ == "__main__":
    main()
