# One word per action. `make demo` and `make test` set everything up on a fresh machine.

VENV ?= .venv
PYTHON ?= $(shell for p in python3.11 python3.12 python3; do \
	$$p -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := $(VENV)/bin
TESTS ?= tests
# Lines of configs/zoo.txt to run: those that contain this word.
NAME :=

# Installed stamps: fast the second time, renewed when the dependencies change.
USE := $(VENV)/.ready
DEV := $(VENV)/.ready-dev

.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint types arch format slow cov zoo bench docs clean

help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-8s %s\n", $$1, $$2}'

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Misen needs Python 3.11 or newer with its venv module; set PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(USE): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@ $(USE)

setup: $(DEV) ## create .venv with everything a developer needs

demo: $(USE) ## make a gallery with the models that ship, offline, on a CPU
	$(BIN)/misen demo

test: $(DEV) ## run the quick tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 $(TESTS)

check: lint types arch test ## everything a change must pass

lint: $(DEV) ## style and unused or undeclared dependencies
	$(BIN)/ruff check .
	$(BIN)/deptry .

types: $(DEV) ## static types
	$(BIN)/mypy

arch: $(DEV) ## import contracts and the other rules of the house
	$(BIN)/lint-imports
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/architecture

format: $(DEV) ## let ruff mend what it can
	$(BIN)/ruff check --fix .

slow: $(DEV) ## the tests that take minutes
	$(BIN)/python -m pytest -m slow --timeout 3600 $(TESTS)

cov: $(DEV) ## quick tests with coverage
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --cov --cov-report term-missing:skip-covered $(TESTS)

zoo: $(DEV) ## retrain every model that ships, in order of need (hours), or those of NAME=
	@grep -v '^#' configs/zoo.txt | grep -e '$(NAME)' | grep . | while read -r line; do \
		echo "python -m $$line"; $(BIN)/python -m $$line < /dev/null || exit; done

bench: $(DEV) ## speed, with intervals, beside peers (minutes, on an idle machine)
	$(BIN)/python -m benchmarks

docs: $(DEV) ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean: ## remove caches and builds, keep the environment and what was made
	rm -rf build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache htmlcov .coverage
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
