"""The conformance suite for authors of providers: inherit :class:`ProviderConformance` in a test file, and run pytest.

Never imported at run time. It needs pytest (``pip install 'yolonas-plugin[testing]'``) and the provider's distribution
installed, ``pip install -e .`` included, because it looks for the entry point as hosts do.
"""

from yolonas_plugin.errors import MissingExtraError

try:
    from yolonas_plugin.testing.conformance import ProviderConformance
    from yolonas_plugin.testing.fresh import HEAVY
    from yolonas_plugin.testing.pictures import write_picture
    from yolonas_plugin.testing.results import Tolerance
except ModuleNotFoundError as error:
    if error.name != "pytest":
        raise
    raise MissingExtraError("yolonas_plugin.testing", "pytest", "testing") from error

__all__ = ["HEAVY", "ProviderConformance", "Tolerance", "write_picture"]
