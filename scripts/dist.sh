#!/usr/bin/env bash
# Build source distribution and wheel of the contract and of the plugin, which then names the contract by its version,
# into dist/.
#
#   scripts/dist.sh PYTHON
set -euo pipefail
python=$(realpath -s "${1:?usage: dist.sh PYTHON}")
cd "$(dirname "$0")/.."
dist=$PWD/dist
rm -rf "$dist"
for folder in contract .; do
    (cd "$folder" && YOLONAS_RELEASE=1 "$python" -m hatchling build --target sdist --target wheel --directory "$dist")
done
