"""llm's own command and API, with the models of whatever is installed. ``make hosts`` has its environment."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import llm
import numpy as np
import pytest
from click.testing import CliRunner, Result
from llm.cli import cli
from PIL import Image

from model_zoo_api import ModelZoo
from model_zoo_api.testing import write_picture
from tests.support.deepaas import install
from tests.support.environments import ROOT, Environment, build_contract
from yolonas_plugin.cards import CARDS, LAYOUT_CLASSES
from yolonas_plugin.options import OPTIONS, SETTINGS

LAYOUT = "yolo_nas_n_layout"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is attached: two pictures, one that is cut off, a text, a PDF; and plugins beside this package."""
    folder = tmp_path_factory.mktemp("llm")
    write_picture(folder / "wide.png", 160, 120)
    write_picture(folder / "tall.png", 96, 128)
    (folder / "cut.png").write_bytes((folder / "wide.png").read_bytes()[:200])
    (folder / "text.txt").write_text("{}")
    (folder / "paper.pdf").write_bytes((ROOT / "examples/demo_page.pdf").read_bytes())
    return folder


@pytest.fixture(scope="module", autouse=True)
def examples(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two other providers are installed beside this package, before the zoo is discovered."""
    site, sources = folder / "site", tmp_path_factory.mktemp("sources")
    for example in ("provider_template", "torchvision_provider"):
        install(site, example, sources)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        patch.setenv("LLM_USER_PATH", str(folder / "user"))
        patch.chdir(folder)
        yield site


def ask(*arguments: str, input: Any = "") -> Result:
    """Run llm's command line in this process."""
    return CliRunner().invoke(cli, arguments, input=input)


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def names(answer: dict[str, Any]) -> list[str]:
    return [one["name"] for one in answer["objects"]]


def refused(*arguments: str) -> str:
    """Return llm's line about what is wrong."""
    result = ask(*arguments)
    assert result.exit_code == 1, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


def attached(*files: Path | str) -> list[str]:
    return [word for file in files for word in ("-a", str(file))]


# -- found by being installed ------------------------------------------------------------------------------------------


def test_another_provider_alone_is_in_llm(folder: Path, tmp_path: Path) -> None:
    """An environment with llm, the contract and the template: no torch, and none of this package."""
    alone = Environment(tmp_path / "alone", ["llm", "numpy", "pillow", "setuptools"])
    sources = tmp_path / "sources"
    sources.mkdir()
    alone.pip("install", str(build_contract(tmp_path)), cwd=tmp_path)
    install(alone.site, "provider_template", sources)
    user = {"LLM_USER_PATH": str(tmp_path / "user")}
    assert "acme: acme_tiny (aliases: acme/acme_tiny)" in alone.python("-m", "llm", "models", "list", **user)
    picture = folder / "wide.png"
    said = alone.python("-m", "llm", "-m", "acme_tiny", "-a", str(picture), "RED", "-o", "conf", "0.4", **user)
    direct = (
        "import json, sys; from model_zoo_api import ModelZoo; from importlib.util import find_spec; "
        "assert not [name for name in ('torch', 'ultralytics', 'yolonas_plugin') if find_spec(name)]; "
        f"print(json.dumps(ModelZoo.discover().predictor('acme_tiny', conf=0.4)({str(picture)!r})[0].to_dict()))"
    )
    expected = json.loads(alone.evaluate(direct))
    assert names(expected) == ["blue", "red"]
    expected["objects"] = [one for one in expected["objects"] if one["name"] == "red"]
    assert json.loads(said) == expected
    logged = json.loads(alone.python("-m", "llm", "logs", "--json", **user))
    assert [(row["model"], row["prompt"], json.loads(row["response"])) for row in logged] == [
        ("acme_tiny", "RED", expected)
    ]


def test_llm_lists_what_finds_boxes_or_poses_and_has_weights() -> None:
    result = ask("models", "list")
    listed = {line.split(" (")[0] for line in result.stdout.splitlines()}
    ours = {line for line in listed if line.startswith("yolo_nas: ")}
    assert ours == {f"yolo_nas: {card.name}" for card in CARDS if not card.untrained}
    assert {"acme: acme_tiny", "torchvision: retinanet_resnet50_fpn_v2"} <= listed
    assert result.stderr == ""
    assert "yolo_nas_n of yolo_nas is untrained: there are no weights of it" in ask("-m", "yolo_nas_n", "x").stderr


def test_the_command_finds_parts_of_a_page(folder: Path, page: np.ndarray) -> None:
    path = folder / "page.png"
    Image.fromarray(page[..., ::-1]).save(path)
    command = [sys.executable, "-m", "llm", "-m", LAYOUT, *attached(path), "table, Section Header", "-o", "conf", "0.6"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (0, "")
    with ModelZoo.discover().predictor(LAYOUT, conf=0.6) as predict:
        found = predict(str(path))[0].to_dict()
    wanted = [one for one in found["objects"] if one["name"] in ("table", "section_header")]
    assert {one["name"] for one in wanted} == {"table", "section_header"}
    answer = json.loads(done.stdout)
    assert names(answer) == [one["name"] for one in wanted]
    for given, expected in zip(answer.pop("objects"), wanted, strict=True):
        assert given["score"] == pytest.approx(expected["score"], abs=1e-3)
        assert given["box"] == pytest.approx(expected["box"], abs=0.5)
    assert answer == {key: value for key, value in found.items() if key != "objects"}


def test_who_asks_another_plugin_s_model_pays_for_the_import_of_the_bridge_alone() -> None:
    code = (
        "import sys, click.testing, llm.cli\n"
        "print(click.testing.CliRunner().invoke(llm.cli.cli, ['-m', 'gpt-4o', 'x', '--key', '']).exit_code)\n"
        "print(*sorted(name for name in sys.modules if name.startswith('model_zoo_api')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=True)
    assert done.stdout.split() == ["1", "model_zoo_api", "model_zoo_api.bridges", "model_zoo_api.bridges.llm"]


def test_the_options_are_the_provider_s_settings() -> None:
    ours, acme = (ask("models", "list", "--options", "-m", name).stdout for name in (LAYOUT, "acme_tiny"))
    for setting in (*SETTINGS, *OPTIONS):
        assert (f"\n    {setting.name}: " in ours) is (setting.kind != "callback"), setting.name
    assert "\n    conf: float\n      lowest score (a number from 0 to 1; default: 0.5)\n" in acme
    assert "\n    picture: " in ours
    assert "\n    picture: " in acme


# -- what is asked -----------------------------------------------------------------------------------------------------


def test_names_in_the_prompt_are_the_classes_that_are_wanted(folder: Path) -> None:
    wide = attached(folder / "wide.png")
    assert [names(*lines(ask("-m", "acme_tiny", *wide, prompt))) for prompt in ("", "Blue", "red,blue")] == [
        ["blue", "red"],
        ["blue"],
        ["blue", "red"],
    ]
    assert names(*lines(ask("-m", "acme/acme_tiny", *wide, input="blue\n"))) == ["blue"]
    assert refused("-m", "acme_tiny", *wide, "blu") == (
        "Error: no class is named 'blu'; did you mean 'blue'? There are: red, blue"
    )
    assert refused("-m", LAYOUT, *wide, "cell").endswith(f"There are: {', '.join(LAYOUT_CLASSES)}")


def test_several_attachments_have_a_line_each_and_one_that_can_t_be_read_costs_no_other(folder: Path) -> None:
    result = ask("-m", "acme_tiny", *attached(folder / "wide.png", folder / "cut.png", folder / "tall.png"), "red")
    wide, cut, tall = lines(result)
    assert [(one["index"], one["path"]) for one in (wide, cut, tall)] == [
        (0, str(folder / "wide.png")),
        (1, str(folder / "cut.png")),
        (2, str(folder / "tall.png")),
    ]
    assert names(wide) == names(tall) == ["red"]
    assert (cut["objects"], "cut.png can't be read" in cut["error"]) == ([], True)
    assert "none" not in refused("-m", "acme_tiny", *attached(folder / "cut.png"))
    assert refused("-m", "acme_tiny", *attached(folder / "cut.png")).count("cut.png") == 1


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def test_bytes_that_are_piped_in_and_what_is_at_an_address(folder: Path) -> None:
    (piped,) = lines(ask("-m", "acme_tiny", "-a", "-", "red", input=(folder / "wide.png").read_bytes()))
    assert (piped["path"], names(piped)) == (None, ["red"])
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        found, cut = lines(ask("-m", "acme_tiny", *attached(f"{address}/tall.png", f"{address}/cut.png")))
        server.shutdown()
    assert (found["path"], found["height"], names(found)) == (f"{address}/tall.png", 128, ["red", "blue"])
    assert cut["path"] == f"{address}/cut.png"
    assert cut["error"].startswith(f"{address}/cut.png can't be read")


def test_a_schema_gives_the_answer_its_shape(folder: Path) -> None:
    both = attached(folder / "wide.png", folder / "tall.png")
    (many,) = lines(ask("-m", "acme_tiny", *both, "--schema-multi", "name, score float, x1 int, path, width int"))
    assert [(one["name"], one["width"], type(one["x1"])) for one in many["items"]] == [
        ("blue", 160, int),
        ("red", 160, int),
        ("red", 96, int),
        ("blue", 96, int),
    ]
    assert list(many["items"][0]) == ["name", "score", "x1", "path", "width"]
    each = lines(ask("-m", "acme_tiny", *both, "blue", "--schema", "name, count int"))
    assert each == [{"name": "blue", "count": 1}] * 2
    error = refused("-m", "acme_tiny", *both, "--schema", "name, colour")
    assert error.startswith("Error: the schema asks for 'colour', which there isn't. An object has name, label, score")


def test_a_schema_without_a_place_for_errors_says_them_besides(folder: Path) -> None:
    both = attached(folder / "cut.png", folder / "wide.png")
    result = ask("-m", "acme_tiny", *both, "red", "--schema-multi", "name, score float")
    assert result.exit_code == 1
    assert [one["name"] for one in json.loads(result.stdout)["items"]] == ["red"]
    assert "cut.png can't be read" in result.stderr
    (said,) = lines(ask("-m", "acme_tiny", *both, "red", "--schema-multi", "name, error"))
    assert [(one["name"], bool(one["error"])) for one in said["items"]] == [("", True), ("red", False)]


def test_a_picture_with_boxes_is_written_where_nothing_is(folder: Path, tmp_path: Path) -> None:
    wide, tall = folder / "wide.png", folder / "tall.png"
    one, two = tmp_path / "one.png", tmp_path / "two.jpg"
    lines(ask("-m", "acme_tiny", *attached(wide, tall), "red", "-o", "picture", f"{one}, {two}"))
    drawn, blank = (np.asarray(Image.open(path).convert("RGB")).astype(int) for path in (one, wide))
    changed = np.argwhere(np.abs(drawn - blank).sum(axis=2))
    assert len(changed)
    assert changed[:, 1].max() < 96  # of the blue one, on the right, nothing is drawn
    assert Image.open(two).size == (96, 128)
    before = one.read_bytes()
    assert "is there already, and isn't written over" in refused(
        "-m", "acme_tiny", *attached(wide), "-o", "picture", str(one)
    )
    assert one.read_bytes() == before
    error = refused("-m", "acme_tiny", *attached(wide, tall), "-o", "picture", str(tmp_path / "new.png"))
    assert error == "Error: picture: 1 names for 2 attachments"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.png", "two.jpg"]


def test_a_conversation_goes_on_with_its_last_pictures(folder: Path) -> None:
    lines(ask("-m", "acme_tiny", *attached(folder / "tall.png"), "red"))
    (again,) = lines(ask("-c", "blue"))
    assert (again["path"], names(again)) == (str(folder / "tall.png"), ["blue"])
    chat = ask("chat", "-c", input="red\nblu\n")
    assert f'"path": "{folder / "tall.png"}"' in chat.output
    assert chat.exit_code == 1
    assert "Error: no class is named 'blu'; did you mean 'blue'?" in chat.output
    logged = json.loads(ask("logs", "--json", "-n", "1").stdout)
    assert names(json.loads(logged[0]["response"])) == ["red"]


# -- what is wrong -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "there is no picture to look at: llm -m acme_tiny -a picture.png"),
        (["-a", "paper.pdf"], "paper.pdf is a PDF, and this model looks at pictures: make one of each page first"),
        (["-a", "text.txt"], "text.txt is no picture but "),
        (["-a", "cut.png"], "cut.png can't be read"),
        (["-a", "wide.png", "-s", "be kind"], "this model takes no system prompt"),
        (["-a", "wide.png", "-o", "picture", "no/where.png"], "there is no folder no"),
    ],
)
def test_what_can_t_be_done_is_one_line(arguments: list[str], message: str) -> None:
    assert message in refused("-m", "acme_tiny", *arguments)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["conf", "4"], "conf=4.0 must be a number from 0 to 1"),
        (["conf", "high"], "conf='high' must be a number from 0 to 1"),
        (["cnof", "0.4"], "there is no such option; did you mean 'conf'?"),
    ],
)
def test_an_option_that_is_wrong_is_named_with_what_is_right(option: list[str], message: str) -> None:
    result = ask("-m", "acme_tiny", "-a", "wide.png", "-o", *option)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: {option[0]}\n  {message}\n"


