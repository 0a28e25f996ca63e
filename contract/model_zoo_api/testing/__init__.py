"""The conformance suite for authors of providers: inherit :class:`ProviderConformance` in a test file, and run pytest.

Never imported at run time. It needs pytest (``pip install 'model-zoo-api[testing]'``) and the provider's distribution
installed, ``pip install -e .`` included, because it looks for the entry point as hosts do.
"""

from model_zoo_api.errors import DependencyMissingError

try:
    from model_zoo_api.testing.conformance import ProviderConformance
    from model_zoo_api.testing.fresh import HEAVY
    from model_zoo_api.testing.pictures import write_picture
    from model_zoo_api.testing.results import Tolerance
except ModuleNotFoundError as error:
    if error.name != "pytest":
        raise
    raise DependencyMissingError(
        "model_zoo_api.testing needs pytest, which is not installed: pip install 'model-zoo-api[testing]'"
    ) from error

__all__ = ["HEAVY", "ProviderConformance", "Tolerance", "write_picture"]
