"""DEEPaaS serves whatever models are installed, from its server. ``make hosts`` has its environment."""

from __future__ import annotations

import html
import io
import json
import re
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model_zoo_api import ModelZoo
from model_zoo_api.bridges.deepaas.choosing import HARMLESS
from tests.hosts.conftest import DEMO_PAGE
from tests.support.data_sets import write_yolo
from tests.support.deepaas import Answer, Server, command_line, install, serving
from yolonas_plugin.cards import CARDS
from yolonas_plugin.options import OPTIONS, SETTINGS
from yolonas_plugin.training_options import TRAINING

PREDICT = "/v2/models/model_zoo/predict/"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is installed beside this package: the template of a provider, in numpy, and torchvision's detectors."""
    folder, scratch = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("sources")
    for example in ("provider_template", "torchvision_provider"):
        install(folder, example, scratch)
    return folder


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for trainings, with a data set of three images."""
    folder = tmp_path_factory.mktemp("sets")
    write_yolo(folder / "things")
    return folder


@pytest.fixture(scope="module")
def server(site: Path, sets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server") / "run", site, MODEL_ZOO_TRAINING=str(sets)) as running:
        yield running


@pytest.fixture(scope="module")
def page_png(page: np.ndarray) -> bytes:
    return encoded(page)


@pytest.fixture(scope="module")
def coloured() -> bytes:
    """A red rectangle and a blue one, for the template's model."""
    pixels = np.full((120, 160, 3), 128, np.uint8)
    pixels[30:90, 16:64] = 32, 32, 224
    pixels[30:90, 96:144] = 224, 32, 32
    return encoded(pixels)


