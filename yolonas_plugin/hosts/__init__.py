"""One thin module for each host that has a contract of its own."""

from __future__ import annotations

from importlib.metadata import Distribution, distributions

from yolonas_plugin.errors import HostVersionError, MissingExtraError, TaskError, YoloNASPluginError


def unusable(package: str, host: str, error: ImportError, install: str | None = None) -> YoloNASPluginError:
    """Return what to raise where a host can't be imported: it isn't installed, or in a version that lacks something.

    Args:
        package: What is imported of the host.
        host: The module here for it, and the extra that installs it: they have the same name.
        error: What importing it raised, or :func:`require`.
        install: What pip installs, where there is no such extra.
    """
    dist = next((dist for dist in distributions() if _has(dist, package)), None)
    if dist is None:
        return MissingExtraError(f"yolonas_plugin.hosts.{host}", package, host)
    found = f"{dist.metadata['Name']} {dist.version}"
    return HostVersionError(
        f"{found} is installed, and lacks what yolonas_plugin.hosts.{host} uses ({error}); "
        f"install a version that was tested: pip install -U '{install or f'yolonas-plugin[{host}]'}'"
    )


def require(has: bool, what: str) -> None:
    """Check that a host has something whose absence its import doesn't show.

    Raises:
        ImportError: It hasn't; for :func:`unusable`.
    """
    if not has:
        raise ImportError(f"there is no {what}")


def require_detector(task: str, source: object, host: str) -> None:
    """Check that a host which knows boxes alone is given a detector: of poses it would show no more than half.

    Args:
        task: What the model does.
        source: What it was loaded from.
        host: Its name, for the message.

    Raises:
        TaskError: The model does something else.
    """
    if task != "detect":
        raise TaskError(
            f"{source}: this is a model of the task {task!r}, and {host} takes detectors, which find boxes alone; give "
            f"it a detector, such as yolo_nas_s, or predict with NAS(...)"
        )


def _has(dist: Distribution, package: str) -> bool:
    """Whether a distribution brings a top-level package. ``packages_distributions`` knows all of them from 3.12 on."""
    listed = (dist.read_text("top_level.txt") or "").split()
    return package in listed or any(file.parts[:1] == (package,) for file in dist.files or ())
