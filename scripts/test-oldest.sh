#!/usr/bin/env bash
# Run the adapter's tests on the oldest supported ultralytics; everything else comes from the environment given first.
set -eu
cd "$(dirname "$0")/.."
main=$1 oldest=$2 venv=.venv-oldest
[ -d "$venv" ] || scripts/venv-over.sh "$venv" "$main"
"$venv/bin/python" -m pip install -q "ultralytics==$oldest"
export YOLO_CONFIG_DIR=$PWD/$venv # another version beside it would write its settings anew, and say so
"$venv/bin/python" -c "import ultralytics; assert ultralytics.__version__ == '$oldest', ultralytics.__version__"
# left out: what reads damaged exports and unfinished trainings, and servers' folders, in which the engine has no part
"$venv/bin/python" -m pytest -q -m "not exhaustive" tests/nas tests/cli/test_cli.py tests/data/test_engine.py \
    tests/data/test_images.py --ignore=tests/nas/test_export_faults.py --ignore=tests/nas/test_export_forms.py \
    --ignore=tests/nas/test_resume_fuzz.py --ignore=tests/nas/test_repository.py
