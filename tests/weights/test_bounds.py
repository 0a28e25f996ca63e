"""Bounds hold to the last entry: what is just within is read, what is just beyond is refused."""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from yolonas_plugin.errors import CheckpointError
from yolonas_plugin.weights import state_dict
from yolonas_plugin.weights.archive import Part, zip_parts
from yolonas_plugin.weights.opened import OpenedFile
from yolonas_plugin.weights.safetensors_file import SafetensorsFile
from yolonas_plugin.weights.stored import View
from yolonas_plugin.weights.torch_file import TorchFile
from yolonas_plugin.weights.unpickle import MAX_DIGITS, Global, Record, UnpickleError, Unpickler
from yolonas_plugin.weights.values import describe


def module(**tables: Any) -> Record:
    record = Record("torch.nn.Module")
    record.state = {"_modules": {}, "_parameters": {}, "_buffers": {}, "_non_persistent_buffers_set": [], **tables}
    return record


# -- modules' tables ---------------------------------------------------------------------------------------------


def test_a_tree_of_modules_has_a_hundred_thousand_entries_at_most() -> None:
    names = [f"n{i}" for i in range(24_999)]
    tables = {"_parameters": dict.fromkeys(names), "_buffers": dict.fromkeys(names), "_modules": dict.fromkeys(names)}
    unsaved = [f"u{i}" for i in range(100_000 - 1 - 3 * len(names))]
    assert state_dict.module_tensors(module(**tables, _non_persistent_buffers_set=unsaved)) == {}
    with pytest.raises(ValueError, match="nested too deep, or contain themselves"):
        state_dict.module_tensors(module(**tables, _non_persistent_buffers_set=[*unsaved, "one more"]))


@pytest.mark.parametrize("table", ["_parameters", "_buffers", "_modules", "_non_persistent_buffers_set"])
def test_entries_of_every_table_count(table: str) -> None:
    with pytest.raises(ValueError, match="nested too deep, or contain themselves"):
        state_dict.module_tensors(module(**{table: dict.fromkeys(f"n{i}" for i in range(100_000))}))


def test_entries_count_over_the_whole_tree() -> None:
    half = dict.fromkeys(f"n{i}" for i in range(50_000))
    with pytest.raises(ValueError, match="nested too deep, or contain themselves"):
        state_dict.module_tensors(module(_parameters=half, _modules={"a": module(_parameters=half)}))


def test_modules_lie_sixty_deep_at_most() -> None:
    tree = module()
    for _ in range(60):
        tree = module(_modules={"m": tree})
    assert state_dict.module_tensors(tree) == {}
    with pytest.raises(ValueError, match="nested too deep"):
        state_dict.module_tensors(module(_modules={"m": tree}))


def test_a_set_of_weights_has_twenty_thousand_tensors_at_most() -> None:
    state_dict.check_names({f"t{i}": None for i in range(20_000)})
    with pytest.raises(ValueError, match="it holds 20001 tensors, too many"):
        state_dict.check_names({f"t{i}": None for i in range(20_001)})


def test_a_name_has_five_hundred_letters_at_most_with_what_stands_before_it() -> None:
    state_dict.check_names({"n" * 500: None})
    with pytest.raises(ValueError, match="which is no name"):
        state_dict.check_names({"n" * 501: None})
    inner = {"_modules": {"m" * 499: module()}}
    assert state_dict.module_tensors(module(_modules={"": module(**inner)})) == {}  # "." before it
    with pytest.raises(ValueError, match="which is no name"):
        state_dict.module_tensors(module(_modules={"a": module(**inner)}))


def test_a_child_with_a_dot_in_its_name_is_not_looked_for_in_two_steps() -> None:
    anchor = "backbone.stem.conv.branch_3x3.conv.weight"
    network = module(_parameters={anchor: torch.zeros(1)})
    assert state_dict.find_module(module(_modules={"module": network})) is network
    wrapper = module(_modules={"module.model": network, "model": module()})
    assert state_dict.find_module(wrapper) is wrapper


