"""The conformance suite: what any host may rely on, in the order in which a host meets it."""

from __future__ import annotations

from model_zoo_api.testing.checks.description import DescriptionChecks
from model_zoo_api.testing.checks.discovery import DiscoveryChecks
from model_zoo_api.testing.checks.loading import LoaderChecks
from model_zoo_api.testing.checks.prediction import PredictionChecks
from model_zoo_api.testing.checks.processes import ProcessChecks
from model_zoo_api.testing.checks.settings import SettingChecks
from model_zoo_api.testing.checks.sources import SourceChecks
from model_zoo_api.testing.checks.work import WorkChecks


class ProviderConformance(  # pytest begins with the last
    WorkChecks,
    ProcessChecks,
    SettingChecks,
    SourceChecks,
    PredictionChecks,
    LoaderChecks,
    DescriptionChecks,
    DiscoveryChecks,
):
    """The checks that a provider must pass to be used by any host.

    Inherit it under a name that begins with ``Test``, and give a fixture ``provider``; others that may be given are
    ``source``, ``images`` and ``work``. A role that the provider doesn't offer isn't checked. What it knowingly can't
    do goes into ``xfail``; a check can't be overridden.

    Attributes:
        entry_point: Name of its entry point; None stands for the provider's own name.
        task: What ``source`` does, where that is a path; None stands for the task of the first card.
        options: Options for the loader, so that it loads without a network, and the same each time.
        settings: Settings of the predictor with which it finds something in the images, such as ``{"conf": 0.01}``.
        without_weights: Names of the cards that can't be loaded with ``options``, because their weights would have to
            be downloaded. All others are loaded and predict.
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
