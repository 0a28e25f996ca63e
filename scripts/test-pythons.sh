#!/usr/bin/env bash
# Run the contract's tests on each given Python version, in an environment with nothing but the contract's dependencies.
# A Python that is not installed is an error, unless ALLOW_MISSING_PYTHONS=1 asks to leave it out.
set -eu
cd "$(dirname "$0")/.."
unset PYTHONPATH
for version in "$@"; do
    if ! python=$(scripts/find-python.sh "$version"); then
        if [ "${ALLOW_MISSING_PYTHONS:-}" = 1 ]; then
            echo "== contract on Python $version: SKIPPED (ALLOW_MISSING_PYTHONS=1)"
            continue
        fi
        echo "the contract can't be tested on Python $version; ALLOW_MISSING_PYTHONS=1 leaves missing ones out" >&2
        exit 1
    fi
    venv=.venv-contract-$version
    echo "== contract on $("$python" --version)"
    "$python" -m venv --clear "$venv"
    "$venv/bin/python" -m pip install -q './contract[testing]'
    (cd contract && "../$venv/bin/pytest" -q -m "not exhaustive") # not python -m, which would find the sources
done
