"""Reading pickles without running them.

A pickle is a program for a small stack machine, and Python's own machine imports and calls whatever the program names.
This one has no import and no call: classes and functions stay names (:class:`Global`), what they would have been called
with becomes a :class:`Record`, and only plain containers, numbers and text are built. ``torch_file`` and ``values``
interpret records. Dictionaries and their subclasses in the standard library become ``dict``.

A program is bounded in length and steps, so a file of any content costs a bounded time and memory.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any, Final

MAX_BYTES: Final = 16 << 20
"""Longest pickle that is read, in bytes; a YOLO-NAS L as a whole pickled module is 0.4 MB."""
MAX_STEPS: Final = 500_000
"""Most instructions that are executed; that module has 0.2 million. An instruction makes up to 220 bytes (a set)."""
MAX_DIGITS: Final = 100

_DICTS: Final = {"collections.OrderedDict", "collections.defaultdict", "collections.Counter"}
_DICTS_IN_BUILTINS: Final = {"builtins.dict", "__builtin__.dict"}
# fmt: off
_PLAIN_BUILTINS: Final = frozenset({
    "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "getattr", "int", "list", "object", "range",
    "reversed", "set", "slice", "str", "tuple", "type", "Ellipsis", "NotImplemented",
})
_COMMANDS: Final = frozenset({
    "_pickle", "_posixsubprocess", "asyncio", "atexit", "bdb", "cPickle", "cProfile", "cloudpickle", "codeop",
    "commands", "ctypes", "dill", "distutils", "ftplib", "httplib", "imp", "importlib", "joblib", "marshal", "nt",
    "os", "pdb", "pickle", "pip", "pkgutil", "popen2", "posix", "pty", "pydoc", "requests", "runpy", "shutil",
    "smtplib", "socket", "subprocess", "sys", "threading", "timeit", "urllib", "urllib2", "webbrowser", "zipimport",
    "torch.hub", "torch.utils.cpp_extension",
})
"""Modules that no weight file needs. Nothing is called anyway; a file that names one gets an error that says why."""
# fmt: on


class UnpickleError(ValueError):
    """The pickle is damaged, too long, or has something in it that weight files don't have."""


class CommandError(UnpickleError):
    """The pickle names a function that runs programs, which no weight file needs: the file is malicious."""


class Global:
    """The name of a class or function; nothing is imported."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Record:
    """An object that isn't constructed: the name of its class or function, and the arguments in the pickle.

    Attributes:
        name: Full name of the class or function, such as ``torch.nn.modules.conv.Conv2d``.
        args: Arguments of the constructor.
        state: Argument of ``__setstate__`` (mostly attributes by name), or None.
        elements: Elements, of a list or set.
        items: Entries, of a dictionary.
    """

    __slots__ = ("args", "elements", "items", "name", "state")

    def __init__(self, name: str, args: Any = ()) -> None:
        self.name = name
        self.args = args
        self.state: Any = None
        self.elements: list[Any] | None = None
        self.items: dict[Any, Any] | None = None

    @property
    def first(self) -> Any:
        """The first argument of the constructor, or None: ``args`` of a damaged file need not be a tuple."""
        return self.args[0] if isinstance(self.args, tuple) and self.args else None


class Persistent:
    """A reference to something outside of the pickle; torch's are ``("storage", class, key, location, length)``."""

    __slots__ = ("id",)

    def __init__(self, reference: Any) -> None:
        self.id = reference


