"""Source code to print: functions of Python's standard library, and other languages made from templates."""

from __future__ import annotations

import inspect
import json
import random
import textwrap
from functools import cache
from importlib import import_module
from typing import Final

_MODULES: Final = (
    "argparse", "bisect", "calendar", "cmd", "codecs", "configparser", "copy", "csv", "dataclasses", "difflib",
    "dis", "enum", "filecmp", "fnmatch", "fractions", "functools", "gettext", "glob", "gzip", "heapq",
    "html.parser", "imaplib", "inspect", "ipaddress", "json.decoder", "json.encoder", "locale", "mimetypes",
    "numbers", "pathlib", "pickle", "platform", "pprint", "queue", "random", "sched", "shelve", "shlex", "shutil",
    "smtplib", "socketserver", "statistics", "string", "tarfile", "tempfile", "textwrap", "threading", "timeit",
    "tokenize", "trace", "traceback", "types", "unittest.case", "urllib.parse", "uuid", "weakref", "zipfile",
)  # fmt: skip
NAMES: Final = (
    "count", "total", "user", "item", "node", "value", "buffer", "index", "result", "config", "client", "server",
    "path", "name", "token", "queue", "cache", "table", "order", "price", "width", "height", "color", "session",
    "request", "response", "error", "status", "handler", "parser", "widget", "account", "file", "line", "record",
)  # fmt: skip
_TYPES: Final = ["int", "double", "char", "size_t", "void", "float", "bool", "long", "uint8_t"]


@cache
def _source(module: str) -> tuple[str, ...]:
    return tuple(inspect.getsource(import_module(module)).expandtabs(4).splitlines())


def listing(rng: random.Random, width: int, lines: int) -> tuple[str, str]:
    """About so many lines of code of at most `width` characters, and typst's name of the language."""
    language, make = rng.choice(
        (
            ("python", _python),
            ("python", _python),
            ("python", _python),
            ("pycon", _console),
            ("sh", _shell),
            ("json", _json),
            ("c", _c),
            ("sql", _sql),
            ("yaml", _yaml),
            ("html", _html),
        )
    )
    code = "\n".join(_cut(line, width) for line in make(rng, lines)[: max(1, lines)])
    return textwrap.dedent(code).strip("\n"), language


def identifier(rng: random.Random) -> str:
    """A name as it stands within text: of a function, a file, an option."""
    first, second = rng.choice(NAMES), rng.choice(NAMES)
    return rng.choice(
        (
            first,
            f"{first}_{second}",
            f"{first}()",
            f"{first}.{second}",
            f"--{first}",
            f"{first}.py",
            f"{first}.{second}()",
        )
    )


def _cut(line: str, width: int) -> str:
    return line.rstrip() if len(line) <= width else line[:width].rstrip()


def _python(rng: random.Random, lines: int) -> list[str]:
    source = _source(rng.choice(_MODULES))
    starts = [
        number for number, line in enumerate(source) if line.lstrip().startswith(("def ", "class ", "for ", "import "))
    ]
    start = rng.choice(starts)
    margin = len(source[start]) - len(source[start].lstrip())
    return [line[margin:] if not line[:margin].strip() else line.lstrip() for line in source[start : start + lines]]


def _console(rng: random.Random, lines: int) -> list[str]:
    code: list[str] = []
    while len(code) < lines:
        first, second = rng.choice(NAMES), rng.choice(NAMES)
        code.append(
            rng.choice(
                (
                    f">>> {first} = {second}.{rng.choice(NAMES)}()",
                    f">>> {first}({rng.randint(1, 99)}, {second}=None)",
                    f">>> print({first}.{second})",
                )
            )
        )
        if rng.random() < 0.6:
            code.append(
                rng.choice(
                    (
                        str(rng.randint(0, 9999)),
                        f"<{second.title()} object at 0x7f{rng.getrandbits(24):06x}>",
                        f"'{second}'",
                        "[" + ", ".join(str(rng.randint(0, 99)) for _ in range(6)) + "]",
                    )
                )
            )
    return code


