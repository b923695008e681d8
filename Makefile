# `make check` is what CI runs; `make test` installs into .venv and runs the tests.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: test coverage check lint types contracts fix docs clean

# torch first and by its exact version, so that the rest takes what is there.
$(BIN)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

# bytecode is kept whatever the environment says: tests start many short processes
test: $(BIN)/.installed
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest

# the same tests, with the lines and branches that they reach; takes a third longer
coverage: $(BIN)/.installed
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest --cov --cov-report=term

lint: $(BIN)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(BIN)/.installed
	$(BIN)/mypy

contracts: $(BIN)/.installed
	$(BIN)/lint-imports

check: lint types contracts test

fix: $(BIN)/.installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(BIN)/.installed
	$(BIN)/python -m tests.test_house
	$(BIN)/python -m tests.labelling.markers.test_page

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .coverage*