def test_weights_that_are_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path))
    assert "yolo_nas_s: its weights are not on this machine, and YOLONAS_OFFLINE forbids" in refused(
        "-m", "yolo_nas_s", "-a", "wide.png"
    )
    monkeypatch.delenv("YOLONAS_OFFLINE")
    result = ask("-m", "yolo_nas_s", "-a", "wide.png")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1] == (
        "Error: the weights of yolo_nas_s are under the licence LicenseRef-Deci-YOLO-NAS, non-commercial use only, "
        "which nobody has accepted here: read it at https://github.com/Deci-AI/super-gradients/blob/master/"
        "LICENSE.YOLONAS.md and, if you accept it, add -o accept_licence true"
    )


def run(code: str, site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run llm's command after some code, in a process that sees a folder of packages."""
    code = f"import sys; sys.path.insert(0, {str(site)!r})\n{code}\nfrom llm.cli import cli; cli({list(arguments)!r})"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=False)


def test_a_version_of_llm_without_what_is_used_is_named(examples: Path) -> None:
    lacks = "import llm; del llm.AsyncModel"
    listing = "from llm.cli import cli; cli(['models', 'list'], standalone_mode=False); print('-- used', flush=True)"
    done = run(f"{lacks}\n{listing}", examples, "-m", "acme_tiny", "-a", "wide.png", "-o", "conf", "0.4")
    listed, used = done.stdout.split("-- used\n")
    assert "acme (needs llm 0.23 or newer): acme_tiny" in listed
    assert (done.returncode, used) == (1, "")
    assert "which lacks what the zoo's models use (AsyncModel.execute): pip install -U 'llm>=0.23'" in done.stderr


