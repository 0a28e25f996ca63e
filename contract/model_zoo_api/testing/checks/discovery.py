"""Hosts find the provider, quickly and quietly."""

from __future__ import annotations

from collections.abc import Mapping

from model_zoo_api.testing.fresh import Discovery
from model_zoo_api.testing.suite import Suite
from model_zoo_api.types import ModelProvider


class DiscoveryChecks(Suite):
    """What happens before a model is chosen."""

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


def _assert_described(provider: ModelProvider, found: Mapping[str, str]) -> None:
    assert provider.name in found, f"it isn't found; there are {', '.join(found) or 'no providers'}"
    told = found[provider.name]
    assert told == repr(provider.models), f"the cards aren't those of the fixture `provider`: {told}"