class Unpickler:
    """Execute the pickle in ``data`` that begins at ``start``, for ``steps`` instructions at most.

    Attributes:
        value: The unpickled value.
        end: Offset in ``data`` after its last instruction.
        persistent: All persistent references in it.

    Raises:
        UnpickleError: It is damaged or exceeds a limit.
    """

    def __init__(self, data: bytes, start: int = 0, steps: int = MAX_STEPS) -> None:
        self.data = data
        self.end = start
        self.persistent: list[Persistent] = []
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._copied = 0
        try:
            self.value = self._run(steps)
        except UnpickleError:
            raise
        except (IndexError, KeyError, struct.error) as error:
            raise UnpickleError(f"it ends or goes wrong at byte {self.end}") from error
        except (TypeError, ValueError, AttributeError) as error:
            raise UnpickleError(f"it goes wrong at byte {self.end}: {error}") from error
        finally:
            self._stack, self._memo = [], {}

    def _run(self, steps: int) -> Any:
        data, table = self.data, _TABLE
        for _ in range(steps):
            code = data[self.end]
            self.end += 1
            if code == 0x2E:  # STOP
                return self._stack.pop()
            step = table[code]
            if step is None:
                raise UnpickleError(f"instruction {code:#04x} at byte {self.end - 1} has no place in a weight file")
            step(self)
        raise UnpickleError(f"it has more than {steps} instructions")

    # --- arguments of instructions ---

    def _take(self, count: int) -> bytes:
        start, stop = self.end, self.end + count
        if stop > len(self.data):
            raise UnpickleError(f"it claims {count} bytes at byte {start}, more than there are")
        self.end = stop
        return bytes(self.data[start:stop])

    def _number(self, form: struct.Struct) -> Any:
        (value,) = form.unpack_from(self.data, self.end)
        self.end += form.size
        return value

    def _line(self) -> str:
        stop = self.data.index(b"\n", self.end)
        line = self._take(stop - self.end)
        self.end += 1
        return line.decode("utf-8")

    def _integer(self) -> int:
        text = self._line().rstrip("L")
        if len(text) > MAX_DIGITS:
            raise UnpickleError(f"a number of {len(text)} digits")
        return int(text)

    def _pop_mark(self) -> list[Any]:
        mark = self._marks.pop()
        if mark > len(self._stack):
            raise UnpickleError(f"the stack is empty at byte {self.end}")
        found = self._stack[mark:]
        del self._stack[mark:]
        return found

    # --- instructions ---

    def _push_global(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str) or not _NAME.fullmatch(f"{module}.{name}"):
            raise UnpickleError("the name of a class is no name")
        builtin = module in ("builtins", "__builtin__")
        parts = f"{module}.{name}".split(".")[:4]
        if any(".".join(parts[:i]) in _COMMANDS for i in range(1, 5)) or (
            builtin and name.split(".")[0] not in _PLAIN_BUILTINS
        ):
            raise CommandError(f"{module}.{name}")
        self._stack.append(Global(f"{module}.{name}"))

    def _call(self, function: Any, args: Any) -> None:
        """Record the call of ``function``, which isn't made."""
        name = function.name if isinstance(function, (Global, Record)) else type(function).__name__
        if name in _DICTS or (name in _DICTS_IN_BUILTINS and not args):
            pairs = args[-1] if args and isinstance(args[-1], (list, dict)) else ()
            self._copied += len(pairs)
            if self._copied > MAX_STEPS:
                raise UnpickleError("it copies dictionaries over and over")
            self._stack.append(
                {_key(key): value for key, value in (pairs.items() if isinstance(pairs, dict) else pairs)}
            )
        else:
            self._stack.append(Record(name, args))

    def _reduce(self) -> None:
        args = self._stack.pop()
        self._call(self._stack.pop(), args)

    def _newobj_ex(self) -> None:
        keywords, args = self._stack.pop(), self._stack.pop()
        self._call(self._stack.pop(), (args, keywords))

    def _inst(self) -> None:
        self._push_global(self._line(), self._line())
        function = self._stack.pop()
        self._call(function, tuple(self._pop_mark()))

    def _obj(self) -> None:
        function, *args = self._pop_mark()
        self._call(function, tuple(args))

    def _build(self) -> None:
        state = self._stack.pop()
        if isinstance(self._stack[-1], Record):
            self._stack[-1].state = state

    def _append(self, elements: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, Record):
            target.elements = target.elements or []
            target = target.elements
        if isinstance(target, list):
            target.extend(elements)
        elif isinstance(target, set):
            target.update(map(_key, elements))
        else:
            raise UnpickleError(f"elements of a {type(target).__name__} at byte {self.end}")

    def _set_items(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, Record):
            target.items = {} if target.items is None else target.items
            target = target.items
        if not isinstance(target, dict):
            raise UnpickleError(f"entries of a {type(target).__name__} at byte {self.end}")
        for key, value in zip(values[::2], values[1::2], strict=True):
            target[_key(key)] = value

    def _tuple(self, count: int) -> None:
        if len(self._stack) < count:
            raise UnpickleError(f"the stack is empty at byte {self.end}")
        self._stack[-count:] = [tuple(self._stack[-count:])]

    def _persist(self, reference: Any) -> None:
        match reference:
            case ("module", Global() as module, _, _):  # the older format puts a module's source code beside its class
                self._stack.append(module)
                return
        found = Persistent(reference)
        self.persistent.append(found)
        self._stack.append(found)

    def _string(self) -> None:
        text = self._line()
        if len(text) < 2 or text[0] != text[-1] or text[0] not in "'\"" or "\\" in text:
            raise UnpickleError(f"a string without quotes at byte {self.end}")
        self._stack.append(text[1:-1])

    def _put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]


_NAME: Final = re.compile(r"[\w.<>]{1,300}")
_U1, _U2, _U4, _U8 = (struct.Struct(form) for form in ("<B", "<H", "<I", "<Q"))
_I4, _F8 = struct.Struct("<i"), struct.Struct(">d")


def _key(key: Any) -> Any:
    """Let only keys into dictionaries that can't be made to collide, nor to overflow the C stack when hashed."""
    if type(key) is str:
        return key
    parts = key if isinstance(key, tuple) else (key,)
    kinds = (str, bytes) if isinstance(key, tuple) else (str, bytes, int, float, type(None), Global, Record)
    if len(parts) > 8 or not all(isinstance(part, kinds) for part in parts):
        raise UnpickleError(f"a {type(key).__name__} as a key")
    if isinstance(key, int) and abs(key) >> 60:
        raise UnpickleError("a number of more than 60 bits as a key")
    return key


def _pusher(make: Callable[[Unpickler], Any]) -> Callable[[Unpickler], None]:
    return lambda machine: machine._stack.append(make(machine))


