"""The provider does what hosts rely on."""

import pytest
from acme_zoo.plugin import model_zoo_providers

from model_zoo_api.testing import ProviderConformance


class TestAcme(ProviderConformance):
    @pytest.fixture
    def provider(self):
        (provider,) = model_zoo_providers()
        return provider
