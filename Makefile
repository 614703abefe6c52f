# boxwright: `make help` tells what there is. Two commands do all the set-up:
#   make convert train      the whole way, on the built-in sample
#   make test               the tests
# Your own data: make CONFIG=configs/mine.yaml convert train

CONFIG ?= configs/sample.yaml
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BOXWRIGHT := $(BIN)/boxwright
READY := $(VENV)/ready
SAMPLE_CONFIG := configs/sample.yaml

.DEFAULT_GOAL := help
.PHONY: help setup sample convert train check predict test lint bench bench-labels fuzz hostile lie mending tight clean

help: ## What there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make CONFIG=configs/mine.yaml convert train   the same, with your own config"

setup: $(READY) ## Build .venv with everything in it (about 6 GB: torch comes with CUDA)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "Python 3.10 or newer is needed: make PYTHON=python3.12 setup"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): about 6 GB, some minutes."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@$(BIN)/python -c 'import cv2' 2>/dev/null || { \
	  echo "This machine has no libGL: taking the OpenCV that needs none."; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps --force-reinstall opencv-python-headless; }
	@touch $@

sample: $(READY) ## Draw the built-in data set (coins and banknotes)
	$(BOXWRIGHT) sample $(SAMPLE_CONFIG)

ifeq ($(CONFIG),$(SAMPLE_CONFIG))
convert: sample
endif
convert: $(READY) ## Photos and JSON to a prepared tree
	$(BOXWRIGHT) convert $(CONFIG)

train: convert ## Train, evaluate, report
	$(BOXWRIGHT) train $(CONFIG)

check: $(READY) ## What is wrong with the labels, what is in the tree, and a contact sheet to look at
	$(BOXWRIGHT) check $(CONFIG)
	$(BOXWRIGHT) stats $(CONFIG)
	$(BOXWRIGHT) preview $(CONFIG)

predict: $(READY) ## Find things with the trained weights in the validation pictures and the video
	$(BOXWRIGHT) predict $(CONFIG)

test: lint ## Lint, types and tests
	$(BIN)/python -m pytest

lint: $(READY) ## Ruff and mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then $(BIN)/mypy; \
	  else echo "Types are checked with Python 3.11 and newer: the last NumPy for 3.10 has others."; fi

bench: $(READY) ## Us and our peers, side by side (half an hour)
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check labelme2yolo supervision globox panlabel labelformat datumaro
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --no-deps \
	  --target .venv-bench/imagededup imagededup PyWavelets scikit-learn scipy joblib cloudpickle threadpoolctl narwhals tqdm
	$(BIN)/python benchmarks/convert.py --peers .venv-bench/bin/python --out benchmarks/results/convert.md
	$(BIN)/python benchmarks/coco.py --peers .venv-bench/bin/python --out benchmarks/results/coco.md
	$(BIN)/python benchmarks/rerun.py --out benchmarks/results/rerun.md
	$(BIN)/python benchmarks/stats.py --peers .venv-bench/bin/python --out benchmarks/results/stats.md
	PYTHONPATH=.venv-bench/imagededup $(BIN)/python benchmarks/similar.py --out benchmarks/results/similar.md
	$(BIN)/python benchmarks/augment.py --out benchmarks/results/augment.md

bench-labels: $(READY) ## Planted label errors found again, and cleanlab beside it (three quarters of an hour on two cores)
	@test -x .venv-cleanlab/bin/python || $(PYTHON) -m venv .venv-cleanlab
	.venv-cleanlab/bin/python -m pip install --quiet --disable-pip-version-check cleanlab || true
	$(BIN)/python benchmarks/labels.py --work runs/labels --peers .venv-cleanlab/bin/python --out benchmarks/results/labels.md

fuzz: $(READY) ## Five minutes of input that nobody would write, at every reader
	$(BIN)/python fuzz/run.py --seconds 300

hostile: $(READY) ## The table of bad input and what is done about it (minutes)
	$(BIN)/python benchmarks/bad_input.py

lie: $(READY) ## What a random split tells, beside the truth (a quarter of an hour on two cores)
	$(BIN)/python benchmarks/lie.py

mending: $(READY) ## What mending labels buys (an hour and a half on two cores)
	$(BIN)/python benchmarks/mending.py --work runs/mending --out benchmarks/results/mending.md

tight: $(READY) ## What tight labels buy on turned pictures (an hour or two on two cores)
	$(BIN)/python benchmarks/augment_train.py --work runs/tight

clean: ## Remove the sample, its tree and the environments; runs are kept
	rm -rf datasets/sample datasets/prepared/sample .venv .venv-bench .venv-cleanlab build *.egg-info
