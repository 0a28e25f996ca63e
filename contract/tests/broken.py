"""One fault after another in a provider that is otherwise sound, and the checks that must find it: those, no others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

SOUND = (Path(__file__).parent / "sound.py").read_text(encoding="utf-8")
SOUND_1 = (Path(__file__).parent / "sound_1.py").read_text(encoding="utf-8")
"""Of version 1 of the contract."""


@dataclass(frozen=True)
class Fault:
    """``old``, which is there once, becomes ``new``; the checks in ``caught_by`` fail. Blocks are dedented."""

    old: str
    new: str
    caught_by: set[str]
    entry_point: str = "acme_{name}"
    base: str = SOUND

    def source(self) -> str:
        old, new = (dedent(text).strip() if text.startswith("\n") else text for text in (self.old, self.new))
        return replaced(self.base, old, new)


def replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, (text.count(old), old)
    return text.replace(old, new)


POSE = replaced(
    replaced(SOUND, '{"detect": {', '{"pose": {').replace('task="detect"', 'task="pose"'),
    "            names=NAMES,\n",
    """            names=NAMES,
            keypoints=[[(x1, y1, 0.9), (x2, y2, 0.1), (x1, y2, 0.5)] for x1, y1, x2, y2 in (row[2] for row in rows)],
            keypoint_names=("first", "second", "third"),
            edges=((0, 1), (1, 2)),
