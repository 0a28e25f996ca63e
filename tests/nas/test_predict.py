"""Prediction: every kind of source, YOLO-NAS's own processing, and bad input."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from ultralytics.engine.results import Results
from ultralytics.utils import checks

from tests.support.engine import threads
from tests.support.nano import SIZE
from tests.support.pictures import assert_same_boxes, picture
from tests.support.shapes import NAMES
from yolonas_plugin import NAS, engine
from yolonas_plugin.boxes.tensors import select_boxes
from yolonas_plugin.errors import SettingError, SourceError
from yolonas_plugin.nas import NASPredictor, loaders
from yolonas_plugin.nn import YoloNAS


def rows(result: Results) -> np.ndarray:
    return result.boxes.data.numpy()


def by_hand(model: NAS, image: np.ndarray, size: tuple[int, int] = (SIZE, SIZE)) -> np.ndarray:
    """What the processing and the unfused network say, without the engine."""
    spec = model.processing.with_size(size)
    canvas, placement = spec.letterbox(image)
    pixels = torch.from_numpy(canvas[..., ::-1].copy()).permute(2, 0, 1)[None]
    with torch.no_grad():
        boxes, scores = model.model.heads.decode(model.model.predict_raw(spec.normalise(pixels)))
    found = select_boxes(boxes[0], scores[0], conf=spec.conf, iou=spec.iou)
    found[:, :4] = placement.to_image(found[:, :4])
    return found.numpy()


def test_results_are_those_of_the_network_and_its_processing(model: NAS, image: Path) -> None:
    (result,) = model.predict(image, verbose=False)
    expected = by_hand(model, picture())
    assert len(expected) > 5
    assert_same_boxes(rows(result), expected, atol=0.05)
    assert result.names == dict(enumerate(NAMES))
    assert result.orig_shape == (120, 150)
    assert result.path == str(image)


def test_the_network_runs_fused_and_the_model_stays_unfused(model: NAS, image: Path) -> None:
    model.predict(image, verbose=False)
    (network,) = (part for part in model.predictor.model.model.run.modules() if isinstance(part, YoloNAS))
    assert network.is_fused()
    assert not model.model.is_fused()


def test_every_kind_of_source_gives_the_same_boxes(model: NAS, image: Path, tmp_path: Path) -> None:
    pixels = picture()
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(image, folder)
    sources = {
        "str": str(image),
        "path": image,
        "folder": folder,
        "glob": str(folder / "*.png"),
        "list of files": [str(image)],
        "array": pixels,
        "PIL": Image.open(image),
        "list of arrays": [pixels],
        "alpha": np.dstack((pixels, pixels[..., 0])),
        "16 bits": pixels.astype(np.uint16) * 256 + 7,
    }
    expected = rows(model.predict(image, verbose=False)[0])
    for name, source in sources.items():
        (result,) = model.predict(source, verbose=False)
        np.testing.assert_allclose(rows(result), expected, atol=1e-3, err_msg=name)


def test_grey_images_are_grey_colours(model: NAS, tmp_path: Path) -> None:
    grey = picture()[..., 0]
    expected = rows(model.predict(np.dstack((grey, grey, grey)), verbose=False)[0])
    cv2.imwrite(str(tmp_path / "grey.png"), grey)
    cv2.imwrite(str(tmp_path / "grey16.png"), grey.astype(np.uint16) * 256)
    sixteen = tmp_path / "grey16.png"
    for source in (
        grey,
        grey[..., None],
        tmp_path / "grey.png",
        sixteen,
        [sixteen],
        Image.fromarray(grey),
        Image.open(sixteen),
    ):
        (result,) = model.predict(source, verbose=False)
        np.testing.assert_allclose(rows(result), expected, atol=1e-3)
        result.plot()


def test_a_tensor_is_rgb_from_0_to_1_and_not_letterboxed(model: NAS) -> None:
    pixels = picture(height=SIZE, width=SIZE)
    tensor = torch.from_numpy(pixels[..., ::-1].copy()).permute(2, 0, 1)[None] / 255
    (result,) = model.predict(tensor, verbose=False)
    assert_same_boxes(rows(result), rows(model.predict(pixels, verbose=False)[0]), atol=0.05)
    np.testing.assert_allclose(result.orig_img, pixels, atol=1)
    wide = model.predict(torch.rand(2, 3, 96, 192), verbose=False)
    assert [r.orig_shape for r in wide] == [(96, 192)] * 2


def test_videos_and_streams_give_one_result_for_each_frame(model: NAS, video: Path, image: Path) -> None:
    stream = model.predict(video, stream=True, verbose=False)
    assert not isinstance(stream, list)
    assert len(list(stream)) == 6
    assert len(list(model.predict([str(image)] * 3, stream=True, verbose=False))) == 3


def test_the_next_images_are_read_meanwhile(model: NAS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(4):
        cv2.imwrite(str(tmp_path / f"{index}.png"), picture(index))
    (tmp_path / "2.png").write_bytes(b"no image")
    readers = []

    def read(*args: object, **settings: object) -> np.ndarray | None:
        readers.append(threading.current_thread())
        return read_image(*args, **settings)

    read_image = loaders.read_image
    monkeypatch.setattr(loaders, "read_image", read)
    results = model.predict(tmp_path, verbose=False)
    assert [Path(result.path).name for result in results] == ["0.png", "1.png", "3.png"]
    assert readers
    assert threading.main_thread() not in readers
    assert [Path(path).name for path in model.predictor.skipped] == ["2.png"]


def test_a_network_is_prepared_once(model: NAS) -> None:
    model.predict(picture(), verbose=False)
    first = model.predictor
    model.predict(picture(1), verbose=False, conf=0.3)
    model.predict([picture(1)], verbose=False, predictor=NASPredictor)
    assert model.predictor is first


def test_tracking_keeps_identities_from_frame_to_frame(model: NAS, video: Path) -> None:
    results = model.track(video, verbose=False, conf=0.5)
    identities = [set(result.boxes.id.int().tolist()) for result in results if result.boxes.id is not None]
    assert len(identities) >= 4
    assert len(identities[-1] & identities[-2]) > 0


def test_batches_give_what_single_images_give(model: NAS) -> None:
    pictures = [picture(seed, height=100 + 10 * seed) for seed in range(5)]
    single = [rows(model.predict(p, verbose=False)[0]) for p in pictures]
    for result, expected in zip(model.predict(pictures, verbose=False), single, strict=True):
        assert_same_boxes(rows(result), expected, atol=0.01)


def test_settings_default_to_the_checkpoints_and_the_callers_win(model: NAS, image: Path) -> None:
    (default,) = model.predict(image, verbose=False)
    assert default.boxes.conf.min() > 0.7
    (low,) = model.predict(image, verbose=False, conf=0.3)
    assert low.boxes.conf.min() < 0.7
    (none,) = model.predict(image, verbose=False, conf=None)
    np.testing.assert_array_equal(rows(none), rows(default))
    (few,) = model.predict(image, verbose=False, max_det=2)
    np.testing.assert_allclose(rows(few), rows(default)[:2])
    (one_class,) = model.predict(image, verbose=False, classes=[1])
    assert set(one_class.boxes.cls.tolist()) == {1.0}
    (agnostic,) = model.predict(image, verbose=False, agnostic_nms=True)
    assert 0 < len(agnostic.boxes) <= len(default.boxes)
    (apart,) = model.predict(image, verbose=False, iou=0.1)
    assert len(apart.boxes) < len(default.boxes)


@pytest.mark.parametrize("size", [(64, 64), (256, 256), (96, 224)])
def test_any_input_size_works_and_boxes_stay_in_pixels_of_the_image(
    model: NAS, image: Path, size: tuple[int, int]
) -> None:
    (result,) = model.predict(image, verbose=False, imgsz=size)
    expected = by_hand(model, picture(), size)
    assert len(expected) > 0
    assert_same_boxes(rows(result), expected, atol=0.05)


def test_rectangular_input_is_what_the_network_sees_of_a_tight_canvas(model: NAS) -> None:
    image, wide = picture(0, 100, 300), picture(1, 60, 300)
    spec = model.processing
    canvas, _ = replace(spec, size=(64, 160), resize=(64, 160)).letterbox(image)  # 100 / 300 * 160 = 53
    boxes, scores = model.model.detect(
        spec.normalise(torch.from_numpy(canvas[..., ::-1].copy()).permute(2, 0, 1)[None])
    )
    expected = select_boxes(boxes[0], scores[0], conf=spec.conf, iou=spec.iou, top_k=spec.top_k)
    (result,) = model.predict(image, rect=True, verbose=False)
    assert_same_boxes(result.boxes.data[:, 4:].numpy(), expected[:, 4:].detach().numpy(), atol=1e-3)
    (plain,) = model.predict(image, verbose=False)
    assert len(plain.boxes) != len(result.boxes)  # made-up weights see objects in the padding too
    assert [r.orig_shape for r in model.predict([image, wide], batch=2, rect=True, verbose=False)] == [
        (100, 300),
        (60, 300),
    ]


def test_bad_images_among_good_ones_lose_nothing(model: NAS, image: Path, tmp_path: Path) -> None:
    content = image.read_bytes()
    (tmp_path / "a_good.png").write_bytes(content)
    (tmp_path / "b_empty.png").write_bytes(b"")
    (tmp_path / "c_text.jpg").write_text("not an image")
    (tmp_path / "d_good.png").write_bytes(content)
    (tmp_path / "e_cut.png").write_bytes(content[:40])
    results = model.predict(tmp_path, verbose=False)
    assert [Path(r.path).name for r in results] == ["a_good.png", "d_good.png"]
    assert [Path(p).name for p in model.predictor.skipped] == ["b_empty.png", "c_text.jpg", "e_cut.png"]
    np.testing.assert_array_equal(rows(results[0]), rows(results[1]))
    streamed = model.predict(tmp_path, verbose=False, stream=True, batch=2)
    assert len(list(streamed)) == 2
    model.predict(image, verbose=False)
    assert model.predictor.skipped == []


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n"])
def test_an_unreadable_image_alone_is_an_error(model: NAS, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    for source in (path, [path], str(tmp_path / "*.png")):
        with pytest.raises(SourceError, match=r"could not read an image from .*bad\.png"):
            model.predict(source, verbose=False)


def test_whatever_else_lies_in_a_folder_loses_nothing(model: NAS, image: Path, video: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    shutil.copy(image, folder / "good.png")
    shutil.copy(video, folder / "moving.avi")
    (folder / "dangling.png").symlink_to(folder / "nowhere.png")
    (folder / "folder.jpg").mkdir()
    (folder / "empty.mp4").touch()
    (folder / "broken.mp4").write_bytes(b"no video")
    (folder / "notes.txt").write_text("no image")
    cv2.imwrite(str(folder / "floats.tiff"), np.random.RandomState(0).rand(20, 20, 3).astype(np.float32))
    listed = [path for path in sorted(folder.iterdir()) if path.suffix != ".txt"]
    listed.remove(folder / "folder.jpg")  # in a list it is a folder to look into
    for source in (folder, str(folder / "*"), listed):
        results = model.predict(source, verbose=False)
        assert [Path(r.path).name for r in results] == ["good.png"] + ["moving.avi"] * 6
        skipped = {Path(path).name for path in model.predictor.skipped} - {"folder.jpg"}
        assert skipped == {"dangling.png", "empty.mp4", "broken.mp4", "floats.tiff"}


def test_a_list_is_read_in_its_own_order_and_may_hold_folders_and_globs(model: NAS, tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "x.png"), picture())
    source = [tmp_path / "c" / "x.png", tmp_path / "a", str(tmp_path / "b" / "*.png")]
    results = model.predict(source, verbose=False, batch=2)
    assert [Path(r.path).parent.name for r in results] == ["c", "a", "b"]


def test_a_missing_source_is_an_error(model: NAS, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        model.predict(tmp_path / "nowhere.jpg", verbose=False)
    with pytest.raises(FileNotFoundError, match="No images or videos found"):
        model.predict(tmp_path, verbose=False)


@pytest.mark.parametrize(
    "array",
    [np.zeros((20, 20, 3), np.float32), np.zeros((2, 20, 20, 3), np.uint8), np.zeros((0, 5, 3), np.uint8)],
    ids=["float", "batch", "empty"],
)
def test_an_array_that_is_no_image_is_an_error(model: NAS, array: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"shape \("):
        model.predict(array, verbose=False)


def test_exif_rotation_is_applied(model: NAS, tmp_path: Path) -> None:
    upright = Image.fromarray(picture()[..., ::-1])
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    exif = turned.getexif()
    exif[0x0112] = 6  # orientation: turn it 90 degrees clockwise to look at it
    turned.save(tmp_path / "turned.png", exif=exif)
    turned.save(tmp_path / "turned.jpg", exif=exif, quality=100, subsampling=0)
    expected = rows(model.predict(upright, verbose=False)[0])
    (result,) = model.predict(tmp_path / "turned.jpg", verbose=False)
    assert result.orig_shape == (120, 150)
    assert abs(len(result.boxes) - len(expected)) <= 2
    (listed,) = model.predict([tmp_path / "turned.jpg"], verbose=False)
    np.testing.assert_array_equal(rows(listed), rows(result))
    (opened,) = model.predict(Image.open(tmp_path / "turned.png"), verbose=False)
    np.testing.assert_allclose(rows(opened), expected, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (300, 1), (2, 3)])
def test_tiny_and_thin_images_give_results(model: NAS, shape: tuple[int, int]) -> None:
    (result,) = model.predict(np.full((*shape, 3), 200, np.uint8), verbose=False, conf=0.01)
    assert result.orig_shape == shape
    assert torch.isfinite(result.boxes.data).all()


def test_the_predictor_class_works_by_itself_with_the_checkpoints_settings(nano: Path, image: Path, model: NAS) -> None:
    (result,) = NASPredictor(overrides={"model": str(nano), "verbose": False})(str(image))
    np.testing.assert_allclose(rows(result), rows(model.predict(image, verbose=False)[0]))
    (few,) = NASPredictor(overrides={"model": str(nano), "verbose": False, "conf": 0.9})(str(image))
    assert few.boxes.conf.min() > 0.9
    with pytest.raises(TypeError, match="not a Conv2d"):
        NASPredictor().setup_model(nn.Conv2d(3, 3, 1))


def test_selection_follows_the_checkpoint(nano: Path, tmp_path: Path, image: Path) -> None:
    content = torch.load(nano, weights_only=True)
    content["processing_params"].update(nms_top_k=40, max_predictions=9, multi_label_per_box=False, conf=0.3)
    path = tmp_path / "selective.pth"
    torch.save(content, path)
    model = NAS(path)
    (result,) = model.predict(image, verbose=False)
    assert len(result.boxes) == 9
    (single,) = model.predict(image, verbose=False, max_det=300, iou=1.0)
    assert len(single.boxes) == 40
    assert len(np.unique(rows(single)[:, :4], axis=0)) == 40  # no box has two labels


@pytest.mark.parametrize(("classes", "message"), [([7], r"classes=\[7\].*0 to 2"), ([-1], "0 to 2"), (3, "0 to 2")])
def test_a_class_that_the_model_lacks_is_an_error(model: NAS, image: Path, classes: object, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        model.predict(image, verbose=False, classes=classes)
    (one,) = model.predict(image, verbose=False, classes=1)
    assert set(one.boxes.cls.tolist()) == {1.0}


def test_pictures_are_never_saved_over_the_images(model: NAS, image: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        shutil.copy(image, tmp_path / name / "x.png")
    (tmp_path / "list.txt").write_text(str(tmp_path / "a" / "x.png"))
    for source in (tmp_path / "a", str(tmp_path / "*" / "x.png"), tmp_path / "list.txt"):
        with pytest.raises(SourceError, match="would be overwritten"):
            model.predict(source, verbose=False, save=True, project=str(tmp_path), name="a", exist_ok=True)
    assert (tmp_path / "a" / "x.png").read_bytes() == image.read_bytes()


def test_a_failed_call_leaves_the_model_usable(model: NAS, image: Path) -> None:
    with pytest.raises(ValueError, match="device"):
        model.predict(image, verbose=False, device="cuda:97")
    assert len(model.predict(image, verbose=False)) == 1


def test_the_engine_is_kept_quiet(model: NAS, image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "AUTOINSTALL", True)
    monkeypatch.setattr(engine.events, "enabled", True)
    seen = []
    for event in ("on_predict_start", "on_predict_end"):
        model.add_callback(
            event, lambda predictor: seen.append((checks.AUTOINSTALL, engine.events.enabled, torch.get_num_threads()))
        )
    with threads(3):
        model.predict(image, verbose=False)
    assert seen == [(False, False, 3)] * 2
    assert checks.AUTOINSTALL
    assert engine.events.enabled


def test_threads_may_share_a_model_with_settings_of_their_own(model: NAS) -> None:
    work = [(picture(seed), conf) for seed in range(3) for conf in (0.5, 0.7, 0.9)]
    expected = [rows(model.predict(p, verbose=False, conf=conf)[0]) for p, conf in work]
    assert len({len(answer) for answer in expected}) > 3
    install = checks.AUTOINSTALL
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda job: rows(model.predict(job[0], verbose=False, conf=job[1])[0]), work * 2))
    for answer, want in zip(answers, expected * 2, strict=True):
        np.testing.assert_allclose(answer, want, atol=1e-3)
    assert install == checks.AUTOINSTALL


def test_streams_keep_their_settings_and_block_nobody(model: NAS, image: Path, video: Path) -> None:
    few, many = (len(model.predict(image, verbose=False, conf=conf)[0].boxes) for conf in (0.9, 0.5))
    assert few < many
    strict = model.predict([image] * 2, stream=True, verbose=False, conf=0.9)
    loose = model.predict([image] * 2, stream=True, verbose=False, conf=0.5)
    assert [len(result.boxes) for result in strict] == [few] * 2
    assert [len(result.boxes) for result in loose] == [many] * 2
    half_read = model.predict(video, stream=True, verbose=False)
    next(half_read)
    with ThreadPoolExecutor(1) as pool:
        (result,) = pool.submit(model.predict, image, verbose=False, conf=0.5).result(timeout=60)
    assert len(result.boxes) == many
    assert len(list(half_read)) == 5


def test_images_of_one_channel_need_a_model_of_one_channel(tmp_path: Path) -> None:
    from tests.support import synthetic

    path = tmp_path / "grey.pth"
    torch.save(synthetic.network("n", num_classes=2, in_channels=1).state_dict(), path)
    model = NAS(path, processing="coco")
    assert model.model.yaml == {"channels": 1}
    (result,) = model.predict(picture()[..., 0], verbose=False, imgsz=SIZE, conf=0.3)
    assert torch.isfinite(result.boxes.data).all()
