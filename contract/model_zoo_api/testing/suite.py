"""What the checks stand on: what an author declares, what is shared among checks, which failures are expected."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import update_wrapper
from inspect import unwrap
from pathlib import Path
from types import FunctionType
from typing import Any, ClassVar

import pytest

from model_zoo_api.errors import FactoryError
from model_zoo_api.testing.answers import assert_one_for_each
from model_zoo_api.testing.fresh import HEAVY, Discovery, discover_afresh
from model_zoo_api.testing.pictures import write_picture
from model_zoo_api.testing.results import Row, Tolerance, rows_of
from model_zoo_api.testing.subject import Subject
from model_zoo_api.types import ModelProvider, Role


class Suite:
    """The part of :class:`~model_zoo_api.testing.ProviderConformance` that is not checks; its attributes are there."""

    entry_point: ClassVar[str | None] = None
    task: ClassVar[str | None] = None
    options: ClassVar[Mapping[str, Any]] = {}
    settings: ClassVar[Mapping[str, Any]] = {}
    without_weights: ClassVar[Collection[str]] = ()
    heavy: ClassVar[frozenset[str]] = HEAVY
    threads: ClassVar[int] = 4
    timeout: ClassVar[float] = 120
    tolerance: ClassVar[Tolerance] = Tolerance(corners=0.1, score=1e-3)
    xfail: ClassVar[Mapping[str, str]] = {}

    _kept: ClassVar[dict[tuple[str, str], tuple[Any, Exception | None]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._kept = {}
        checks = {
            name: unwrap(check)
            for base in reversed(cls.__mro__[1:])
            for name, check in vars(base).items()
            if name.startswith("test_")
        }
        if overridden := sorted(checks.keys() & vars(cls).keys()):
            raise TypeError(f"{cls.__name__} overrides {', '.join(overridden)}: give the reason in xfail instead")
        for name, reason in cls.xfail.items():
            if name not in checks or not reason:
                raise TypeError(f"{cls.__name__}.xfail: {name} {'has no reason' if name in checks else 'is no check'}")
        for name, check in checks.items():
            if name in cls.xfail:  # on a copy, because a mark belongs to a function
                own = update_wrapper(FunctionType(check.__code__, check.__globals__), check)
                setattr(cls, name, pytest.mark.xfail(reason=cls.xfail[name], strict=True)(own))
            elif getattr(cls, name) is not check:  # the parent expects it to fail, this class doesn't
                setattr(cls, name, check)

    # -- what an author gives ------------------------------------------------------------------------------------

    @pytest.fixture
    def provider(self) -> ModelProvider:
        """Return the provider that is checked. There is no default."""
        pytest.fail(f"{type(self).__name__} needs a fixture `provider` that returns the ModelProvider")

    @pytest.fixture
    def source(self, provider: ModelProvider) -> str | Path:
        """Return what is loaded, a model's name or a path, without a network. Default: the first card's name.

        First of those that are neither untrained nor in ``without_weights``.
        """
        names = self._with_weights(provider)
        if not names:
            pytest.fail(
                "every card is untrained or in `without_weights`: give a fixture `source`, a file that can be loaded"
            )
        return names[0]

    def _with_weights(self, provider: ModelProvider) -> list[str]:
        """Return the names of the models that can be loaded without a network."""
        return [card.name for card in provider.models if not card.untrained and card.name not in self.without_weights]

    @pytest.fixture
    def images(self, tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
        """Return the paths of two or more PNG files of different sizes. Default: coloured rectangles on grey."""

        def draw() -> list[Path]:
            folder = tmp_path_factory.mktemp("pictures")
            sizes = {"wide": (160, 120), "tall": (96, 128), "square": (64, 64)}
            return [write_picture(folder / f"{name}.png", *size) for name, size in sizes.items()]

        paths: list[Path] = self._keep(("images", ""), draw)
        return paths

    @pytest.fixture
    def work(self) -> Mapping[Role, Mapping[str, Any]]:
        """Return settings with which ``validator``, ``trainer`` and ``exporter`` are run. Default: they are only made.

        For example ``{"validator": {"data": tmp_path / "data.yaml"}, "exporter": {"format": "onnx"}}``.
        """
        return {}

    # -- what the checks share; what can't be had is reported by one check, and the others are skipped ---------------

    @pytest.fixture
    def subject(self, provider: ModelProvider, source: str | Path) -> Subject:
        """Return the provider with what it loads."""
        return Subject(provider, str(source), dict(self.options), dict(self.settings), self.task)

    @pytest.fixture
    def discovery(self, provider: ModelProvider, tmp_path: Path) -> Discovery:
        """Return what a fresh process found, imported and called when it discovered this plugin alone."""
        name = self.entry_point or provider.name
        found: Discovery = self._keep(("discovery", name), lambda: discover_afresh(name, tmp_path, self.timeout))
        return found

    @pytest.fixture
    def model(self, subject: Subject) -> Any:
        """Return the loaded model."""
        model = self._need(("model", subject.source), subject.load, "test_loader_gives_a_model")
        if model is None:
            pytest.skip("test_loader_gives_a_model fails: it gives None")
        return model

    @pytest.fixture
    def predict(self, subject: Subject, model: Any) -> Callable[..., list[Any]]:
        """Return the predictor with the author's settings."""
        self._offered(subject, "predictor")
        see = "test_predictor_gives_a_result_for_each_image"
        key = ("predictor", subject.source)
        made: Callable[..., list[Any]] = self._need(key, lambda: subject.predictor(model), see)
        return made

    @pytest.fixture
    def results(self, subject: Subject, predict: Callable[..., list[Any]], images: Sequence[Path]) -> list[Any]:
        """Return the results of the images."""
        paths = [str(path) for path in images]
        see = "test_predictor_gives_a_result_for_each_image"
        results = self._need(("results", str([subject.source, *paths])), lambda: predict(paths), see)
        try:
            assert_one_for_each(subject, results, paths)
        except AssertionError as error:
            pytest.skip(f"{see} fails: {error}")
        made: list[Any] = results
        return made

    @pytest.fixture
    def found(self, subject: Subject, results: list[Any]) -> list[list[Row]]:
        """Return the boxes in each image."""
        if not subject.has_boxes:
            pytest.skip(f"the contract doesn't describe the results of {subject.task}")
        try:
            return [rows_of(result) for result in results]
        except Exception as error:
            pytest.skip(f"test_predictor_gives_a_result_for_each_image fails: {type(error).__name__}: {error}")

    def _version_2(self, subject: Subject) -> None:
        """Skip for a provider of the contract's first version, which didn't say this."""
        if subject.provider.api_version < 2:
            pytest.skip("it is a provider of version 1, which doesn't say this; ModelZoo adapts its results")

    def _described(self, subject: Subject) -> None:
        """Skip where the contract doesn't say what a predictor answers."""
        self._version_2(subject)
        if not subject.described:
            pytest.skip(f"the contract doesn't say what a predictor for {subject.task} answers")

    def _keep(self, name: tuple[str, str], make: Callable[[], Any]) -> Any:
        """Return what ``make`` gave the first check of this class that needed it, or raise what it raised."""
        if name not in self._kept:
            try:
                self._kept[name] = (make(), None)
            except Exception as error:
                self._kept[name] = (None, error)
        value, failure = self._kept[name]
        if failure is not None:
            raise failure
        return value

    def _need(self, name: tuple[str, str], make: Callable[[], Any], see: str) -> Any:
        """Do as ``_keep``, but skip where that fails, as the check ``see`` reports."""
        try:
            return self._keep(name, make)
        except Exception as error:
            pytest.skip(f"{see} fails: {type(error).__name__}: {error}")

    def _offered(self, subject: Subject, role: Role) -> Any:
        """Return a factory, or skip if there is none, or it can't be imported."""
        if role not in subject.roles:
            pytest.skip(f"it offers no {role}")
        try:
            return subject.provider.factory(role)
        except FactoryError as error:
            pytest.skip(f"test_factories_can_be_imported fails: {error}")

    def _boxes(self, predict: Callable[..., list[Any]], images: Sequence[Path], **settings: Any) -> list[list[Row]]:
        return [rows_of(result) for result in predict([str(path) for path in images], **settings)]