def encoded(pixels: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    """Return a file of pixels in the order blue, green, red."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels[..., ::-1])).save(file, kind, **options)
    return file.getvalue()


def test_models_of_every_provider_are_listed_by_installing_it(server: Server) -> None:
    (record,) = server.ask("/v2/models/").value["models"]
    listed = {model["name"]: model for model in record["models"]}
    of_torchvision = {name for name, model in listed.items() if model["provider"] == "torchvision"}
    assert {"ssdlite320_mobilenet_v3_large", "retinanet_resnet50_fpn_v2"} < of_torchvision
    assert set(listed) - of_torchvision == {"acme_tiny", *(card.name for card in CARDS if not card.untrained)}
    assert listed["yolo_nas_n_layout"]["licence"]["name"] == "Apache-2.0"
    assert server.ask("/v2/models/model_zoo/").value["name"] == "model_zoo"


def test_each_argument_is_described(server: Server) -> None:
    described = server.ask("/swagger.json").value["paths"][PREDICT]["post"]
    arguments = {one["name"]: one for one in described["parameters"]}
    assert arguments["image"]["type"] == "file"
    assert arguments["image"]["required"]
    assert arguments["model"]["default"] == "acme_tiny"
    assert {"acme_tiny", "yolo_nas_n_layout", "yolo_nas_pose_s"} < set(arguments["model"]["enum"])
    assert arguments["accept"]["in"] == "header"
    assert {"application/json", "image/png", "image/jpeg"} < set(described["produces"])
    offered = [setting for setting in SETTINGS if setting.kind in HARMLESS]
    assert set(arguments) == {"image", "model", "accept", *(setting.name for setting in offered)}
    for setting in offered:
        shown = arguments[setting.name]
        assert setting.help[1:] in shown["description"]
        assert setting.kind == "flag" or setting.allowed in shown["description"]
        assert (shown.get("minimum"), shown.get("maximum")) == bounds_of(setting)
        assert shown.get("default") == setting.default  # of conf the providers have different ones, so there is none
    assert "(acme, yolo_nas)" not in arguments["conf"]["description"]
    assert "(yolo_nas)" in arguments["iou"]["description"]
    assert not {"device", "compile", *(option.name for option in OPTIONS)} & set(arguments)  # which may be anything
    definitions = server.ask("/swagger.json").value["definitions"]
    answer = definitions[described["responses"]["200"]["schema"]["$ref"].rpartition("/")[2]]
    picture = definitions[answer["properties"]["predictions"]["allOf"][0]["$ref"].rpartition("/")[2]]
    assert {"path", "height", "width", "objects", "keypoint_names", "edges"} < set(picture["properties"])


def test_each_argument_of_a_training_is_described(server: Server) -> None:
    described = server.ask("/swagger.json").value["paths"]["/v2/models/model_zoo/train/"]["post"]
    arguments = {one["name"]: one for one in described["parameters"]}
    assert arguments["model"]["required"]
    assert not {"device", "resume", "cache", "accept_licence", "runtime"} & set(arguments)
    assert arguments["model"]["enum"] == [card.name for card in CARDS]  # untrained ones too; acme has no trainer
    offered = [setting for setting in TRAINING if setting.kind in (*HARMLESS, "path")]
    assert list(arguments) == ["model", "pretrained", *(setting.name for setting in offered)]
    for setting in offered:
        shown = arguments[setting.name]
        assert setting.help[1:] in shown["description"]
        assert (shown.get("minimum"), shown.get("maximum")) == bounds_of(setting)
        assert shown.get("default") == setting.default
        assert tuple(shown.get("enum", ())) == setting.choices


def bounds_of(setting: Any) -> tuple[float | None, float | None]:
    return (setting.minimum, setting.maximum) if setting.kind in ("number", "integer") else (None, None)


def test_it_answers_what_the_model_finds(server: Server, page: np.ndarray, page_png: bytes, coloured: bytes) -> None:
    answer = server.predict(page_png, "model=yolo_nas_n_layout", name="folder/my page.png")
    (expected,) = ModelZoo.discover().predictor("yolo_nas_n_layout")(page)
    assert answer.value["status"] == "OK"
    found = answer.value["predictions"]
    assert {**found, "objects": None} == {**expected.to_dict(), "objects": None, "path": "my page.png"}
    assert [one["name"] for one in found["objects"]] == [one["name"] for one in expected.to_dict()["objects"]]
    boxes = [one["box"] for one in found["objects"]]
    np.testing.assert_allclose(boxes, expected.boxes, atol=0.1)
    assert {one["name"] for one in server.predict(coloured).objects} == {"red", "blue"}  # by the default model
    turned = encoded(
        np.rot90(page),
        "JPEG",
        quality=95,
        exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
    )
    again = server.predict(turned, "model=yolo_nas_n_layout").value["predictions"]
    assert (again["height"], again["width"]) == page.shape[:2]


def test_settings_do_what_they_say(server: Server, page_png: bytes, coloured: bytes) -> None:
    all_of_it = server.predict(page_png, "model=yolo_nas_n_layout").objects
    few = server.predict(page_png, "model=yolo_nas/yolo_nas_n_layout&classes=table,%20picture&conf=0.4").objects
    assert few == [one for one in all_of_it if one["name"] in ("table", "picture") and one["score"] >= 0.4]
    assert len(server.predict(page_png, "model=yolo_nas_n_layout&max_det=3").objects) == 3
    small = server.predict(page_png, "model=yolo-nas-n-layout&imgsz=320,256").objects
    assert small != all_of_it
    assert server.predict(coloured, "conf=1").objects == []
    assert len(server.predict(coloured, "rect=false&vid_stride=1").objects) == 2  # what a form sends for the others


def test_a_drawn_picture_comes_as_the_client_accepts(server: Server, coloured: bytes) -> None:
    original = np.asarray(Image.open(io.BytesIO(coloured)))
    for accept, kind in (
        ("image/png", "image/png"),
        ("image/jpeg", "image/jpeg"),
        ("image/webp, image/*;q=0.8, application/json;q=0.5", "image/png"),
        ("text/html, application/xml;q=0.9, image/jpeg;q=0.3, */*;q=0.2", "image/jpeg"),
    ):
        answer = server.predict(coloured, accept=accept)
        assert (answer.status, answer.kind) == (200, kind)
        drawn = Image.open(io.BytesIO(answer.body))
        assert f"image/{drawn.format.lower()}" == kind
        assert drawn.size == original.shape[1::-1]
        assert np.abs(np.asarray(drawn.convert("RGB")).astype(int) - original).max() > 100
    for accept in ("*/*", "application/json", "application/json;q=1, image/png;q=0.9"):
        assert server.predict(coloured, accept=accept).kind == "application/json"


CHROMIUM = shutil.which("chromium")

if CHROMIUM is not None:  # pages are looked at where there is a browser; the test above reads what they are made of

    @pytest.mark.parametrize("what", ["predict", "train"])
    def test_the_page_shows_each_argument(server: Server, what: str, tmp_path: Path) -> None:
        page = f"{server.address}/api#/models/post_v2_models_model_zoo_{what}_"
        options = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", "--dump-dom")
        command = [CHROMIUM, *options, "--virtual-time-budget=10000", page]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
        described = server.ask("/swagger.json").value["paths"][f"/v2/models/model_zoo/{what}/"]["post"]
        for one in described["parameters"]:
            row = re.search(f'<tr[^>]*data-param-name="{one["name"]}".*?</tr>', shown, re.DOTALL)
            assert row is not None, one["name"]
            assert html.escape(one["description"], quote=False) in row[0]
            assert all(str(choice) in row[0] for choice in one.get("enum", ()) if choice != "*/*")
            assert ("Default value" in row[0]) == (one.get("default") is not None)


# -- what is wrong ---------------------------------------------------------------------------------------------------


def claims(width: int, height: int) -> bytes:
    """Return a PNG that says how large it is, and is black as far as it goes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress(bytes(height * (width // 8 + 1)))
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


WRONG: dict[str, tuple[Callable[[Server, bytes], Answer], int, str]] = {
    "nothing": (lambda server, image: server.ask(PREDICT, b"", "POST"), 422, "there is no picture: upload one as a"),
    "path": (
        lambda server, image: server.ask(
            PREDICT, b"image=/etc/passwd", "POST", **{"content-type": "application/x-www-form-urlencoded"}
        ),
        422,
        "image is no file: upload the picture as one, multipart/form-data",
    ),
    "json": (
        lambda server, image: server.ask(
            PREDICT, b'{"image": "/etc/passwd"}', "POST", **{"content-type": "application/json"}
        ),
        422,
        "there is no picture",
    ),
    "pdf": (
        lambda server, image: (
            server.predict(image, "model=yolo_nas_n_layout")  # whose engine installs what Pillow's open() lacks
            and server.predict(DEMO_PAGE, name="page.pdf")
        ),
        415,
        "page.pdf is no picture: BMP, GIF, JPEG, PNG, TIFF, WEBP are read",
    ),
    "empty": (lambda server, image: server.predict(b""), 415, "page.png is no picture"),
    "damaged": (lambda server, image: server.predict(image[: len(image) // 2]), 422, "page.png is a damaged PNG file"),
    "bomb": (
        lambda server, image: server.predict(claims(20_000, 20_000)),
        422,
        "page.png is 20000 x 20000; a picture of at most 89,478,485 pixels is read",
    ),
    "model": (
        lambda server, image: server.predict(image, "model=yolo_nas_xs"),
        422,
        "no model is named 'yolo_nas_xs'; did you mean 'yolo_nas_s'?",
    ),
    "untrained": (
        lambda server, image: server.predict(image, "model=yolo_nas_n"),
        422,
        "no model is named 'yolo_nas_n'",
    ),
    "range": (lambda server, image: server.predict(image, "conf=1.7"), 422, "conf=1.7 must be a number from 0 to 1"),
    "kind": (lambda server, image: server.predict(image, "conf=high"), 422, "conf must be a number from 0 to 1"),
    "nan": (lambda server, image: server.predict(image, "conf=nan"), 422, "conf must be a number from 0 to 1"),
    "size": (
        lambda server, image: server.predict(image, "model=yolo_nas_n_layout&imgsz=100"),
        422,
        "imgsz=100 must be one side in pixels, or height and width",
    ),
    "classes": (
        lambda server, image: server.predict(image, "model=yolo_nas_n_layout&classes=tables"),
        422,
        "did you mean 'table'?",
    ),
    "another's": (
        lambda server, image: server.predict(image, "model=acme_tiny&iou=0.4"),
        422,
        "iou is of yolo_nas; this model is of acme, which hasn't it: leave it out",
    ),
    "accept": (
        lambda server, image: server.predict(image, accept="text/html"),
        422,
        "the answer is one of application/json, image/png, image/jpeg, not text/html",
    ),
    "absent": (
        lambda server, image: server.predict(image, "model=yolo_nas_s"),
        503,
        "the weights of yolo_nas_s aren't on this server; its log says how who runs it gets them",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said_and_the_server_lives_on(server: Server, coloured: bytes, what: str) -> None:
    ask, status, message = WRONG[what]
    answer = ask(server, coloured)
    assert (answer.status, answer.kind) == (status, "application/json"), answer.text
    (said,) = answer.value.values()
    assert message in (said if isinstance(said, str) else " ".join(said))
    assert "Traceback" not in answer.text
    assert len(server.predict(coloured).objects) == 2
    assert list(server.temporary.glob("tmp*")) == []


def test_two_at_once_get_their_own_answers(server: Server, page_png: bytes, coloured: bytes) -> None:
    """Of one model and of two, more of them than there are worker processes."""
    requests = [(page_png, "model=yolo_nas_n_layout"), (coloured, "model=acme_tiny"), (coloured, "conf=1")] * 2
    alone = [server.predict(*request).objects for request in requests[:3]] * 2
    assert [len(found) > 0 for found in alone[:3]] == [True, True, False]
    with ThreadPoolExecutor(len(requests)) as threads:
        assert list(threads.map(lambda request: server.predict(*request).objects, requests)) == alone
    assert list(server.temporary.glob("tmp*")) == []


def test_a_large_upload_is_refused_and_costs_no_more_than_its_size(server: Server, coloured: bytes) -> None:
    size, before = 200_000_000, server.peak()
    answer = server.upload((bytes(1_000_000) for _ in range(200)), size, "")
    assert answer.status == 413
    assert answer.value["message"] == "page.png has 200,000,000 bytes; a file of at most 100,000,000 is read"
    assert server.peak() - before < 1.5 * size
    assert list(server.temporary.glob("tmp*")) == []
    assert len(server.predict(coloured).objects) == 2


def test_what_only_who_runs_the_server_can_do(site: Path, coloured: bytes, tmp_path: Path) -> None:
    """A limit that DEEPaaS has itself; a licence that a client can't accept, whatever it sends."""
    with serving(
        tmp_path, site, "--client-max-size", "1000000", YOLONAS_OFFLINE="", YOLONAS_ACCEPT_LICENCE=""
    ) as server:
        before = server.peak()
        assert server.upload((bytes(1_000_000) for _ in range(200)), 200_000_000, "").status == 413
        assert server.peak() - before < 20_000_000
        for more in ("", "&accept_licence=true", "&runtime=openvino&pretrained=false"):
            answer = server.predict(coloured, f"model=yolo_nas_s{more}")
            assert answer.status == 503
            message = answer.value["message"]
            assert message.startswith(
                "the weights of yolo_nas_s are under the licence LicenseRef-Deci-YOLO-NAS (https://"
            )
            assert message.endswith("nobody has accepted on this server; who runs it can do that, a client can't")
        assert "YOLONAS_ACCEPT_LICENCE" in server.log.read_text()
        record = server.training(server.train(model="yolo_nas_n", data="things/data.yaml"), lambda record: False)
        assert record["status"] == "error"
        assert record["message"].startswith("this server trains for nobody: who runs it names a folder of data sets")
        assert len(server.predict(coloured).objects) == 2


def test_another_version_of_deepaas_is_named(site: Path, tmp_path: Path) -> None:
    info = tmp_path / "site" / "deepaas-3.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: deepaas\nVersion: 3.1.0\n")
    with serving(tmp_path / "server", info.parent, DEEPAAS_V2_MODEL="") as server:
        said = "deepaas 3.1.0 is installed, and this needs 2.5 or newer, before 3: pip install 'deepaas>=2.5,<3'"
        assert f"Could not load 'model_zoo': {said}" in server.log.read_text()
        assert server.ask("/v2/models/model_zoo/").status == 404  # it serves others


def test_deepaas_imports_nothing_heavy_for_its_arguments() -> None:
    program = """
import sys
import deepaas.cmd.run
before = set(sys.modules)
from model_zoo_api.bridges import deepaas as bridge
assert set(bridge.get_predict_args()) > {"image", "model", "conf"}
bridge.get_train_args(), bridge.get_metadata()
print(sorted(set(sys.modules) - before & {"torch", "numpy", "PIL", "cv2", "ultralytics", "acme_zoo.model"}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# -- the command line ------------------------------------------------------------------------------------------------


def test_the_command_line_does_the_same(site: Path, server: Server, coloured: bytes, tmp_path: Path) -> None:
    image = tmp_path / "things.png"
    image.write_bytes(coloured)
    found, drawn = tmp_path / "found.json", tmp_path / "drawn.png"
    arguments = ("predict", "--image", image, "--model", "acme_tiny")
    done = command_line(tmp_path, site, "--deepaas_method_output", found, *arguments, "--conf_", "0.9")
    assert done.returncode == 0, done.stderr
    assert json.loads(found.read_text()) == server.predict(coloured, "conf=0.9", name="things.png").value["predictions"]
    done = command_line(tmp_path, site, "--deepaas_method_output", drawn, *arguments, "--accept", "image/png")
    assert done.returncode == 0, done.stderr
    assert drawn.read_bytes() == server.predict(coloured, accept="image/png").body
    assert list((tmp_path / "temporary").iterdir()) == []


def test_the_command_line_says_what_is_wrong_in_a_line(site: Path, coloured: bytes, tmp_path: Path) -> None:
    image = tmp_path / "things.png"
    image.write_bytes(coloured)
    for arguments, message in (
        (("--model", "acme_tinny"), "no model is named 'acme_tinny'; did you mean 'acme_tiny'?"),
        (("--accept_licence", "yes", "--model", "acme_tiny"), "accept_licence is of yolo_nas; this model is of acme"),
    ):
        done = command_line(tmp_path, site, "predict", "--image", image, *arguments)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith(f"deepaas-cli: {message}")
        assert "Traceback" not in done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []


# -- training: last, because what is cancelled ends its worker process -----------------------------------------------

FAST = {"pretrained": "false", "imgsz": 64, "batch": 2, "workers": 0, "plots": "false", "project": "runs"}


def test_a_training_is_refused_at_once_for_what_can_be_known(server: Server, tmp_path: Path) -> None:
    for wrong, message in (
        ({"model": "acme_tiny"}, "acme_tiny can't be trained: acme has no trainer; these can be: yolo_nas_n,"),
        ({"model": "yolo_nas_xn"}, "no model is named 'yolo_nas_xn'; did you mean 'yolo_nas_n'?"),
        ({"epochs": 0}, "epochs=0 must be a whole number from 1 to 1000000"),
        ({"optimizer": "sgd"}, "did you mean 'SGD'?"),
        ({"data": "/etc/passwd"}, "data='/etc/passwd' must be a name in the folder of data sets"),
        ({"data": "../sets/things"}, "must be a name in the folder"),
        ({"data": "https://example.org/set.zip"}, "must be a name in the folder"),
        ({"project": str(tmp_path)}, "must be a name in the folder"),
    ):
        answer = server.train(**{"model": "yolo_nas_n", "data": "things/data.yaml", **FAST, **wrong})
        assert answer.status == 422, answer.text
        assert message in answer.text
    assert server.ask("/v2/models/model_zoo/train/").value == []


def test_a_training_ends_with_figures_and_weights(server: Server, sets: Path) -> None:
    started = server.train(model="yolo_nas_n", data="things/data.yaml", epochs=1, **FAST)
    assert started.value["status"] == "running"
    record = server.training(started, lambda record: False)
    assert record["status"] == "done", record
    answer = record["result"]["output"]
    assert answer["model"] == "yolo_nas_n"
    assert 0 <= answer["metrics"]["metrics/mAP50-95(B)"] <= 1
    assert answer["results"] == "runs/train"  # in the folder for trainings
    assert (sets / answer["results"] / "weights" / "best.safetensors").is_file()
    record = server.training(server.train(model="yolo_nas_n", data="others", **FAST), lambda record: False)
    assert record["status"] == "error"
    assert "others" in record["message"]


def test_a_training_can_be_cancelled_and_predictions_go_on(server: Server, sets: Path, coloured: bytes) -> None:
    """DEEPaaS 2.6 ends the worker process, and then trips over the missing result: its answer is a 500."""
    before = set((sets / "runs").iterdir())
    started = server.train(model="yolo_nas_n", data="things/data.yaml", epochs=1000, **FAST)
    running = server.training(started, lambda record: set((sets / "runs").iterdir()) > before)
    assert running["status"] == "running"
    assert set((sets / "runs").iterdir()) > before
    server.ask(f"/v2/models/model_zoo/train/{started.value['uuid']}", method="DELETE")
    assert server.ask(f"/v2/models/model_zoo/train/{started.value['uuid']}").status == 404
    assert len(server.predict(coloured).objects) == 2  # which waited for the one worker process until now
