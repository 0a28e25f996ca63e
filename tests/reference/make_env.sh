#!/usr/bin/env bash
# Make the environment in which super-gradients 3.7.1 runs beside this package (Python 3.10 only).
#
#   tests/reference/make_env.sh VENV_DIR
#
# Does nothing where VENV_DIR is already as this script makes it.
set -euo pipefail

venv=${1:?usage: make_env.sh VENV_DIR}
root=$(cd "$(dirname "$0")/../.." && pwd)
stamp=$venv/.made-by-$(cksum < "$0" | cut -d ' ' -f 1)
[ -e "$stamp" ] && exit

python=$(command -v python3.10 || true)
if [ -z "$python" ] || ! "$python" --version > /dev/null 2>&1; then
    python=$(ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.10*/bin/python3.10 2> /dev/null | tail -n 1 || true)
fi
if [ -z "$python" ]; then
    echo "make_env.sh: super-gradients 3.7.1 needs Python 3.10: put python3.10 on the PATH, or 'pyenv install 3.10'" >&2
    exit 1
fi

if [ -e "$venv" ] && [ ! -e "$venv/pyvenv.cfg" ]; then
    echo "make_env.sh: $venv is there and is no virtual environment" >&2
    exit 1
fi
rm -rf "$venv"
"$python" -m venv "$venv"
install() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
# super-gradients imports pkg_resources and was built against numpy 1.23; nothing later may move either
install "setuptools<70" wheel
install --no-build-isolation "setuptools<70" "numpy==1.23.0" torch==2.3.1 torchvision==0.18.1 super-gradients==3.7.1 \
    ultralytics==8.4.190 pluggy safetensors pytest hypothesis pycocotools
install --no-deps onnx-graphsurgeon==0.5.8 # by which super-gradients' exporter joins graphs; it would install it itself
install hatchling editables
install --no-deps --no-build-isolation --editable "$root/contract" --editable "$root"
"$venv/bin/python" -c "import super_gradients, yolonas_plugin" > /dev/null
touch "$stamp"
