"""MLflow saves, loads and serves it, from Python and from its command line. ``make hosts`` has its environment."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import cv2
import mlflow
import numpy as np
import pandas
import pytest
from mlflow.models import ModelSignature, infer_signature
from mlflow.pyfunc import scoring_server
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import Array

from yolonas_plugin import NAS
from yolonas_plugin.errors import SourceError
from yolonas_plugin.hosts.mlflow import KEYPOINTS
from yolonas_plugin.weights.folder import EMBEDDED

WEIGHTS = EMBEDDED / "yolo_nas_n_layout.safetensors"
LOADER = "yolonas_plugin.hosts.mlflow"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mlflow") / "model"
    signature = ModelSignature(
        inputs=Schema([ColSpec("string", "image")]), params=ParamSchema([ParamSpec("conf", "double", 0.25)])
    )
    return save(path, signature=signature)


def save(path: Path, **options: object) -> Path:
    mlflow.pyfunc.save_model(
        path, loader_module=LOADER, data_path=WEIGHTS, pip_requirements=["yolonas-plugin"], **options
    )
    return path


@pytest.fixture
def images(page: np.ndarray, tmp_path: Path) -> list[str]:
    paths = [str(tmp_path / name) for name in ("page.png", "blank.png", "part.png")]
    for path, image in zip(paths, (page, np.full_like(page, 255), page[:400]), strict=True):
        cv2.imwrite(path, image)
    return paths


def expected(images: list[str], **settings: object) -> pandas.DataFrame:
    rows = [
        (number, path, *row[:5], int(row[5]), result.names[int(row[5])])
        for number, path in enumerate(images)
        for result in NAS(WEIGHTS).predict(path, verbose=False, **settings)
        for row in result.boxes.data.tolist()
    ]
    return pandas.DataFrame(rows, columns=["image", "path", "x1", "y1", "x2", "y2", "score", "label", "name"])


def test_a_saved_model_gives_a_table_of_boxes(saved: Path, images: list[str]) -> None:
    model = mlflow.pyfunc.load_model(str(saved))
    found = model.predict(pandas.DataFrame({"image": images}))
    assert set(found["image"]) >= {0, 2}
    pandas.testing.assert_frame_equal(found, expected(images, conf=0.25), atol=0.01)
    few = model.predict(pandas.DataFrame({"image": images[:1]}), params={"conf": 0.7})
    pandas.testing.assert_frame_equal(few, expected(images[:1], conf=0.7), atol=0.01)
    assert 0 < len(few) < len(found)


def test_settings_are_saved_and_any_list_of_paths_or_bytes_will_do(images: list[str], tmp_path: Path) -> None:
    config = {"conf": 0.6, "names": [f"part {i}" for i in range(12)]}
    model = mlflow.pyfunc.load_model(str(save(tmp_path / "m", model_config=config)))
    found = model.predict(images)
    assert found["score"].min() > 0.6
    assert found["name"].str.fullmatch(r"part \d+").all()
    for same in (np.array(images), pandas.DataFrame({"any": images})):
        pandas.testing.assert_frame_equal(model.predict(same), found)
    contents = [Path(image).read_bytes() for image in images]
    pandas.testing.assert_frame_equal(
        model.predict(pandas.DataFrame({"image": contents})).drop(columns="path"), found.drop(columns="path")
    )
    assert model.predict([images[1]]).columns.tolist() == found.columns.tolist()

    for wrong, message in (
        ([b"no image"], "image 0: 8 bytes that are no image"),
        ([b""], "image 0: 0 bytes that are no image"),
        ([7], "image 0 is a int"),
        (pandas.DataFrame({"a": images, "b": images}), "which column"),
    ):
        with pytest.raises(SourceError, match=message):
            model.predict(wrong)


def test_the_command_line_predicts(saved: Path, images: list[str], tmp_path: Path) -> None:
    request, answer = tmp_path / "input.json", tmp_path / "output.json"
    request.write_text(json.dumps({"dataframe_split": {"columns": ["image"], "data": [[path] for path in images]}}))
    program = Path(sys.executable).with_name("mlflow")
    done = subprocess.run(
        [program, "models", "predict", "-m", saved, "-i", request, "-o", answer, "--env-manager", "local"],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = pandas.DataFrame(json.loads(answer.read_text())["predictions"])
    pandas.testing.assert_frame_equal(found, expected(images, conf=0.25), atol=0.01, check_dtype=False)


def test_a_served_model_with_a_binary_column_takes_images_and_opens_no_path(images: list[str], tmp_path: Path) -> None:
    signature = ModelSignature(inputs=Schema([ColSpec("binary", "image")]))
    model = mlflow.pyfunc.load_model(str(save(tmp_path / "m", signature=signature)))

    def serve(*values: str) -> scoring_server.InvocationsResponse:
        body = json.dumps({"dataframe_split": {"columns": ["image"], "data": [[value] for value in values]}})
        return scoring_server.invocations(body, "application/json", model, signature.inputs)

    answer = serve(*(base64.b64encode(Path(image).read_bytes()).decode() for image in images))
    found = pandas.DataFrame(json.loads(answer.response)["predictions"])
    wanted = expected(images).drop(columns="path")
    pandas.testing.assert_frame_equal(found.drop(columns="path"), wanted, atol=0.01, check_dtype=False)
    with pytest.raises(Exception, match=r"no image file|base64"):
        serve(images[0])


def test_poses_are_a_column_of_keypoints(pose_weights: Path, images: list[str], tmp_path: Path) -> None:
    options = {"loader_module": LOADER, "data_path": pose_weights, "pip_requirements": ["yolonas-plugin"]}
    mlflow.pyfunc.save_model(tmp_path / "plain", **options)
    given = pandas.DataFrame({"image": images})
    table = mlflow.pyfunc.load_model(str(tmp_path / "plain")).predict(given)
    assert table.columns[-1] == KEYPOINTS
    for number, path in enumerate(images):
        (result,) = NAS(pose_weights).predict(path, verbose=False)
        found = table[table["image"] == number][KEYPOINTS].tolist()
        np.testing.assert_allclose(found, result.keypoints.data.numpy(), atol=0.01)
        assert len(found) > 1
    signature = infer_signature(given, table)
    mlflow.pyfunc.save_model(tmp_path / "signed", signature=signature, **options)
    model = mlflow.pyfunc.load_model(str(tmp_path / "signed"))
    assert model.metadata.signature.outputs.input_types_dict()[KEYPOINTS] == Array(Array(DataType.double))
    pandas.testing.assert_frame_equal(model.predict(given), table)
    body = json.dumps({"dataframe_split": {"columns": ["image"], "data": [images[:1]]}})
    answer = scoring_server.invocations(body, "application/json", model, signature.inputs)
    assert json.loads(answer.response)["predictions"][0][KEYPOINTS] == table[KEYPOINTS][0]
