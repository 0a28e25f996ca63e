#!/usr/bin/env bash
# Run the adapter's tests on the oldest supported ultralytics; everything else comes from the environment given first.
set -eu
cd "$(dirname "$0")/.."
main=$1 oldest=$2 venv=.venv-oldest
[ -d "$venv" ] || "$main/bin/python" -m venv "$venv"
site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
main_site=$("$main/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "import site; site.addsitedir('$main_site')" > "$site/main.pth"
"$venv/bin/python" -m pip install -q "ultralytics==$oldest"
"$venv/bin/python" -c "import ultralytics; assert ultralytics.__version__ == '$oldest', ultralytics.__version__"
"$venv/bin/python" -m pytest -q tests/nas tests/cli tests/data
