"""Weight files as the projects of the world write them, read here: ``make formats`` makes the table in docs/formats.md.

Each project runs in its own environment, in a process per size (``source``, with one module ``by_*`` for each): it
writes files of its own kinds with its own code, and predicts from them with its own network. ``table`` starts these
processes, reads the same files here and compares (``compare``). What is small of the files, their pickles, goes into
``tests/golden`` (``skeleton``), so that ``make test`` reads their real structure without the projects.

It stands among the tests, not the benchmarks, because it asks whether results agree, with the tests' own weights.
"""
