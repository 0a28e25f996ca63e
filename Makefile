# `make demo` and `make test` do all the set-up themselves; `make help` lists the rest.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OLDEST_ULTRALYTICS := 8.3.200
CONTRACT_PYTHONS ?= 3.10 3.11 3.12 3.13
FUZZ_SECONDS ?= 60

# $(call install,VENV,EXTRA): both distributions as sources; with the plugin, pip installs a copy of the contract each time
install = $(1)/bin/python -m pip install -q -e '.[$(2)]' && $(1)/bin/python -m pip install -q --no-deps -e ./contract

.PHONY: help demo test test-all test-layout lint test-pythons test-oldest gpu reference oracles hosts docs formats benchmark speed layout fuzz mutations dist clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /: /'

$(BIN)/.ready: pyproject.toml contract/pyproject.toml hatch_build.py
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "yolonas-plugin needs Python 3.10 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(call install,$(VENV),dev)
	touch $@

demo: $(BIN)/.ready  ## discover, load the embedded model, detect on a page and on FILES, draw pictures
	$(BIN)/python examples/demo.py $(FILES)

test: $(BIN)/.ready  ## the suite on this Python, without its exhaustive parts, in two processes
	scripts/test.sh $(BIN)/python -m "not exhaustive"

test-all: test test-layout  ## the suite, the workshop's, then the suite's exhaustive parts
	scripts/test.sh $(BIN)/python -m exhaustive

.venv-layout/.ready: $(BIN)/.ready layout/pyproject.toml
	scripts/venv-over.sh .venv-layout $(VENV)
	.venv-layout/bin/python -m pip install -q -e './layout[test]'
	touch $@

test-layout: .venv-layout/.ready  ## the workshop of the embedded model: its pages, its training, its measuring
	cd layout && OMP_NUM_THREADS=1 ../.venv-layout/bin/python -m pytest

lint: $(BIN)/.ready  ## ruff, mypy on the contract and the plugin, as strictly as it can, the layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p model_zoo_api -p yolonas_plugin
	$(BIN)/lint-imports

test-pythons:  ## the contract on every supported Python, in environments that have nothing else
	scripts/test-pythons.sh $(CONTRACT_PYTHONS)

test-oldest: $(BIN)/.ready  ## adapter and command line on the oldest supported ultralytics
	scripts/test-oldest.sh $(VENV) $(OLDEST_ULTRALYTICS)

gpu: $(BIN)/.ready  ## prediction, training and export on an NVIDIA GPU, against the CPU's
	$(BIN)/python -m pytest tests/gpu

reference:  ## parity with super-gradients itself, in a Python 3.10 environment that this makes
	tests/reference/make_env.sh .venv-reference
	.venv-reference/bin/python -m pytest tests/reference

oracles: $(BIN)/.ready  ## exported files, opened by Roboflow's inference-models and by X-AnyLabeling, in an environment that this makes
	tests/oracles/make_env.sh .venv-oracles $(VENV)
	.venv-oracles/bin/python -m pytest tests/oracles

hosts: $(BIN)/.ready  ## the plugin in programs that nobody here wrote, each in an environment that this makes
	tests/hosts/run.sh $(VENV) $(HOSTS)

.venv-docs/.ready: $(BIN)/.ready
	scripts/venv-over.sh .venv-docs $(VENV)
	$(call install,.venv-docs,docs)
	touch $@

docs: .venv-docs/.ready  ## the documentation as a site, build/docs; a warning, a dead link among pages included, is an error
	rm -rf build/docs
	.venv-docs/bin/python -m sphinx -q -W --keep-going -c docs . build/docs
	.venv-docs/bin/python -m pytest tests/docs/test_site.py

formats: $(BIN)/.ready  ## weight files as other projects write them, read here: makes the table in docs/formats.md
	tests/reference/make_env.sh .venv-reference
	tests/formats/make_env.sh .venv-peers $(VENV)
	$(BIN)/python -m tests.formats.table $(ARGS)

benchmark: $(BIN)/.ready  ## what discovery costs a host, and how long loading and the first boxes take
	$(BIN)/python benchmarks/discovery.py
	$(BIN)/python benchmarks/loading.py

speed: $(BIN)/.ready  ## every way to run YOLO-NAS-S on this CPU, in turn; start, memory and its growth; writes to runs/speed
	-tests/reference/make_env.sh .venv-reference
	-tests/formats/make_env.sh .venv-peers $(VENV)
	mkdir -p runs/speed
	$(BIN)/python -m benchmarks.speed --json runs/speed/speed.json --plot runs/speed/speed.png $(ARGS)
	$(BIN)/python -m benchmarks.footprint --json runs/speed/footprint.json --plot runs/speed/footprint.png

layout: .venv-layout/.ready  ## make the pages, train the embedded model on them and measure it, in runs/layout
	.venv-layout/bin/python -m page_layout.generate runs/layout/pages --split train --pages 6500 --seed 3
	.venv-layout/bin/python -m page_layout.generate runs/layout/pages --split val --pages 200 --seed 2
	.venv-layout/bin/python -m page_layout.generate runs/layout/pages --split test --pages 400 --seed 1
	.venv-layout/bin/python -m page_layout.train runs/layout/pages runs/layout
	.venv-layout/bin/python -m page_layout.evaluate runs/layout/yolo_nas_n_layout.safetensors runs/layout/pages

fuzz: $(BIN)/.ready  ## mutate weight files, guided by what they reach in the reader; FUZZ_SECONDS for each target
	$(call install,$(VENV),fuzz)
	for target in file pickle network safetensors record processing; do \
	    $(BIN)/python -m tests.weights.fuzz_atheris $$target .fuzz -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

.venv-mutations/.ready: $(BIN)/.ready
	scripts/venv-over.sh .venv-mutations $(VENV)
	.venv-mutations/bin/python -m pip install -q 'cosmic-ray>=8.3' 'coverage>=7'
	touch $@

mutations: .venv-mutations/.ready  ## a sample of mutations of the code, each tried on the tests that should notice; ARGS='weights --number 100'
	.venv-mutations/bin/python scripts/mutations.py $(ARGS)

.venv-dist/.ready:
	$(PYTHON) -m venv .venv-dist
	.venv-dist/bin/python -m pip install -q 'hatchling>=1.27'
	touch $@

dist: .venv-dist/.ready  ## source distribution and wheel of the contract and of the plugin, in dist
	scripts/dist.sh .venv-dist/bin/python

clean:  ## remove environments and caches
	rm -rf .venv* .fuzz .pytest_cache .mypy_cache .ruff_cache .import_linter_cache build dist