def distribution(site: Path, name: str, group: str, code: str) -> None:
    """Install a plugin of one module into a folder."""
    site.mkdir(exist_ok=True)
    (site / f"{name}.py").write_text(code)
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {name}\n")


def test_problems_of_plugins_are_said_where_they_are_looked_for(examples: Path, tmp_path: Path) -> None:
    distribution(tmp_path / "site", "broken", "model_zoo", "raise OSError('no such disk')\n")
    path = f"sys.path.insert(0, {str(examples)!r})"
    problem = "a plugin of the model zoo has a problem: broken 1.0 (entry point 'broken'), import: "
    listed = run(path, tmp_path / "site", "models", "list")
    assert listed.stderr.startswith(problem)
    assert len(listed.stderr.splitlines()) == 1
    another = (
        "import click.testing, llm.cli; print(click.testing.CliRunner().invoke(llm.cli.cli, ['-m', 'gpt-4o']).stderr)"
    )
    asked = run(f"{path}\n{another}", tmp_path / "site", "-m", "acme_tini", "x")
    assert problem not in asked.stdout
    assert asked.stderr.startswith(problem)
    assert asked.stderr.endswith("Error: 'Unknown model: acme_tini'\n")


def test_a_name_that_another_plugin_s_model_has_stays_its_own(examples: Path, tmp_path: Path) -> None:
    echo = (
        "import llm\n"
        "class Echo(llm.Model):\n"
        "    model_id = 'acme_tiny'\n"
        "    def execute(self, prompt, stream, response, conversation):\n"
        "        yield 'echo'\n"
        "@llm.hookimpl\n"
        "def register_models(register):\n"
        "    register(Echo())\n"
    )
    distribution(tmp_path / "site", "echo", "llm", echo)
    path = f"sys.path.insert(0, {str(examples)!r})"
    listing = "from llm.cli import cli; cli(['models', 'list', '-q', 'acme'], standalone_mode=False)"
    done = run(f"{path}\n{listing}", tmp_path / "site", "-m", "acme_tiny", "x")
    assert done.stdout.splitlines() == ["Echo: acme_tiny", "acme: acme/acme_tiny", "echo"]


