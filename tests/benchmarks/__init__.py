"""The programs of ``benchmarks/``: that their figures say what they claim."""
