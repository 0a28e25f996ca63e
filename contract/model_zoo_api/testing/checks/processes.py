"""Processes and threads get what one thread gets."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from model_zoo_api.testing.results import Row, rows_of
from model_zoo_api.testing.subject import Subject
from model_zoo_api.testing.suite import Suite


class ProcessChecks(Suite):
    """Results that travel, and predictors that are shared."""

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
