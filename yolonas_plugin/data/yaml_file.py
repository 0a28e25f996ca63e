"""The YAML file that describes a data set: parsed strictly, interpreted as the Ultralytics engine does.

The engine's own reader drops bytes that are no UTF-8, and characters that YAML refuses; runs what ``download`` says;
and fetches a font for the names. Here nothing is dropped, run or fetched, but for a URL or an archive that is itself
given as the data.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from yolonas_plugin.data.by_reference import ask_engine
from yolonas_plugin.data.text import legible, read_bytes, read_text
from yolonas_plugin.errors import SourceError
from yolonas_plugin.names import MAX_CLASSES

SPLITS: Final = ("train", "val", "test")

YAML_ENDINGS: Final = (".yaml", ".yml")
_LARGEST: Final = 4 << 20
_MAX_NODES: Final = 400_000
_MAX_DEPTH: Final = 40
_MAX_PLAIN: Final = 4096
_SAFE: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_AS_WRITTEN: Final = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_KEYS_OF_DATA: Final = re.compile(rb"^\xef?\xbb?\xbf?(names|nc)\0?[ \t]*:", re.MULTILINE)
_PASSED_ON: Final = ("kpt_shape", "flip_idx")


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping. Class names are taken as they are written: ``no`` isn't False.

    Raises:
        SourceError: It can't be read, is no UTF-8, no YAML or no mapping; a key stands twice; or it is larger or deeper
            than descriptions are, its aliases written out.
    """
    try:
        text = read_text(path, _LARGEST, wide=True)
        _check_bounds(text)
        content = yaml.load(text, _SAFE)
        if isinstance(content, dict) and isinstance(content.get("names"), (dict, list)):
            content["names"] = yaml.load(text, _AS_WRITTEN).get("names")
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{path}: this isn't UTF-8 ({error}); save it as UTF-8, so that class names are what they should be"
        ) from error
    except RecursionError as error:
        raise SourceError(f"{path}: can't read this as YAML: it is nested too deeply") from error
    except Exception as error:  # PyYAML's constructors let through whatever Python says of a date or a number
        raise SourceError(f"{path}: can't read this as YAML: {error}") from error
    if not isinstance(content, dict):
        raise SourceError(f"{path}: can't read this as a data set: it has no keys such as train, val and names")
    return content


