#!/usr/bin/env bash
# Make the environment of the programs that read our exports: Roboflow's inference-models and X-AnyLabeling.
#
#   tests/oracles/make_env.sh VENV_DIR MAIN_VENV
#
# What MAIN_VENV has is there too. The two are installed without their dependencies, which are dozens of networks of
# others; the lists below are what they import on the way to a YOLO-NAS file.
set -euo pipefail

venv=${1:?usage: make_env.sh VENV_DIR MAIN_VENV} main=${2:?usage: make_env.sh VENV_DIR MAIN_VENV}
stamp=$venv/.made-by-$(cksum < "$0" | cut -d ' ' -f 1)
[ -e "$stamp" ] && exit
"$(dirname "$0")/../../scripts/venv-over.sh" "$venv" "$main"
install() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$@"; }
install inference-models==0.39.0 backoff==2.2.1 python-dotenv==1.2.4 pydantic==2.14.4 pydantic_core==2.50.5 \
    annotated-types==0.8.0 typing-inspection==0.4.5 scikit-image==0.26.0 lazy-loader==0.6 tifffile==2026.3.3 imageio==2.38.1
install x-anylabeling-cvhub==4.2.1 PyQt6==6.11.0 PyQt6-Qt6==6.11.2 PyQt6-sip==13.13.0 qimage2ndarray==1.10.0 \
    termcolor==3.3.0 natsort==8.4.0 Markdown==3.11.3 openai==3.57.0 httpx2==2.16.2 sniffio==1.3.1 jsonlines==4.0.0 \
    attrs==26.1.0 json_repair==0.64.6
QT_QPA_PLATFORM=offscreen "$venv/bin/python" -c "
import anylabeling.services.auto_labeling.yolo_nas
import inference_models.models.yolonas.yolonas_object_detection_onnx" > /dev/null
touch "$stamp"