# -- from Python -------------------------------------------------------------------------------------------------------


def test_python_programs_ask_in_threads_and_asynchronously(folder: Path) -> None:
    content = (folder / "wide.png").read_bytes()
    model, later = llm.get_model("acme_tiny"), llm.get_async_model("acme_tiny")
    (expected,) = lines(ask("-m", "acme_tiny", "-a", "-", "blue", input=content))

    def prompt(_: int) -> Any:
        response = model.prompt("blue", attachments=[llm.Attachment(content=content)], conf=0.5)
        return json.loads(response.text())

    async def prompts() -> list[Any]:
        asked = [later.prompt("blue", attachments=[llm.Attachment(content=content)]) for _ in range(4)]
        return [json.loads(text) for text in await asyncio.gather(*(one.text() for one in asked))]

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(prompt, range(8))) == [expected] * 8
    assert asyncio.run(prompts()) == [expected] * 4
    with pytest.raises(llm.ModelError, match="no class is named 'green'"):
        model.prompt("green", attachments=[llm.Attachment(path=str(folder / "wide.png"))]).text()
    with pytest.raises(llm.ModelError, match="no class is named 'green'"):
        asyncio.run(_text(later.prompt("green", attachments=[llm.Attachment(path=str(folder / "wide.png"))])))