def _check_bounds(text: str) -> None:
    """Go through the document without building it: its size with all aliases written out, its depth, keys given twice.

    Raises:
        ValueError, yaml.YAMLError: It is too large, too deep, refers to itself, or says one thing twice.
    """
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int, set[str] | None]] = []  # anchor, size so far, keys of a mapping
    is_key: list[bool] = []
    for event in yaml.parse(text, _SAFE):
        size = 0
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            open_nodes.append((event.anchor, 1, set() if isinstance(event, yaml.MappingStartEvent) else None))
            is_key.append(True)
            if len(open_nodes) > _MAX_DEPTH:
                raise ValueError("it is nested too deeply")
            continue
        if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            anchor, size, _ = open_nodes.pop()
            is_key.pop()
        elif isinstance(event, yaml.AliasEvent):
            anchor = None
            if event.anchor not in sizes:
                raise ValueError(f"line {event.start_mark.line + 1}: *{event.anchor} refers to nothing before it")
            size = sizes[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            anchor, size = event.anchor, 1
            if len(event.value) > _MAX_PLAIN and (event.implicit[0] or event.tag):
                raise ValueError(f"line {event.start_mark.line + 1}: a value of {len(event.value)} characters")
        else:
            continue
        if anchor:
            sizes[anchor] = size
        if not open_nodes:
            continue
        owner, total, keys = open_nodes[-1]
        if total + size > _MAX_NODES:
            raise ValueError(f"line {event.start_mark.line + 1}: it says too much, its aliases written out")
        open_nodes[-1] = owner, total + size, keys
        if keys is not None:
            if is_key[-1] and isinstance(event, yaml.ScalarEvent) and event.value != "<<":
                if event.value in keys:
                    raise ValueError(f"line {event.start_mark.line + 1}: the key {legible(event.value)!r} stands twice")
                keys.add(event.value)
            is_key[-1] = not is_key[-1]


def find_description(root: Path) -> Path | None:
    """Find the YAML file that describes the data in a folder; those that are about something else don't matter.

    Raises:
        SourceError: There are several; or the only one can't be read.
    """
    found: dict[Path, bool] = {}
    broken: dict[Path, SourceError] = {}
    for path in sorted(root.iterdir()):
        if path.suffix.lower() not in YAML_ENDINGS:
            continue
        try:
            content = load_yaml(path)
        except SourceError as error:
            if _seems_to_describe(path):
                broken[path] = error
            continue
        if "names" in content or "nc" in content or has_json(content):
            found[path] = any(content.get(split) for split in (*SPLITS, "validation"))
    usual = [path for path in (*found, *broken) if path.stem in {"data", "dataset", root.name}]
    complete = [path for path, has_splits in found.items() if has_splits]  # without any it may describe a network
    files = usual[:1] or complete or list(found) or list(broken)
    if len(files) > 1:
        names = ", ".join(legible(path.name) for path in files)
        raise SourceError(f"{root}: several YAML files describe data here: {names}; give the path of one")
    if files and files[0] in broken:
        raise broken[files[0]]
    return files[0] if files else None


def _seems_to_describe(path: Path) -> bool:
    """Whether a YAML file that can't be read begins a line with what only the description of data has."""
    try:
        return _KEYS_OF_DATA.search(read_bytes(path, _LARGEST).replace(b"\0", b"")) is not None
    except (OSError, ValueError):
        return False


def has_json(described: Mapping[str, Any]) -> bool:
    """Whether a split is a JSON file."""
    return any(is_json(described.get(split)) for split in SPLITS)


def is_json(value: Any) -> bool:
    """Whether a value is the path of a JSON file."""
    return isinstance(value, (str, Path)) and str(value).lower().endswith(".json")


def class_names(described: Mapping[str, Any], title: str) -> tuple[str, ...]:
    """Return the classes in the order of their indices, by ``names`` or, without names, by ``nc``.

    Raises:
        SourceError: There are none, or they aren't numbered from 0 without a gap; or ``nc`` is another number.
    """
    names, count = described.get("names"), described.get("nc")
    if count is not None:
        try:
            count = int(str(count)[:20]) if float(str(count)[:20]).is_integer() else -1
        except (ValueError, OverflowError):
            count = -1
        if not 0 < count <= MAX_CLASSES:
            raise SourceError(f"{title}: 'nc' must be a number of classes, found {legible(described['nc'])!r}")
    if names is None:
        if count is None:
            raise SourceError(f"{title}: nothing says what the classes are; give them as 'names: [cat, dog]'")
        return tuple(f"class_{i}" for i in range(count))
    if isinstance(names, Mapping):
        try:
            numbered = {int(str(key)): value for key, value in names.items()}
        except ValueError as error:
            raise SourceError(f"{title}: the keys of 'names' must be numbers: {legible(error)}") from error
        if sorted(numbered) != list(range(len(names))):
            raise SourceError(f"{title}: the keys of 'names' must be 0 to {len(names) - 1}, each once")
        names = [numbered[i] for i in range(len(numbered))]
    if not isinstance(names, (list, tuple)) or not names or not all(isinstance(n, (str, int, float)) for n in names):
        raise SourceError(f"{title}: 'names' must be a list of class names, or a name for each index")
    if len(names) > MAX_CLASSES:
        raise SourceError(f"{title}: {len(names)} classes; there may be {MAX_CLASSES}")
    if count is not None and count != len(names):
        raise SourceError(f"{title}: 'names' has {len(names)} classes and 'nc' says {count}")
    return tuple(map(str, names))


def data_root(described: Mapping[str, Any], home: Path, title: str) -> Path:
    """Return the folder that ``path`` names: in the working directory, beside the file, or where the engine keeps data.

    Args:
        described: What the file says.
        home: The folder that it is in.
        title: What it is called in messages.

    Raises:
        SourceError: ``path`` is no path.
    """
    given = described.get("path")
    if not given:
        return home
    if not isinstance(given, (str, Path)) or "\0" in str(given):
        raise SourceError(f"{title}: 'path' must be a folder, found {legible(given)!r}")
    path = Path(os.path.expanduser(given))
    if path.is_absolute() or os.path.exists(path):
        return path
    if os.path.exists(home / path):
        return home / path
    return Path(ask_engine("datasets_folder")()) / path


def engine_settings(
    described: Mapping[str, Any], home: Path, title: str
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Return a description as the engine understands it: the root, the splits as absolute paths, the classes.

    And the paths of each split as they are given: the engine follows links, and loses sight of labels that lie beside
    the link.

    Args:
        described: What the file says.
        home: The folder that it is in.
        title: What it is called in messages.

    Raises:
        SourceError: It doesn't describe a data set.
    """
    described = {key: None if value == "None" else value for key, value in described.items()}
    if "val" not in described and "validation" in described:
        described["val"] = described["validation"]
    for split in ("train", "val"):
        if split not in described:
            raise SourceError(f"{title}: the key {split!r} is missing; a data set has train, val and names")
    names = class_names(described, title)
    channels = described.get("channels") or 3
    if not isinstance(channels, int) or isinstance(channels, bool) or not 0 < channels <= 64:
        raise SourceError(f"{title}: 'channels' must be a number of channels, found {legible(channels)!r}")
    root = os.path.abspath(data_root(described, home, title))
    settings = {"path": root, "names": dict(enumerate(names)), "nc": len(names), "channels": channels}
    listed = {}
    for split in SPLITS:
        if described.get(split):
            listed[split] = _split_paths(described[split], root, split, title)
            real = [os.path.realpath(path) for path in listed[split]]
            settings[split] = real if isinstance(described[split], list) else real[0]
        elif split != "test":
            settings[split] = None
    for key in _PASSED_ON:
        if described.get(key) is not None:
            if not _is_shape(described[key]):
                raise SourceError(f"{title}: {key!r} must be a list of whole numbers")
            settings[key] = described[key]
    return settings, listed


def _split_paths(value: Any, root: str, split: str, title: str) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(entry, (str, Path)) and entry and "\0" not in str(entry) for entry in values):
        raise SourceError(f"{title}: {split!r} must be a folder or file, or a list of them, found {legible(value)!r}")
    try:
        return [_split_path(str(entry), root) for entry in values]
    except (OSError, RuntimeError) as error:  # the latter: links that lead nowhere
        raise SourceError(f"{title}: {split!r} can't be found: {error}") from error


def _split_path(entry: str, root: str) -> str:
    path = os.path.join(root, entry)
    if not os.path.exists(path) and entry.startswith("../"):  # as Roboflow writes it
        path = os.path.join(root, entry[3:])
    plain = os.path.normpath(path)  # which is another place where a link is left by ".."
    return plain if os.path.realpath(plain) == os.path.realpath(path) else os.path.realpath(path)


def _is_shape(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= 1000 and all(type(n) is int and 0 <= n < 1000 for n in value)


def locate(source: str) -> tuple[Path, Path | None]:
    """Find the YAML file that a path, the name of one of the engine's data sets, a URL or an archive means.

    Returns:
        The file, and the folder that an archive was unpacked into.

    Raises:
        DataNotFoundError, SourceError: There is none.
    """
    if os.path.isfile(source) and source.lower().endswith(YAML_ENDINGS):
        return Path(source), None
    found: tuple[Path, Path | None] = ask_engine("locate")(source)
    return found
