"""The provider does what hosts rely on."""

import pytest
from acme_zoo.plugin import model_zoo_providers

from yolonas_plugin.testing import ProviderConformance


class TestAcme(ProviderConformance):
    @pytest.fixture
    def provider(self):
        (provider,) = model_zoo_providers()
        return provider
