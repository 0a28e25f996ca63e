#!/usr/bin/env bash
# Make the environment of a host: what MAIN_VENV has, and the packages that are named.
#
#   tests/hosts/make_env.sh VENV_DIR MAIN_VENV PACKAGE ...
set -euo pipefail

venv=${1:?usage: make_env.sh VENV_DIR MAIN_VENV PACKAGE ...} main=${2:?usage: make_env.sh VENV_DIR MAIN_VENV PACKAGE ...}
shift 2
stamp=$venv/.made-by-$( (cat "$0"; echo "$@") | cksum | cut -d ' ' -f 1)
[ -e "$stamp" ] && exit

if [ -e "$venv" ] && [ ! -e "$venv/pyvenv.cfg" ]; then
    echo "make_env.sh: $venv is there and is no virtual environment" >&2
    exit 1
fi
rm -rf "$venv"
"$main/bin/python" -m venv "$venv"
packages() { "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }
echo "import site; site.addsitedir('$(packages "$main")')" > "$(packages "$venv")/main.pth"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
touch "$stamp"
