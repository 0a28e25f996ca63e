#!/usr/bin/env bash
# Run the suite in two halves side by side, each in one thread: networks as small as the tests' gain nothing from more.
# The adapter's half shows itself while it runs, the other one when both are through.
#
#   scripts/test.sh PYTHON [ARGUMENT OF PYTEST ...]
set -uo pipefail
cd "$(dirname "$0")/.."
python=${1:?usage: test.sh PYTHON [ARGUMENT OF PYTEST ...]}
shift
export OMP_NUM_THREADS=1

said=$(mktemp)
"$python" -m pytest "$@" --ignore=tests/nas > "$said" 2>&1 &
others=$!
trap 'kill "$others" 2> /dev/null; rm -f "$said"' EXIT
"$python" -m pytest "$@" tests/nas
adapter=$?
wait "$others"
status=$?
echo "== all but the adapter"
cat "$said"
exit $((adapter > status ? adapter : status))
