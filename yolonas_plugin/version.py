"""The version of this package, for what says it: files, the command line, requests."""

__version__ = "0.1.0"
