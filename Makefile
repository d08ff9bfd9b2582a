# `make demo` takes a series through the whole job; `make test` checks style and runs the tests.
#   make demo INPUT=series.nii.gz OUT=result     one's own series instead of the digital patient
#   make demo INPUT=series.nii ARGS="--te 0.03"  and what else `dsc-superres demo --help` lists
#   make test PYTHON=python3.12                  another interpreter for a fresh environment
#   make torture SEED=7                          10,000 damaged inputs and other attacks; takes up to 20 minutes
# On Linux pip chooses a torch for NVIDIA cards, of some gigabytes. The small one for processors comes with
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make demo

PYTHON ?= python3
VENV ?= .venv
INPUT ?=
OUT ?= demo-output
ARGS ?=
SEED ?= 1
COUNT ?= 10000

ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
# A stamp is younger than what it was installed from, so that a second run installs nothing.
INSTALLED := $(VENV)/.installed
WITH_TESTS := $(VENV)/.installed-with-tests
INSTALL = "$(BIN)/python" -m pip install --disable-pip-version-check --constraint .ci/constraints.txt --editable

.PHONY: demo test torture format clean

demo: $(INSTALLED)
	"$(BIN)/dsc-superres" demo $(if $(INPUT),"$(INPUT)") --out "$(OUT)" $(ARGS)

test: $(WITH_TESTS)
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .
	"$(BIN)/python" -m pytest

torture: $(WITH_TESTS)
	"$(BIN)/python" Testing/Torture/torture.py --seed $(SEED) --count $(COUNT) --write

format: $(WITH_TESTS)
	"$(BIN)/ruff" check --fix .
	"$(BIN)/ruff" format .

$(INSTALLED): pyproject.toml .ci/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: name one with PYTHON=...")'
	$(PYTHON) -m venv "$(VENV)"
	$(INSTALL) .
	touch "$@"

$(WITH_TESTS): $(INSTALLED)
	$(INSTALL) ".[test]"
	touch "$@"

clean:
	rm -rf "$(VENV)" demo-output
