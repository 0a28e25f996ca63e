"""The checks: what any host may rely on, in the order in which a host meets it."""

from __future__ import annotations

import json
import math
import os
import pickle
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from model_zoo_api.allow_list import ALLOW_LIST
from model_zoo_api.testing.cards import faults_of
from model_zoo_api.testing.fresh import Discovery
from model_zoo_api.testing.pictures import size_of
from model_zoo_api.testing.results import Row, assert_refused, assert_unreadable, rows_of
from model_zoo_api.testing.subject import Subject
from model_zoo_api.testing.suite import Suite
from model_zoo_api.types import ModelProvider, Role
from model_zoo_api.zoo import ModelZoo


class ProviderConformance(Suite):
    """The checks that a provider must pass to be used by any host.

    Inherit it under a name that begins with ``Test``, and give a fixture ``provider``; others that may be given are
    ``source``, ``images`` and ``work``. A role that the provider doesn't offer isn't checked. What it knowingly can't
    do goes into ``xfail``; a check can't be overridden.

    Attributes:
        entry_point: Name of its entry point; None stands for the provider's own name.
        options: Options for the loader, so that it loads without a network, such as ``{"pretrained": False}``.
        settings: Settings of the predictor with which it finds something in the images, such as ``{"conf": 0.01}``.
        heavy: Modules that discovery may not import: packages, or modules in full.
        threads: How many predict at once.
        timeout: Seconds that a process of its own may take.
        tolerance: How far the same box may differ from one prediction to the next.
        xfail: The reasons for checks that are known to fail, by name. One that then passes is a failure.

    Raises:
        TypeError: A subclass overrides a check, or gives no reason for one in ``xfail``, or there is no such check.

    Example::

        import pytest
        from acme_zoo import model_zoo_providers
        from model_zoo_api.testing import ProviderConformance

        class TestAcme(ProviderConformance):
            settings = {"conf": 0.01}
            xfail = {"test_threads_share_a_predictor": "its buffers belong to one thread"}

            @pytest.fixture
            def provider(self):
                (provider,) = model_zoo_providers()
                return provider
    """

    # -- discovery -----------------------------------------------------------------------------------------------

    def test_zoo_discovers_it(self, provider: ModelProvider, discovery: Discovery) -> None:
        """``ModelZoo.discover`` finds the provider by its entry point, and reports no problem."""
        zoo = discovery["zoo"]
        assert not zoo["problems"], "\n".join(zoo["problems"])
        _assert_described(provider, zoo["providers"])

    def test_plain_pluggy_discovers_it(self, provider: ModelProvider, discovery: Discovery) -> None:
        """A host finds it with pluggy and the hook specifications alone."""
        found = discovery["pluggy"]
        assert isinstance(found, dict), f"pluggy stopped: {found}"
        _assert_described(provider, found)

    def test_discovery_gives_the_same_again(self, discovery: Discovery) -> None:
        """A process may discover as often as it likes."""
        assert discovery["again"] == discovery["zoo"], f"first {discovery['zoo']}, then {discovery['again']}"

    def test_discovery_imports_nothing_heavy(self, discovery: Discovery) -> None:
        """Neither importing the entry point nor calling its hook brings in any of ``heavy``."""
        found = [name for name in discovery["imported"] if {name, name.partition(".")[0]} & self.heavy]
        assert not found, f"discovery imports {', '.join(found[:9])}; python -X importtime shows what imports it"

    def test_discovery_uses_no_network(self, discovery: Discovery) -> None:
        """No host is looked up or connected to, by Python's sockets, before a factory is called."""
        assert not discovery["network"], f"discovery calls {', '.join(discovery['network'])}"

    # -- description ---------------------------------------------------------------------------------------------

    def test_cards_are_sound(self, provider: ModelProvider) -> None:
        """There are cards; names differ in more than case; figures are possible; weights have a licence."""
        provider.check()
        assert provider.models, "it has no models"
        names = [name.lower() for card in provider.models for name in (card.name, *card.aliases)]
        twice = sorted({name for name in names if names.count(name) > 1})
        assert not twice, f"names that differ only in case: {', '.join(twice)}"
        faults = [f"{card.name}: {fault}" for card in provider.models for fault in faults_of(card)]
        assert not faults, "\n".join(faults)

    def test_cards_are_plain_data(self, provider: ModelProvider) -> None:
        """A host can write a card as JSON in UTF-8, to store or show it."""
        for card in provider.models:
            try:
                json.dumps(asdict(card), allow_nan=False, ensure_ascii=False).encode()
            except (TypeError, ValueError) as error:
                pytest.fail(f"{card.name} can't be written as JSON: {error}")

    def test_description_can_be_pickled(self, provider: ModelProvider) -> None:
        """A host can send the provider to a worker process."""
        try:
            copy = pickle.loads(pickle.dumps(provider))
        except Exception as error:
            pytest.fail(f"it can't be pickled; name its factories as 'module:attribute': {error}")
        assert copy == provider, f"pickled and read back, it is {copy!r}"

    def test_factories_can_be_imported(self, subject: Subject) -> None:
        """What each role refers to exists and can be called; a task map may be the mapping itself."""
        for role in subject.roles:
            factory = subject.provider.factory(role)
            assert callable(factory) or (role == "task_map" and isinstance(factory, Mapping)), f"{role}: {factory!r}"

    def test_task_map_has_the_tasks_of_the_cards(self, subject: Subject) -> None:
        """It maps each card's task to classes or callables by what they do."""
        found = self._offered(subject, "task_map")
        found = found if isinstance(found, Mapping) else found()
        assert isinstance(found, Mapping), f"it gives {found!r}, no mapping"
        missing = {card.task for card in subject.provider.models} - found.keys()
        assert not missing, f"there are models for {', '.join(missing)}, which it doesn't have"
        for task, roles in found.items():
            assert isinstance(roles, Mapping), f"{task}: {roles!r} is no mapping"
            assert all(map(callable, roles.values())), f"{task}: not all of {roles!r} can be called"

    # -- loader --------------------------------------------------------------------------------------------------

    def test_loader_gives_a_model(self, subject: Subject) -> None:
        """It takes a name or a path, and ``card=``, and returns something."""
        assert self._keep(("model", subject.source), subject.load) is not None, "it gives None"

    @pytest.mark.usefixtures("model")
    def test_unknown_model_is_a_clear_error(self, subject: Subject) -> None:
        """A name that it doesn't know is refused, and the message repeats it."""
        assert_refused(lambda: subject.load_other("no_such_model"), "no_such_model")

    @pytest.mark.usefixtures("model")
    def test_missing_file_is_a_clear_error(self, subject: Subject, tmp_path: Path) -> None:
        """A file that isn't there is refused by its name."""
        path = tmp_path / "missing_weights.bin"
        assert_refused(lambda: subject.load_other(str(path)), path.name)

    @pytest.mark.usefixtures("model")
    def test_file_without_weights_is_a_clear_error(self, subject: Subject, tmp_path: Path) -> None:
        """A file that holds no weights is refused by its name."""
        path = tmp_path / "shopping_list.txt"
        path.write_text("bread, butter, two apples\n", encoding="utf-8")
        assert_refused(lambda: subject.load_other(str(path)), path.name)

    # -- predictor -----------------------------------------------------------------------------------------------

    def test_predictor_gives_a_result_for_each_image(
        self, subject: Subject, model: Any, images: Sequence[Path]
    ) -> None:
        """It returns a list: one result for a path, one for each path of a list, in their order, with their paths."""
        self._offered(subject, "predictor")
        predict = self._keep(("predictor", subject.source), lambda: subject.predictor(model))
        paths = [str(path) for path in images]
        for given, expected in ((paths, paths), (paths[0], paths[:1])):
            results = predict(given)
            assert isinstance(results, list), f"it gives a {type(results).__name__}, not a list"
            assert len(results) == len(expected), f"it gives {len(results)} results for {len(expected)} images"
            told = [Path(result.path).name for result in results]
            assert told == [Path(path).name for path in expected], f"for {expected} it gives results of {told}"
            for result in results if subject.task == "detect" else ():
                rows_of(result)  # it has boxes with cls, conf and xyxy

    def test_boxes_are_in_pixels_of_the_image(self, found: list[list[Row]], images: Sequence[Path]) -> None:
        """Left is before right, top before bottom, and no box is further out than an image that is padded to a square.

        Boxes in pixels of the network's input are refused that way, and boxes in parts of the image, from 0 to 1.
        """
        for path, rows in zip(images, found, strict=True):
            width, height = size_of(path)
            limit = 2 * max(width, height)  # untrained models find boxes in the padding, which reach out of that too
            for _, _, x1, y1, x2, y2 in rows:
                sound = -limit <= x1 <= x2 <= limit and -limit <= y1 <= y2 <= limit
                assert sound, f"{path.name}, {width} x {height} pixels, has a box {(x1, y1, x2, y2)}"
        corners = [abs(corner) for rows in found for _, _, *box in rows for corner in box]
        assert corners, "nothing is found in any image: give other `settings`, or a fixture `images`"
        assert max(corners) > 1, "no box reaches beyond the first pixel: are they parts of the image, from 0 to 1?"

    @pytest.mark.usefixtures("found")
    def test_labels_and_scores_are_sound(self, results: list[Any]) -> None:
        """Labels are indices into ``names``, which are strings; scores go from 0 to 1."""
        for result in results:
            names = result.names if isinstance(result.names, Mapping) else dict(enumerate(result.names))
            assert all(isinstance(name, str) for name in names.values()), f"names are {names}"
            for label, score, *_ in rows_of(result):
                assert label in names, f"a label is {label}, which the {len(names)} names haven't"
                assert math.isfinite(score), f"a score is {score}"
                assert 0 <= score <= 1, f"a score is {score}"

    def test_conf_is_a_setting(
        self, subject: Subject, model: Any, found: list[list[Row]], images: Sequence[Path]
    ) -> None:
        """``conf`` is the lowest score that is given; a call's own wins over that of the factory."""
        scores = [score for rows in found for _, score, *_ in rows]
        if not scores:
            pytest.skip("nothing is found, see test_boxes_are_in_pixels_of_the_image")
        limit = (max(scores) + 1) / 2
        strict = subject.predictor(model, conf=limit)
        low = [score for rows in self._boxes(strict, images) for _, score, *_ in rows if score < limit]
        assert not low, f"with conf={limit:.4f} it gives scores down to {min(low):.4f}"
        at_call = {"conf": self.settings.get("conf", min(scores))}
        self.tolerance.assert_same(self._boxes(strict, images, **at_call), found, f"with {at_call} at the call")

    def test_an_image_alone_is_as_among_others(
        self, predict: Callable[..., list[Any]], found: list[list[Row]], images: Sequence[Path]
    ) -> None:
        """What is found in an image depends neither on its neighbours nor on earlier calls."""
        for path, rows in reversed(list(zip(images, found, strict=True))):
            self.tolerance.assert_same(self._boxes(predict, [path]), [rows], f"{path.name} alone")

    @pytest.mark.usefixtures("results")
    def test_missing_image_is_an_outcome(self, predict: Callable[..., list[Any]], tmp_path: Path) -> None:
        """An image that isn't there is a result with ``error``; in version 1 it is refused by its name."""
        path = tmp_path / "missing_image.png"
        assert_unreadable(predict, path)

    @pytest.mark.usefixtures("results")
    def test_file_without_an_image_is_an_outcome(self, predict: Callable[..., list[Any]], tmp_path: Path) -> None:
        """A file that is no image is a result with ``error``; in version 1 it is refused by its name."""
        path = tmp_path / "no_image.png"
        path.write_text("this is no image\n", encoding="utf-8")
        assert_unreadable(predict, path)

    def test_wrong_kind_of_source_is_a_clear_error(
        self, predict: Callable[..., list[Any]], found: list[list[Row]], images: Sequence[Path]
    ) -> None:
        """Something that is no image at all is refused, and the predictor goes on working."""
        assert_refused(lambda: predict(object()))
        self.tolerance.assert_same(self._boxes(predict, images), found, "after the refusal")

    # -- processes and threads -----------------------------------------------------------------------------------

    @pytest.mark.usefixtures("found")
    def test_results_can_be_pickled(self, results: list[Any]) -> None:
        """A worker process can send its results back."""
        try:
            copies = pickle.loads(pickle.dumps(results))
        except Exception as error:
            pytest.fail(f"results can't be pickled: {error}")
        self.tolerance.assert_same(list(map(rows_of, copies)), list(map(rows_of, results)), "pickled and read back")

    def test_worker_process_gives_the_same(
        self, subject: Subject, found: list[list[Row]], images: Sequence[Path]
    ) -> None:
        """A spawned process that gets the provider loads the model by itself, and finds the same."""
        try:
            pickle.dumps(subject)
        except Exception as error:
            pytest.skip(f"the provider, options or settings can't be sent: {error}")
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            rows = pool.submit(subject.predict_afresh, [str(path) for path in images]).result(self.timeout)
        self.tolerance.assert_same(rows, found, "in a worker process")

    @pytest.mark.usefixtures("found")
    def test_threads_share_a_predictor(self, predict: Callable[..., list[Any]], images: Sequence[Path]) -> None:
        """Threads that use one predictor at the same time get what one thread gets."""
        self._assert_threads_agree([predict] * self.threads, images)

    @pytest.mark.usefixtures("found")
    def test_threads_have_a_predictor_each(self, subject: Subject, images: Sequence[Path]) -> None:
        """Threads with a model of their own don't disturb each other."""
        self._assert_threads_agree([subject.predictor(subject.load()) for _ in range(self.threads)], images)

    def _assert_threads_agree(self, predictors: Sequence[Callable[..., list[Any]]], images: Sequence[Path]) -> None:
        def run(number: int, start: Callable[[], Any] = list) -> list[list[Row]]:
            """Predict the images one by one; each thread begins with another."""
            start()
            first = number % len(images)
            rows = [self._boxes(predictors[number], [path])[0] for path in (*images[first:], *images[:first])]
            return rows[len(images) - first :] + rows[: len(images) - first]

        expected = run(0)
        together = Barrier(len(predictors), timeout=self.timeout)
        with ThreadPoolExecutor(len(predictors)) as pool:
            answers = [pool.submit(run, number, together.wait) for number in range(len(predictors))]
            for number, answer in enumerate(answers):
                when = f"thread {number} of {len(answers)}"
                self.tolerance.assert_same(answer.result(self.timeout), expected, when)

    # -- the other factories, and all together -------------------------------------------------------------------

    def test_validator_measures(self, subject: Subject, model: Any, work: Mapping[Role, Mapping[str, Any]]) -> None:
        """Its factory gives a callable, which gives metrics."""
        assert self._run(subject, "validator", model, work) is not None, "it gives None instead of metrics"

    @pytest.mark.usefixtures("model")
    def test_trainer_trains(self, subject: Subject, work: Mapping[Role, Mapping[str, Any]]) -> None:
        """Its factory gives a callable, which trains the model and gives metrics."""
        self._offered(subject, "trainer")
        assert self._run(subject, "trainer", subject.load(), work) is not None, "it gives None instead of metrics"

    def test_exporter_writes(self, subject: Subject, model: Any, work: Mapping[Role, Mapping[str, Any]]) -> None:
        """Its factory gives a callable, which gives the path it wrote."""
        path = self._run(subject, "exporter", model, work)
        assert isinstance(path, (str, os.PathLike)), f"it gives {path!r}, no path"
        assert Path(path).exists(), f"it gives {path}, but nothing is there"

    def _run(self, subject: Subject, role: Role, model: Any, work: Mapping[Role, Mapping[str, Any]]) -> Any:
        run = self._offered(subject, role)(model)
        assert callable(run), f"the {role}'s factory gives {run!r}, which can't be called"
        if role not in work:
            pytest.skip(f"its factory gives a callable; the fixture `work` has no settings to run the {role} with")
        return run(**work[role])

    def test_zoo_puts_it_to_work(
        self, subject: Subject, found: list[list[Row]], images: Sequence[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """``ModelZoo.predictor`` finds the same as the factories by themselves.

        What the provider says that its loader and its predictor take has to have the settings that they are given.
        """
        provider = subject.provider
        monkeypatch.setenv(ALLOW_LIST, self.entry_point or provider.name)
        zoo = ModelZoo.discover()
        if provider.name not in zoo.providers:
            pytest.skip("it isn't discovered, see test_zoo_discovers_it")
        options = dict(subject.options)
        predict = zoo.predictor(subject.source, provider=provider.name, load=options, **subject.settings)
        self.tolerance.assert_same(self._boxes(predict, images), found, "through the zoo")


def _assert_described(provider: ModelProvider, found: Mapping[str, str]) -> None:
    assert provider.name in found, f"it isn't found; there are {', '.join(found) or 'no providers'}"
    told = found[provider.name]
    assert told == repr(provider.models), f"the cards aren't those of the fixture `provider`: {told}"