# -- zip archives ------------------------------------------------------------------------------------------------


def test_a_length_of_64_bits_stands_in_an_entry_s_own_extra_field(tmp_path: Path) -> None:
    """And not in the comment after it, whatever that looks like."""
    path, field = tmp_path / "x.zip", struct.pack("<2HQ", 1, 8, 4)
    for place in ("extra", "comment"):
        part = zipfile.ZipInfo("a")
        setattr(part, place, field)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(part, b"abcd")
        content = bytearray(path.read_bytes())
        entry = content.index(b"PK\x01\x02")
        content[entry + 24 : entry + 28] = b"\xff" * 4  # its length unpacked
        path.write_bytes(content)
        if place == "extra":
            assert [part.size for part in zip_parts(OpenedFile(path)).values()] == [4]
        else:
            with pytest.raises(CheckpointError, match="a length is missing in its list of contents"):
                zip_parts(OpenedFile(path))


def test_an_archive_whose_end_is_gone_says_so_and_one_of_nothing_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w"):
        pass
    assert zip_parts(OpenedFile(path)) == {}
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(CheckpointError, match="its list of contents, which comes last, is missing"):
        zip_parts(OpenedFile(path))


# -- tensors in their parts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "size", "stride", "fits"),
    [
        (0, (100,), (1,), True),
        (1, (100,), (1,), False),
        (1, (99,), (1,), True),
        (0, (10,), (11,), True),
        (0, (11,), (10,), False),
        (0, (101,), (0,), False),
        (0, (2, 50), (50, 1), True),
        (0, (2, 50), (51, 1), False),
        (200, (0,), (1,), True),
    ],
)
def test_a_tensor_lies_in_its_part(offset: int, size: tuple[int, ...], stride: tuple[int, ...], fits: bool) -> None:
    view = View(Part(0, 400), torch.float32, 100, offset, size, stride)
    if fits:
        view.check("a")
    else:
        with pytest.raises(ValueError, match="a reaches beyond its 100 numbers"):
            view.check("a")


# -- safetensors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry",
    [
        {"shape": 4},
        {"shape": {"4": 4}},
        {"data_offsets": 16},
        {"data_offsets": [0]},
        {"data_offsets": [0, 16, 16]},
        {"data_offsets": {"0": 0, "1": 16}},
    ],
    ids=str,
)
def test_a_tensor_has_a_shape_and_two_ends(entry: dict[str, Any], tmp_path: Path) -> None:
    def write(path: Path, tensor: dict[str, Any]) -> Path:
        header = json.dumps({"a": tensor}).encode()
        path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))
        return path

    sound = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    assert list(SafetensorsFile(write(tmp_path / "sound", sound)).views) == ["a"]
    with pytest.raises(CheckpointError, match="'a' has no shape or no place"):
        SafetensorsFile(write(tmp_path / "broken", sound | entry))


# -- torch's older format -----------------------------------------------------------------------------------------


def test_a_storage_may_reach_the_last_byte_and_no_further(tmp_path: Path) -> None:
    path, numbers = tmp_path / "x.pth", torch.arange(100.0)
    torch.save({"a": numbers}, path, _use_new_zipfile_serialization=False)
    file = TorchFile(path)
    assert torch.equal(file.tensors(file.content)["a"], numbers)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="a storage claims 100 numbers at byte"):
        TorchFile(path)


# -- pickles -----------------------------------------------------------------------------------------------------


def value_of(*parts: bytes) -> Any:
    return Unpickler(b"".join(parts)).value


KNOWN = {
    *(op for op in b"\x80\x95(012N\x88\x89ILJKM\x8a\x8bFGSVX\x8c\x8dTUBC\x8e\x96]}\x8f)lt\x91\x85\x86\x87ae\x90su"),
    *(op for op in b"c\x93R\x81\x92iobPQpqr\x94ghj."),
}


