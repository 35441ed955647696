# Everything a person does in a checkout. Needs Python 3.11 or newer with venv, and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CONSTRAINTS := deploy/constraints.txt
TESTS ?= tests
WORKERS ?= 2

.PHONY: help install run test soak bench docs lint format clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

$(VENV)/.installed: pyproject.toml $(CONSTRAINTS)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	@$(PIP) install -c $(CONSTRAINTS) -e '.[demo,postgres]'
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	@echo "installing the test set into $(VENV) ..."
	@$(PIP) install -c $(CONSTRAINTS) -e '.[test]'
	@touch $@

install: $(VENV)/.installed ## make .venv with .venv/bin/monitor

run: $(VENV)/.installed ## start everything on a recorded news day: no account, no network
	@$(BIN)/monitor demo var/demo

test: $(VENV)/.tested ## run every test
	$(BIN)/python -m pytest -n $(WORKERS) $(TESTS)

soak: $(VENV)/.tested ## run the long forms of tests: simulated weeks, many random inputs, 30 kills
	MONITOR_SOAK=1 $(BIN)/python -m pytest -n $(WORKERS) -m soak $(TESTS)

bench: $(VENV)/.tested ## run the benchmarks and print their figures
	@for bench in tests/benchmarks/bench_*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

docs: $(VENV)/.tested ## write the tables of rules/README.md from what the program reads
	$(BIN)/python deploy/write_reference.py

eval: $(VENV)/.tested ## score the shipped rules on labelled news, where there is some
	$(BIN)/python tests/benchmarks/score_rules.py

lint: $(VENV)/.tested ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.tested ## put the code into its standard form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove what the targets made
	rm -rf $(VENV) var .pytest_cache .mypy_cache .ruff_cache .hypothesis