async def _text(response: Any) -> str:
    return await response.text()


def test_two_answers_that_are_read_in_turn_don_t_wait_for_each_other(folder: Path) -> None:
    model = llm.get_model("acme_tiny")
    pictures = [llm.Attachment(path=str(folder / name)) for name in ("wide.png", "tall.png")]
    one, other = (iter(model.prompt(attachments=pictures)) for _ in range(2))
    first = [next(one), next(other)]
    assert first[0] == first[1]
    assert list(one) == list(other)


def test_weights_that_a_plugin_supplies_are_a_model_for_poses(
    pose_weights: Path, examples: Path, tmp_path: Path
) -> None:
    store = (
        "from model_zoo_api import hookimpl\n"
        "@hookimpl\n"
        "def model_zoo_locate_weights(card):\n"
        f"    return {str(pose_weights)!r} if card.name == 'yolo_nas_pose_n' else None\n"
    )
    distribution(tmp_path / "site", "store", "model_zoo", store)
    item = {"type": "object", "properties": {"score": {"type": "number"}, "keypoints": {"type": "array"}}}
    schema = json.dumps({"type": "object", "properties": {"persons": {"type": "array", "items": item}}})
    done = run("", tmp_path / "site", "-m", "yolo_nas_pose_n", "-a", "wide.png", "--schema", schema)
    assert done.returncode == 0, done.stderr
    persons = json.loads(done.stdout)["persons"]
    assert persons
    assert all(0 <= one["score"] <= 1 and len(one["keypoints"][0]) == 3 for one in persons)