@pytest.mark.parametrize("code", sorted(set(range(256)) - KNOWN))
def test_an_instruction_that_no_weight_file_has_is_refused(code: int) -> None:
    with pytest.raises(UnpickleError, match=f"instruction {code:#04x} at byte 1 has no place in a weight file"):
        value_of(b"N", bytes([code]), b".")


def test_a_pickle_is_followed_for_so_many_steps_and_no_more() -> None:
    program = b"N" * 9 + b"."
    assert Unpickler(program, steps=10).value is None
    with pytest.raises(UnpickleError, match="more than 9 instructions"):
        Unpickler(program, steps=9)


def test_a_claim_may_reach_the_last_byte_and_no_further() -> None:
    assert value_of(b"C\x02ab.") == b"ab"
    with pytest.raises(UnpickleError, match="it claims 3 bytes at byte 2, more than there are"):
        value_of(b"C\x03ab")


@pytest.mark.parametrize(("code", "count"), [(b"\x85", 1), (b"\x86", 2), (b"\x87", 3)])
def test_a_tuple_takes_what_the_stack_holds_and_no_more(code: bytes, count: int) -> None:
    assert value_of(b"N" * count, code, b".") == (None,) * count
    with pytest.raises(UnpickleError, match="the stack is empty"):
        value_of(b"N" * (count - 1), code, b".")


def test_numbers_have_so_many_digits() -> None:
    digits = b"1" * MAX_DIGITS
    assert value_of(b"L", digits, b"L\n.") == int(digits)
    with pytest.raises(UnpickleError, match=f"a number of {MAX_DIGITS + 1} digits"):
        value_of(b"L", digits, b"1L\n.")
    assert value_of(b"\x8b", struct.pack("<I", MAX_DIGITS), b"\x01" * MAX_DIGITS, b".") > 0
    with pytest.raises(UnpickleError, match=f"a number of {MAX_DIGITS + 1} bytes"):
        value_of(b"\x8b", struct.pack("<I", MAX_DIGITS + 1), b"\x01" * (MAX_DIGITS + 1), b".")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (2**60 - 1, None),
        (2**60, "more than 60 bits as a key"),
        (-(2**60), "more than 60 bits as a key"),
        (tuple("abcdefgh"), None),
        (tuple("abcdefghi"), "a tuple as a key"),
        ((1, "a"), "a tuple as a key"),
        (b"bytes", None),
        (1.5, None),
        (None, None),
        (frozenset("a"), "a frozenset as a key"),
    ],
    ids=repr,
)
def test_what_may_be_a_key(key: object, said: str | None) -> None:
    program = pickle.dumps({key: 1}, protocol=4)
    if said is None:
        assert Unpickler(program).value == {key: 1}
    else:
        with pytest.raises(UnpickleError, match=said):
            Unpickler(program)


def test_a_class_has_a_name_of_three_hundred_letters_at_most() -> None:
    name = "c" * 298
    assert isinstance(value_of(b"ca\n", name.encode(), b"\n."), Global)
    with pytest.raises(UnpickleError, match="the name of a class is no name"):
        value_of(b"ca\n", name.encode(), b"c\n.")


def test_numbers_of_64_bits_are_shown_and_larger_ones_named() -> None:
    for number in (2**64 - 1, 1 - 2**64, 0):
        assert describe(number) == str(number)
    assert describe(2**64) == describe(-(2**64)) == "a huge number"


@pytest.mark.parametrize("text", [b"'", b"", b"'a\"", b"a'", b"xax", b"'a\\n'"])
def test_a_string_stands_in_quotes(text: bytes) -> None:
    assert value_of(b"S'a'\n.") == "a"
    assert value_of(b"S''\n.") == ""
    with pytest.raises(UnpickleError, match="a string without quotes"):
        value_of(b"S", text, b"\n.")


@pytest.mark.parametrize("start", [5, 1 << 40, 1 << 63, (1 << 64) - 1])
def test_there_is_nothing_beyond_the_end_of_a_file(start: int, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    assert OpenedFile(tmp_path / "x").read(start, 46) == b""
