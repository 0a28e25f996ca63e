#!/usr/bin/env bash
# The way of an author of a plugin, timed: copy the template, rename it, install it with nothing but the contract, and
# run its tests. pip downloads what it needs.
#
#   scripts/author-path.sh [PYTHON]
set -euo pipefail
python=${1:-python3}
cd "$(dirname "$0")/.."
contract=$PWD/contract
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unset PYTHONPATH

step() { # WHAT COMMAND ...
    local what=$1 begun=$EPOCHREALTIME
    shift
    "$@"
    awk -v what="$what" -v begun="$begun" -v ended="$EPOCHREALTIME" 'BEGIN { printf "%6.1f s  %s\n", ended - begun, what }' >> "$folder/times"
}

step "copy the template" cp -r examples/provider_template "$folder/pallas"
cd "$folder/pallas"
step "rename it" "$python" rename.py pallas
step "make an environment" "$python" -m venv "$folder/environment"
pip="$folder/environment/bin/python -m pip install --quiet"
step "install the contract" $pip "$contract"
step "install the plugin and pytest" $pip -e '.[test]'
step "run its tests" "$folder/environment/bin/python" -m pytest -q
cat "$folder/times"
