"""The model cards of YOLO-NAS, as data. Listing them needs no network and no heavy import."""

from __future__ import annotations

from typing import Final

from model_zoo_api.types import Licence, Metric, ModelCard, WeightFile
from yolonas_plugin.skeleton import COCO_PERSON

COCO_CLASSES: Final = tuple(
    """person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign,
    parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella,
    handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard,
    surfboard, tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange,
    broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop,
    mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors,
    teddy bear, hair drier, toothbrush""".replace("\n   ", "").split(", ")
)
"""The 80 classes of COCO in the order of the published weights."""

LAYOUT_CLASSES: Final = (
    *("title", "section_header", "text", "list_item", "table", "picture"),
    *("caption", "formula", "code", "page_header", "page_footer", "footnote"),
)
"""The parts of a page, by docling's names, in the order of the embedded weights."""

_DECI: Final = Licence(
    name="LicenseRef-Deci-YOLO-NAS",
    url="https://github.com/Deci-AI/super-gradients/blob/master/LICENSE.YOLONAS.md",
    commercial_use=False,
)
_DECI_POSE: Final = Licence(
    name="LicenseRef-Deci-YOLO-NAS-POSE",
    url="https://github.com/Deci-AI/super-gradients/blob/master/LICENSE.YOLONAS-POSE.md",
    commercial_use=False,
)
_CODE: Final = Licence(
    name="Apache-2.0 AND AGPL-3.0-only",  # this package; the engine, which lean prediction does without
    url="https://github.com/ultralytics/ultralytics/blob/main/LICENSE",
    commercial_use=True,
)
_RESULTS: Final = "https://github.com/Deci-AI/super-gradients/blob/master/YOLONAS.md"
_POSE_RESULTS: Final = "https://github.com/Deci-AI/super-gradients/blob/master/YOLONAS-POSE.md"
_HOSTS: Final = (
    "https://d2gjn4b69gu75n.cloudfront.net/models",
    "https://sg-hub-nv.s3.amazonaws.com/models",  # answers 403 in 2026; the SHA-256 holds for it too
)


def _published(size: str, parameters: int, gflops: float, sha256: str, map_fp16: float, map_int8: float) -> ModelCard:
    filename = f"yolo_nas_{size}_coco.pth"
    return ModelCard(
        name=f"yolo_nas_{size}",
        aliases=(f"yolo-nas-{size}",),
        task="detect",
        input_size=(640, 640),
        parameters=parameters,
        gflops=gflops,
        classes=COCO_CLASSES,
        metrics=(
            Metric(name="mAP50-95", value=map_fp16, dataset="COCO val2017, FP16", source=_RESULTS),
            Metric(name="mAP50-95", value=map_int8, dataset="COCO val2017, INT8", source=_RESULTS),
        ),
        weights=(WeightFile(filename=filename, urls=tuple(f"{host}/{filename}" for host in _HOSTS), sha256=sha256),),
        licence=_DECI,
        code_licence=_CODE,
        training_data="COCO train2017, Objects365",
        description=f"YOLO-NAS {size.upper()}, Deci's object detector with weights for the 80 classes of COCO",
        homepage=_RESULTS,
    )


def _published_pose(
    size: str, parameters: int, gflops: float, sha256: str, keypoint_ap: float, training_data: str
) -> ModelCard:
    filename = f"yolo_nas_pose_{size}_coco_pose.pth"
    return ModelCard(
        name=f"yolo_nas_pose_{size}",
        aliases=(f"yolo-nas-pose-{size}",),
        task="pose",
        input_size=(640, 640),
        parameters=parameters,
        gflops=gflops,
        classes=("person",),
        metrics=(Metric(name="keypoint AP50-95", value=keypoint_ap, dataset="COCO val2017", source=_POSE_RESULTS),),
        weights=(WeightFile(filename=filename, urls=tuple(f"{host}/{filename}" for host in _HOSTS), sha256=sha256),),
        licence=_DECI_POSE,
        code_licence=_CODE,
        training_data=training_data,
        description=f"YOLO-NAS-POSE {size.upper()}, Deci's pose estimator with weights for the 17 keypoints of COCO",
        homepage=_POSE_RESULTS,
        extra={"keypoints": COCO_PERSON.names},
    )


_FROM_DETECTION: Final = "COCO train2017, from the weights of yolo_nas_{} (COCO train2017, Objects365)"
"""What super-gradients' recipes begin the trainings of s, m and l from; n begins from random weights."""

CARDS: Final = (
    ModelCard(
        name="yolo_nas_n",
        aliases=("yolo-nas-n",),
        task="detect",
        input_size=(640, 640),
        parameters=8_525_583,
        gflops=17.2,
        untrained=True,
        code_licence=_CODE,
        description="YOLO-NAS in a size of this package's own, to be trained: no weights of it were published",
    ),
    _published("s", 19_053_888, 34.3, "c1b1d9148ab8ae5d5984699547e850955ff9efccaf568c67b3d605acb4bfe1cb", 47.5, 47.03),
    _published("m", 51_182_658, 94.9, "b194fc7fa196f76161c6356558bedf04fb99a62325a74a36a4bec3ca8ba48250", 51.55, 51.0),
    _published("l", 66_976_392, 129.8, "91a06beaa1ce1a651d6691e3198061da996eafc8890503238dedacbd4c392a32", 52.22, 52.1),
    ModelCard(
        name="yolo_nas_n_layout",
        aliases=("yolo-nas-n-layout",),
        task="detect",
        input_size=(640, 640),
        parameters=8_504_707,
        gflops=17.2,
        classes=LAYOUT_CLASSES,
        weights=(
            WeightFile(
                filename="yolo_nas_n_layout.safetensors",
                sha256="3e1d18df18d868700dae90eeb95e4906c29baf8f691abc413fc3e08d8f723864",
                size=11_771_340,
            ),
        ),
        licence=Licence(name="Apache-2.0", url="https://www.apache.org/licenses/LICENSE-2.0", commercial_use=True),
        code_licence=_CODE,
        training_data="pages that layout/ of yolonas-plugin made",
        description="YOLO-NAS N that finds the parts of a page of a document, by docling's names",
    ),
    _published_pose(
        *("n", 9_901_483, 20.1, "3544cd4bef7a4930e79c2d9a9ec50167be6fa366be834d52d462393edfc3a64f", 59.68),
        "COCO train2017",
    ),
    _published_pose(
        *("s", 22_226_028, 40.8, "54f0933cb3760c5f9ba47e901c58d6d114cd206718667a586031bea0ab9ea849", 64.15),
        _FROM_DETECTION.format("s"),
    ),
    _published_pose(
        *("m", 58_208_046, 109.1, "6d0f92a589fd2f39a9fb92c42894cca76e81eaf2fcb3a00f1cac2e7089fb91ec", 67.87),
        _FROM_DETECTION.format("m"),
    ),
    _published_pose(
        *("l", 79_366_452, 155.0, "d05c55157b3eb917e43d3669cc1e99fbe35a8a93c7883b95b93036a81216c5ab", 68.24),
        _FROM_DETECTION.format("l"),
    ),
)
"""Parameters and GFLOPs are those of the network as trained (``NAS.info``).

Of detection in size n no weights for COCO were published; those of ``yolo_nas_n_layout`` come with this package, and
what they achieve is in ``docs/layout-model.md``. The SHA-256 of the weights for poses are those that LibreYOLO 1.6.0
pins; the files themselves weren't at hand when they were written down.
"""