""",
)
"""It finds three keypoints in each of its boxes."""

LOADER_ONLY = re.sub(r"^    (task_map|predictor|validator|trainer|exporter)=.*\n", "", SOUND, flags=re.MULTILINE)
"""It offers nothing but the loader, which is all that the contract asks for."""

CLASSIFIER = replaced(SOUND, '{"detect": {', '{"classify": {').replace('task="detect"', 'task="classify"')
"""Its results are not described in the contract."""

SAMPLES_1 = replaced(SOUND_1, "        paths = source if", "        paths = [] if not source else source if").replace(
    "if not isinstance(source, (str, Path, list)):",
    "if source is not None and not isinstance(source, (str, Path, list)):",
)
"""Of version 1, and finds something where there is no image."""

FAULTS = {
    # -- discovery
    "misspells_a_hook": Fault(
        "def read(entry):",
        """
        @hookimpl
        def model_zoo_load(model):
            pass


        def read(entry):
        """,
        {"test_zoo_discovers_it"},
    ),
    "misspells_its_entry_point": Fault(
        "SCORES = (0.8, 0.4)",
        "SCORES = (0.8, 0.4)",
        {"test_zoo_discovers_it", "test_plain_pluggy_discovers_it"},
        entry_point="acme_zoo_of_{name}",
    ),
    "answers_once": Fault(
        """
        @hookimpl
        def model_zoo_providers():
            yield PROVIDER
        """,
        """
        ALL = iter([PROVIDER])


        @hookimpl
        def model_zoo_providers():
            return ALL
        """,
        {"test_discovery_gives_the_same_again", "test_plain_pluggy_discovers_it"},
    ),
    "imports_too_much": Fault(
        "import json\n", "import json\nimport wave\n", {"test_discovery_imports_nothing_heavy"}
    ),  # which the test calls heavy
    "looks_for_news": Fault(
        "SCORES = (0.8, 0.4)",
        """
        SCORES = (0.8, 0.4)
        try:
            import socket

            socket.create_connection(("127.0.0.1", 9), timeout=0.1)
        except OSError:
            pass
        """,
        {"test_discovery_uses_no_network"},
    ),
    # -- description
    "has_no_licence": Fault(
        'licence=Licence(name="CC0-1.0", url="https://example.org/licence", commercial_use=True)',
        "licence=None",
        {"test_cards_are_sound"},
    ),
    "is_untrained_with_weights": Fault(
        'training_data="nothing",', 'training_data="nothing",\n    untrained=True,', {"test_cards_are_sound"}
    ),
    "has_half_a_letter": Fault('dataset="none"', 'dataset="\\ud800"', {"test_cards_are_plain_data"}),
    "has_a_lambda": Fault(
        'loader=f"{__name__}:load"',
        "loader=lambda source, **options: load(source, **options)",
        {"test_description_can_be_pickled"},
    ),
    "refers_to_nothing": Fault(":make_validator", ":make_validater", {"test_factories_can_be_imported"}),
    "maps_an_unknown_task": Fault('{"detect": {', '{"detection": {', {"test_task_map_has_the_tasks_of_the_cards"}),
    # -- loader
    "wants_a_device": Fault(
        "*, card=None, classes=2):", "*, card=None, classes=2, device):", {"test_loader_gives_a_model"}
    ),
    "guesses_the_model": Fault(
        "    if card is not None:",
        "    if card is not None or not Path(source).suffix:",
        {"test_unknown_model_is_a_clear_error"},
    ),
    "begins_anew_without_a_file": Fault(
        "    if card is not None:",
        "    if card is not None or (Path(source).suffix and not Path(source).exists()):",
        {"test_missing_file_is_a_clear_error"},
    ),
    "says_only_the_decoder_s_words": Fault(
        'raise ValueError(f"{path} holds no weights: {error}") from error',
        "raise",
        {"test_file_without_weights_is_a_clear_error"},
    ),
    "ignores_unknown_options": Fault(
        "*, card=None, classes=2):", "*, card=None, classes=2, **others):", {"test_unknown_option_is_refused"}
    ),
    # -- predictor
    "gives_a_generator": Fault(
        "return list(self.stream(source, **settings))",
        "return self.stream(source, **settings)",
        {"test_predictor_gives_a_result_for_each_image"},
    ),
    "gives_results_of_its_own": Fault(
        "return list(self.stream(source, **settings))",
        "return [__import__('types').SimpleNamespace(path=one.path) for one in self.stream(source, **settings)]",
        {"test_predictor_gives_a_result_for_each_image"},
    ),
    "gives_boxes_from_0_to_1": Fault(
        "box = (width * part, height * part, width * (1 - part), height * (1 - part))",
        "box = (part, part, 1 - part, 1 - part)",
        {"test_boxes_are_in_pixels_of_the_image", "test_boxes_double_with_the_image"},
    ),
    "gives_boxes_in_pixels_of_its_input": Fault(
        "box = (width * part, height * part, width * (1 - part), height * (1 - part))",
        "box = (64 * part, 64 * part, 64 * (1 - part), 64 * (1 - part))",
        {"test_boxes_double_with_the_image"},
    ),
    "finds_nothing": Fault("SCORES = (0.8, 0.4)", "SCORES = (0.2, 0.1)", {"test_boxes_are_in_pixels_of_the_image"}),
    "gives_the_size_of_its_input": Fault(
        "height=height,",
        'height=height if hasattr(entry, "shape") else 64,',
        {"test_results_have_the_size_of_the_image"},
    ),
    "counts_classes_from_1": Fault(
        "(self.scores, (0.25, 0.375), strict=True))",
        "(self.scores, (0.25, 0.375), strict=True), 1)",
        {"test_labels_and_scores_are_sound"},
    ),
    "gives_the_worst_first": Fault(
        "in enumerate(zip(self.scores, (0.25, 0.375), strict=True)):",
        "in reversed(list(enumerate(zip(self.scores, (0.25, 0.375), strict=True)))):",
        {"test_labels_and_scores_are_sound"},
    ),
    "lets_the_factory_win": Fault(
        "conf = self.conf if conf is None else conf", "conf = self.conf", {"test_conf_is_a_setting"}
    ),
    "doubts_what_is_alone": Fault(
        "return list(self.stream(source, **settings))",
        """found = list(self.stream(source, **settings))
        if len(found) == 1 and found[0].path and not found[0].error:
            found[0] = Detections(path=found[0].path, height=found[0].height, width=found[0].width, names=NAMES)
        return found""",
        {"test_an_image_alone_is_as_among_others"},
    ),
    "has_a_card_without_weights": Fault(
        "    if card is not None:",
        '    if card is not None and card.name != "second":',
        {"test_every_card_predicts"},
    ),
    "has_a_card_with_other_boxes": Fault(
        """    if card is not None:
        return Model(SCORES)""",
        """    if card is not None and card.name == "second":
        other = Model(SCORES)
        other.detect = lambda entry, conf: Model.detect(other, entry, conf).__class__(
            height=read(entry)[1], width=read(entry)[0], boxes=[[8, 8, 24, 24]], scores=[0.7], labels=[0], names=NAMES
        )
        return other
    if card is not None:
        return Model(SCORES)""",
        {"test_every_card_predicts"},
    ),
    "gives_no_keypoints": Fault(
        'keypoint_names=("first", "second", "third"),\n            edges=((0, 1), (1, 2)),',
        "**{},",
        {"test_keypoints_are_sound"},
        base=re.sub(r"^ +keypoints=.*\n", "", POSE, flags=re.MULTILINE),
    ),
    "is_too_sure_of_a_keypoint": Fault("(x1, y1, 0.9)", "(x1, y1, 90)", {"test_keypoints_are_sound"}, base=POSE),
    "loses_a_keypoint": Fault(
        "(x1, y1, 0.9)", '(x1, float("inf") if width == 96 else y1, 0.9)', {"test_keypoints_are_sound"}, base=POSE
    ),
    "finds_more_keypoints_in_high_images": Fault(
        """(x1, y2, 0.5)] for x1, y1, x2, y2 in (row[2] for row in rows)],
            keypoint_names=("first", "second", "third"),""",
        "(x1, y2, 0.5), *[(x2, y1, 0.5)] * (height > width)] for x1, y1, x2, y2 in (row[2] for row in rows)],",
        {"test_keypoints_are_sound"},
        base=POSE,
    ),
    "gives_keypoints_in_pixels_of_its_input": Fault(
        "(x1, y1, 0.9), (x2, y2, 0.1), (x1, y2, 0.5)",
        "(16, 16, 0.9), (48, 48, 0.1), (16, 48, 0.5)",
        {"test_boxes_double_with_the_image"},
        base=POSE,
    ),
    "mixes_up_keypoints_in_threads": Fault(
        "(x1, y1, 0.9)",
        '(x1, y1, 0.9 if __import__("threading").current_thread().name == "MainThread" else 0.8)',
        {"test_threads_share_a_predictor", "test_threads_have_a_predictor_each"},
        base=POSE,
    ),
    # -- what a predictor is given
    "refuses_missing_images": Fault(
        "return outcomes(source,",
        """if isinstance(source, str) and source.endswith("image.png") and not Path(source).exists():
            raise SourceError(f"{source} is not there")
        return outcomes(source,""",
        {"test_missing_image_is_an_outcome"},
    ),
    "refuses_other_files": Fault(
        "return outcomes(source,",
        """if isinstance(source, str) and source.endswith("image.png") and Path(source).exists():
            raise SourceError(f"{source} is no image")
        return outcomes(source,""",
        {"test_file_without_an_image_is_an_outcome"},
    ),
    "leaves_out_what_is_bad": Fault(
        "return outcomes(source, lambda entry: self.model.detect(entry, conf))",
        "return (one for one in outcomes(source, lambda entry: self.model.detect(entry, conf)) if not one.error)",
        {
            "test_missing_image_is_an_outcome",
            "test_file_without_an_image_is_an_outcome",
            "test_damaged_image_is_an_outcome",
            "test_what_is_bad_in_a_list_costs_nothing_else",
        },
    ),
    "trusts_every_file": Fault(
        "raise SourceError(str(error)) from error",
        "return 64, 64, 1, 0",
        {
            "test_file_without_an_image_is_an_outcome",
            "test_damaged_image_is_an_outcome",
            "test_what_is_bad_in_a_list_costs_nothing_else",
        },
    ),
    "trusts_the_head_of_a_file": Fault(
        "raise SourceError(str(error)) from error",
        'raise SourceError(str(error)) if "damaged" not in str(error) else error from None',
        {"test_damaged_image_is_an_outcome"},
    ),
    "gives_up_at_a_bad_entry": Fault(
        "return outcomes(source,",
        """if isinstance(source, list) and any(entry is None for entry in source):
            raise SourceError("there is None in the list")
        return outcomes(source,""",
        {"test_what_is_bad_in_a_list_costs_nothing_else"},
    ),
    "counts_the_good_alone": Fault(
        "return outcomes(source, lambda entry: self.model.detect(entry, conf))",
        """from dataclasses import replace

        index = 0
        for one in outcomes(source, lambda entry: self.model.detect(entry, conf)):
            yield replace(one, index=index)
            index += not one.error""",
        {"test_damaged_image_is_an_outcome", "test_what_is_bad_in_a_list_costs_nothing_else"},
    ),
    "trips_over_the_wrong_kind": Fault(
        "return outcomes(source,",
        """if type(source) is object:
            source = source.filename
        return outcomes(source,""",
        {"test_wrong_kind_of_source_is_a_clear_error"},
    ),
    "finds_something_in_nothing": Fault(
        "return outcomes(source,",
        "return outcomes([] if source is None else source,",
        {"test_nothing_is_a_source_error"},
    ),
    "fails_at_an_empty_list": Fault(
        "return outcomes(source,",
        """if isinstance(source, list) and not source:
            raise SourceError("the list is empty")
        return outcomes(source,""",
        {"test_an_empty_list_gives_nothing"},
    ),
    "takes_a_folder_from_its_end": Fault(
        "return outcomes(source,",
        """if isinstance(source, (str, Path)) and str(source).strip() and Path(source).is_dir():
            source = sorted(map(str, Path(source).glob("*.png")), reverse=True) or source
        return outcomes(source,""",
        {"test_a_folder_gives_its_images_by_name"},
    ),
    "takes_arrays_for_rgb": Fault("blue, _, red = entry", "red, _, blue = entry", {"test_an_array_is_as_its_file"}),
    "streams_at_the_end": Fault(
        "return outcomes(source, lambda entry: self.model.detect(entry, conf))",
        "return iter(list(outcomes(source, lambda entry: self.model.detect(entry, conf))))",
        {"test_a_stream_is_as_the_call"},
    ),
    # -- what it may be told
    "ignores_unknown_settings": Fault(
        "return Predictor(model, **settings)",
        'return Predictor(model, conf=settings.get("conf", 0.5))',
        {"test_unknown_setting_is_refused"},
    ),
    "ignores_unknown_settings_of_a_call": Fault(
        "def stream(self, source, *, conf=None):",
        "def stream(self, source, *, conf=None, **others):",
        {"test_unknown_setting_is_refused"},
    ),
    "leaves_errors_to_python": Fault(
        'settings=(Setting(name="conf", kind="number", default=0.5, minimum=0, maximum=1, help="lowest score"),),',
        "settings=None,",
        {"test_unknown_setting_is_refused", "test_conf_has_a_range"},
    ),
    "takes_any_conf": Fault(
        'minimum=0, maximum=1, help="lowest score"', 'minimum=0, help="lowest score"', {"test_conf_has_a_range"}
    ),
    "takes_less_than_it_says": Fault(
        "        self.conf = conf\n",
        """        self.conf = conf
        if conf > 0.95:
            raise ValueError(f"conf is {conf}, which is too high")
""",
        {"test_settings_take_what_they_say"},
    ),
    "has_another_default": Fault("model, *, conf=0.5):", "model, *, conf=0.3):", {"test_defaults_are_what_they_say"}),
    "fails_to_close": Fault(
        "        self.model = None", '        raise RuntimeError("not yet")', {"test_a_predictor_can_be_closed"}
    ),
    # -- processes and threads
    "keeps_a_lambda_in_results": Fault(
        "names=NAMES,", "names=NAMES,\n            native=lambda: entry,", {"test_results_can_be_pickled"}
    ),
    "knows_the_main_process": Fault(
        "SCORES = (0.8, 0.4)",
        """
        from multiprocessing import current_process

        SCORES = (0.8, 0.4 if current_process().name == "MainProcess" else 0.5)
        """,
        {"test_worker_process_gives_the_same"},
    ),
    "shares_a_buffer_in_the_model": Fault(
        "width, height, red, blue = read(entry)\n",
        """self.read = read(entry)
        __import__("time").sleep(0.01)
        width, height, red, blue = self.read
""",
        {"test_threads_share_a_predictor"},
    ),
    "shares_a_buffer_in_the_module": Fault(
        """    def detect(self, entry, conf):
        width, height, red, blue = read(entry)
""",
        """    buffer = {}

    def detect(self, entry, conf):
        with self.__dict__.setdefault("lock", __import__("threading").Lock()):
            self.buffer["read"] = read(entry)
            __import__("time").sleep(0.01)
            width, height, red, blue = self.buffer["read"]
""",
        {"test_threads_have_a_predictor_each"},
    ),
    # -- the other factories, and all together
    "measures_nothing": Fault('return {"mAP50-95": 0.015}', "return None", {"test_validator_measures"}),
    "trainer_lacks_what_it_declares": Fault(
        "def make_trainer(model, **overrides):",
        "def make_trainer(model):",
        {"test_trainer_settings_take_what_they_say"},
    ),
    "trains_in_silence": Fault('return {"mAP50-95": 0.02}', "return None", {"test_trainer_trains"}),
    "writes_elsewhere": Fault("return path\n", 'return path.with_suffix(".onnx")\n', {"test_exporter_writes"}),
    "changes_what_hosts_load": Fault(
        "def read(entry):",
        """
        @hookimpl
        def model_zoo_loaded(model):
            model.scores = (0.9, 0.4)


        def read(entry):
        """,
        {"test_zoo_puts_it_to_work"},
    ),
    "says_that_it_takes_no_settings": Fault(
        'settings=(Setting(name="conf", kind="number", default=0.5, minimum=0, maximum=1, help="lowest score"),),',
        "settings=(),",
        {
            "test_zoo_puts_it_to_work",
            "test_unknown_setting_is_refused",
            "test_a_stream_is_as_the_call",
            "test_a_predictor_can_be_closed",
        },
    ),
}
