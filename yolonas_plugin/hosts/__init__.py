"""One thin module for each host that has a contract of its own."""

from __future__ import annotations

from yolonas_plugin.errors import HostVersionError, MissingExtraError, YoloNASPluginError


def unusable(host: str, extra: str, error: ImportError) -> YoloNASPluginError:
    """Return what to raise where a host can't be imported: it isn't installed, or in a version that lacks something.

    Args:
        host: The package that is imported.
        extra: Of this package, which installs it.
        error: What importing it raised.
    """
    from importlib_metadata import packages_distributions, version

    names = packages_distributions().get(host)
    if not names:
        return MissingExtraError(f"yolonas_plugin.hosts.{host}", host, extra)
    return HostVersionError(
        f"{names[0]} {version(names[0])} is installed, and lacks what yolonas_plugin.hosts.{host} uses ({error}); "
        f"install a version that was tested: pip install -U 'yolonas-plugin[{extra}]'"
    )