def _text(form: struct.Struct) -> Callable[[Unpickler], None]:
    return _pusher(lambda m: m._take(m._number(form)).decode("utf-8", "surrogatepass"))


def _bytes(form: struct.Struct, kind: Callable[[bytes], Any] = bytes) -> Callable[[Unpickler], None]:
    return _pusher(lambda m: kind(m._take(m._number(form))))


def _integer_of(form: struct.Struct) -> Callable[[Unpickler], None]:
    def run(machine: Unpickler) -> None:
        count = machine._number(form)
        if count > MAX_DIGITS:
            raise UnpickleError(f"a number of {count} bytes")
        machine._stack.append(int.from_bytes(machine._take(count), "little", signed=True))

    return run


def _boolean_or_integer(machine: Unpickler) -> Any:
    text = machine._line()
    return text == "01" if text in ("00", "01") else int(text[:MAX_DIGITS])


_INSTRUCTIONS: Final[dict[bytes, Callable[[Unpickler], Any]]] = {
    # where it stands and what it stands on
    b"\x80": lambda m: m._take(1),  # PROTO
    b"\x95": lambda m: m._take(8),  # FRAME
    b"(": lambda m: m._marks.append(len(m._stack)),
    b"0": lambda m: m._stack.pop() if len(m._stack) > (m._marks[-1] if m._marks else 0) else m._marks.pop(),
    b"1": lambda m: m._pop_mark(),
    b"2": lambda m: m._stack.append(m._stack[-1]),
    # plain values
    b"N": _pusher(lambda m: None),
    b"\x88": _pusher(lambda m: True),
    b"\x89": _pusher(lambda m: False),
    b"I": _pusher(_boolean_or_integer),
    b"L": _pusher(Unpickler._integer),
    b"J": _pusher(lambda m: m._number(_I4)),
    b"K": _pusher(lambda m: m._number(_U1)),
    b"M": _pusher(lambda m: m._number(_U2)),
    b"\x8a": _integer_of(_U1),
    b"\x8b": _integer_of(_U4),
    b"F": _pusher(lambda m: float(m._line()[:MAX_DIGITS])),
    b"G": _pusher(lambda m: m._number(_F8)),
    b"S": Unpickler._string,
    b"V": _pusher(lambda m: m._line().encode("latin-1", "replace").decode("raw-unicode-escape")),
    b"X": _text(_U4),
    b"\x8c": _text(_U1),
    b"\x8d": _text(_U8),
    b"T": _pusher(lambda m: m._take(m._number(_U4)).decode("latin-1")),
    b"U": _pusher(lambda m: m._take(m._number(_U1)).decode("latin-1")),
    b"B": _bytes(_U4),
    b"C": _bytes(_U1),
    b"\x8e": _bytes(_U8),
    b"\x96": _bytes(_U8, bytearray),
    # containers
    b"]": _pusher(lambda m: []),
    b"}": _pusher(lambda m: {}),
    b"\x8f": _pusher(lambda m: set()),
    b")": _pusher(lambda m: ()),
    b"l": _pusher(Unpickler._pop_mark),
    b"t": _pusher(lambda m: tuple(m._pop_mark())),
    b"\x91": _pusher(lambda m: frozenset(map(_key, m._pop_mark()))),
    b"\x85": lambda m: m._tuple(1),
    b"\x86": lambda m: m._tuple(2),
    b"\x87": lambda m: m._tuple(3),
    b"a": lambda m: m._append([m._stack.pop()]),
    b"e": lambda m: m._append(m._pop_mark()),
    b"\x90": lambda m: m._append(m._pop_mark()),
    b"s": lambda m: m._set_items([m._stack.pop(-2), m._stack.pop()]),
    b"u": lambda m: m._set_items(m._pop_mark()),
    # objects: only noted
    b"c": lambda m: m._push_global(m._line(), m._line()),
    b"\x93": lambda m: m._push_global(m._stack.pop(-2), m._stack.pop()),
    b"R": Unpickler._reduce,
    b"\x81": Unpickler._reduce,  # NEWOBJ
    b"\x92": Unpickler._newobj_ex,
    b"i": Unpickler._inst,
    b"o": Unpickler._obj,
    b"b": Unpickler._build,
    b"P": lambda m: m._persist(m._line()),
    b"Q": lambda m: m._persist(m._stack.pop()),
    # the memo
    b"p": lambda m: m._put(m._integer()),
    b"q": lambda m: m._put(m._number(_U1)),
    b"r": lambda m: m._put(m._number(_U4)),
    b"\x94": lambda m: m._put(len(m._memo)),
    b"g": _pusher(lambda m: m._memo[m._integer()]),
    b"h": _pusher(lambda m: m._memo[m._number(_U1)]),
    b"j": _pusher(lambda m: m._memo[m._number(_U4)]),
}
# the DICT instruction, `d`, and the registry of extensions, 0x82 to 0x84, aren't among them: torch writes neither
_TABLE: Final = [_INSTRUCTIONS.get(bytes([code])) for code in range(256)]
