#!/usr/bin/env bash
# Make the environment of the other projects that write YOLO-NAS weights: modern-yolonas, LibreYOLO, and the
# super-gradients of May 2023, which runs in the environment of today's (tests/reference/make_env.sh).
#
#   tests/formats/make_env.sh VENV_DIR MAIN_VENV
#
# torch, numpy and OpenCV are those of MAIN_VENV, of Python 3.11 or newer. So everything is installed without its
# dependencies, which would bring others, and the lists below are what the two import on the way to their weights.
set -euo pipefail

venv=${1:?usage: make_env.sh VENV_DIR MAIN_VENV} main=${2:?usage: make_env.sh VENV_DIR MAIN_VENV}
stamp=$venv/.made-by-$(cksum < "$0" | cut -d ' ' -f 1)
[ -e "$stamp" ] && exit
"$(dirname "$0")/../../scripts/venv-over.sh" "$venv" "$main"
install() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$@"; }
install modern-yolonas==0.5.0 albumentations==1.4.24 albucore==0.0.23 huggingface-hub==0.36.0 lightning==2.6.6 \
    lightning-utilities==0.15.3 torchmetrics==1.9.0 supervision==0.31.2 pydeprecate==0.14.0 defusedxml==0.7.1 pydantic==2.14.3 pydantic_core==2.50.4 \
    annotated-types==0.8.0 typing-inspection==0.4.5 scipy==1.17.1 simsimd==6.5.16 stringzilla==5.3.2
install libreyolo==1.6.0 typer==0.29.2 shellingham==1.5.4 annotated-doc==0.0.7
install --target "$venv/super-gradients-3.1.1" super-gradients==3.1.1
NO_ALBUMENTATIONS_UPDATE=1 "$venv/bin/python" -c "import modern_yolonas.training, libreyolo" > /dev/null
touch "$stamp"
