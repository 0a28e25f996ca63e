#!/usr/bin/env bash
# Run the suite in two halves side by side, each in one thread: networks as small as the tests' gain nothing from more.
# The adapter's half shows itself while it runs, the other one when both are through. How long each took says whether they
# are still halves.
#
#   scripts/test.sh PYTHON [ARGUMENT OF PYTEST ...]
set -uo pipefail
cd "$(dirname "$0")/.."
python=${1:?usage: test.sh PYTHON [ARGUMENT OF PYTEST ...]}
shift
export OMP_NUM_THREADS=1
adapters=(tests/nas tests/data)

said=$(mktemp)
"$python" -m pytest "$@" "${adapters[@]/#/--ignore=}" > "$said" 2>&1 &
others=$!
trap 'kill "$others" 2> /dev/null; rm -f "$said"' EXIT
"$python" -m pytest "$@" "${adapters[@]}"
adapter=$?
wait "$others"
status=$?
echo "== all but ${adapters[*]}"
cat "$said"
exit $((adapter > status ? adapter : status))
