#!/usr/bin/env bash
# Make a virtual environment that has what MAIN_VENV has, for packages on top of it. What was there is made anew.
#
#   scripts/venv-over.sh VENV_DIR MAIN_VENV
set -euo pipefail

venv=${1:?usage: venv-over.sh VENV_DIR MAIN_VENV} main=${2:?usage: venv-over.sh VENV_DIR MAIN_VENV}
if [ -e "$venv" ] && [ ! -e "$venv/pyvenv.cfg" ]; then
    echo "venv-over.sh: $venv is there and is no virtual environment" >&2
    exit 1
fi
if [ ! -x "$main/bin/python" ] || [ "$venv" -ef "$main" ]; then # before anything is removed: the two are easily swapped
    echo "venv-over.sh: $main has no bin/python of its own; nothing was removed" >&2
    exit 1
fi
rm -rf "$venv"
"$main/bin/python" -m venv "$venv"
packages() { "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }
echo "import site; site.addsitedir('$(packages "$main")')" > "$(packages "$venv")/main.pth"