def _shell(rng: random.Random, lines: int) -> list[str]:
    prompt = rng.choice(("$ ", "# ", "", "user@host:~$ "))
    code: list[str] = []
    for _ in range(lines):
        first, second = rng.choice(NAMES), rng.choice(NAMES)
        code.append(
            prompt
            + rng.choice(
                (
                    f"cd /usr/share/{first}/{second}",
                    f"./configure --prefix=/opt/{first} --with-{second}",
                    f"make -j{rng.randint(2, 16)} {first}",
                    f"cat {first}.txt | grep -v {second} | sort -u > {rng.choice(NAMES)}.log",
                    f"export {first.upper()}_{second.upper()}=/var/lib/{first}",
                    f"sudo systemctl restart {first}d",
                    f'for f in *.{second[:3]}; do {first} --{second} "$f"; done',
                    f"curl -sSL http://localhost:{rng.randint(1024, 9999)}/{first}",
                    f"# {first} the {second}",
                )
            )
        )
    return code


def _json(rng: random.Random, lines: int) -> list[str]:
    def value(depth: int) -> object:
        roll = rng.random()
        if depth > 0 and roll < 0.25:
            return {rng.choice(NAMES): value(depth - 1) for _ in range(rng.randint(1, 4))}
        if depth > 0 and roll < 0.35:
            return [value(0) for _ in range(rng.randint(1, 3))]
        return rng.choice((rng.randint(0, 1000), rng.choice(NAMES), True, None, round(rng.random(), 3)))

    data = {rng.choice(NAMES): value(2) for _ in range(max(1, lines // 2))}
    return json.dumps(data, indent=rng.choice((2, 4))).splitlines()


def _c(rng: random.Random, lines: int) -> list[str]:
    first = rng.choice(NAMES)
    arguments = f"{rng.choice(_TYPES)} {rng.choice(NAMES)}, {rng.choice(_TYPES)} *{rng.choice(NAMES)}"
    code = [
        f"{rng.choice(_TYPES)} {first}_{rng.choice(NAMES)}({arguments})",
        "{",
    ]
    while len(code) < lines - 1:
        a, b, c = (rng.choice(NAMES) for _ in range(3))
        code += rng.choice(
            (
                [f"    {rng.choice(_TYPES)} {a} = {b}->{c};"],
                [f"    for (int i = 0; i < {a}; i++) {{", f"        {b}[i] += {c};", "    }"],
                [f"    if ({a} == NULL) {{", f"        return -{rng.randint(1, 9)};", "    }"],
                [f"    /* {a} {b} */"],
                [f"    {a}->{b} = {c}(&{b}, {rng.randint(0, 255)});"],
                [""],
            )
        )
    return [*code[: lines - 1], "}"]


def _sql(rng: random.Random, lines: int) -> list[str]:
    a, b, c = (rng.choice(NAMES) for _ in range(3))
    code = [
        f"SELECT {a}.id, {a}.{b}, COUNT(*) AS {c}",
        f"FROM {a}s AS {a}",
        f"LEFT JOIN {b}s ON {b}s.{a}_id = {a}.id",
        f"WHERE {a}.{c} > {rng.randint(1, 500)}",
    ]
    while len(code) < lines - 2:
        code.append(
            f"  {rng.choice(('AND', 'OR'))} {rng.choice(NAMES)} {rng.choice(('=', 'LIKE'))} '{rng.choice(NAMES)}'"
        )
    return [*code, f"GROUP BY {a}.id", f"ORDER BY {c} DESC LIMIT {rng.randint(1, 99)};"]


def _yaml(rng: random.Random, lines: int) -> list[str]:
    code: list[str] = []
    while len(code) < lines:
        code.append(f"{rng.choice(NAMES)}:")
        for _ in range(rng.randint(1, 4)):
            code.append(
                rng.choice(
                    (
                        f"  {rng.choice(NAMES)}: {rng.choice(NAMES)}",
                        f"  - {rng.choice(NAMES)}",
                        f"  {rng.choice(NAMES)}: {rng.randint(0, 9000)}",
                        f"  # {rng.choice(NAMES)} {rng.choice(NAMES)}",
                    )
                )
            )
    return code


def _html(rng: random.Random, lines: int) -> list[str]:
    code, depth = ["<div>"], 1
    while len(code) < lines - 1:
        tag, name = rng.choice(("p", "span", "li", "td", "h2", "a")), rng.choice(NAMES)
        if depth < 4 and rng.random() < 0.25:
            code.append("  " * depth + f'<section class="{name}">')
            depth += 1
        elif depth > 1 and rng.random() < 0.2:
            depth -= 1
            code.append("  " * depth + "</section>")
        else:
            code.append("  " * depth + f'<{tag} id="{name}">{rng.choice(NAMES)} {rng.choice(NAMES)}</{tag}>')
    return [*code, "</div>"]
