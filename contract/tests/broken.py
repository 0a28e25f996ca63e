"""One fault after another in a provider that is otherwise sound, and the checks that must find it: those, no others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

SOUND = (Path(__file__).parent / "sound.py").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Fault:
    """``old``, which is there once, becomes ``new``; the checks in ``caught_by`` fail. Blocks are dedented."""

    old: str
    new: str
    caught_by: set[str]
    entry_point: str = "acme_{name}"

    def source(self) -> str:
        old, new = (dedent(text).strip() if text.startswith("\n") else text for text in (self.old, self.new))
        return replaced(SOUND, old, new)


def replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, (text.count(old), old)
    return text.replace(old, new)


LOADER_ONLY = re.sub(r"^    (task_map|predictor|validator|trainer|exporter)=.*\n", "", SOUND, flags=re.MULTILINE)
"""It offers nothing but the loader, which is all that the contract asks for."""

CLASSIFIER = replaced(replaced(SOUND, 'task="detect"', 'task="classify"'), '{"detect": {', '{"classify": {')
"""Its results are not described in the contract."""

FAULTS = {
    # -- discovery
    "misspells_a_hook": Fault(
        "class Numbers(list):",
        """
        @hookimpl
        def model_zoo_load(model):
            pass


        class Numbers(list):
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
        "def load(source, *, card=None):", "def load(source, *, card=None, device):", {"test_loader_gives_a_model"}
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
    # -- predictor
    "gives_a_generator": Fault(
        'return [model.detect(path, settings["conf"]) for path in paths]',
        'return (model.detect(path, settings["conf"]) for path in paths)',
        {"test_predictor_gives_a_result_for_each_image"},
    ),
    "gives_boxes_from_0_to_1": Fault(
        "width, height = read_size(path)\n",
        "_, (width, height) = read_size(path), (1, 1)\n",
        {"test_boxes_are_in_pixels_of_the_image"},
    ),
    "finds_nothing": Fault("SCORES = (0.8, 0.4)", "SCORES = (0.2, 0.1)", {"test_boxes_are_in_pixels_of_the_image"}),
    "counts_classes_from_1": Fault(
        "(self.scores, (0.25, 0.375), strict=True))",
        "(self.scores, (0.25, 0.375), strict=True), 1)",
        {"test_labels_and_scores_are_sound"},
    ),
    "lets_the_factory_win": Fault("**overrides, **more}", "**more, **overrides}", {"test_conf_is_a_setting"}),
    "doubts_what_is_alone": Fault(
        'settings["conf"]) for path in paths]',
        'settings["conf"] + 0.2 * (len(paths) == 1)) for path in paths]',
        {"test_an_image_alone_is_as_among_others", "test_zoo_puts_it_to_work"},
    ),
    "overlooks_missing_images": Fault(
        "for path in paths]",
        "for path in paths if Path(path).exists()]",
        {"test_missing_image_is_an_outcome"},
    ),
    "trusts_every_file": Fault(
        'if not head.startswith(b"\\x89PNG"):',
        "if not head:",
        {"test_file_without_an_image_is_an_outcome"},
    ),
    "trips_over_the_wrong_kind": Fault(
        'raise TypeError(f"expected a path or a list of paths, not a {type(source).__name__}")',
        "source = source.filename",
        {"test_wrong_kind_of_source_is_a_clear_error"},
    ),
    # -- processes and threads
    "keeps_a_lambda_in_results": Fault(
        "self.path = str(path)",
        "self.path = str(path)\n        self.draw = lambda: self.path",
        {"test_results_can_be_pickled"},
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
        "width, height = read_size(path)\n",
        'self.size = read_size(path)\n        __import__("time").sleep(0.01)\n        width, height = self.size\n',
        {"test_threads_share_a_predictor"},
    ),
    "shares_a_buffer_in_the_module": Fault(
        """    def detect(self, path, conf):
        width, height = read_size(path)
""",
        """    buffer = {}

    def detect(self, path, conf):
        with self.__dict__.setdefault("lock", __import__("threading").Lock()):
            self.buffer["size"] = read_size(path)
            __import__("time").sleep(0.01)
            width, height = self.buffer["size"]
""",
        {"test_threads_have_a_predictor_each"},
    ),
    # -- the other factories, and all together
    "measures_nothing": Fault('return {"mAP50-95": 0.015}', "return None", {"test_validator_measures"}),
    "trains_in_silence": Fault('return {"mAP50-95": 0.02}', "return None", {"test_trainer_trains"}),
    "writes_elsewhere": Fault("return path\n", 'return path.with_suffix(".onnx")\n', {"test_exporter_writes"}),
    "says_that_it_takes_no_settings": Fault(
        'exporter=f"{__name__}:make_exporter",',
        'exporter=f"{__name__}:make_exporter",\n    settings=(),',
        {"test_zoo_puts_it_to_work"},
    ),
}
