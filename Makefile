# FreeAI. `make help` lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
.DEFAULT_GOAL := help
.PHONY: help setup serve test lint types check bench lock format

help:  ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(VENV)/.base: requirements/base.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements/base.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

setup: $(VENV)/.base  ## Make the virtual environment and install what serving needs

serve: setup  ## Start the gateway on 127.0.0.1:8000 (first run sets everything up)
	@exec $(BIN)/python manage.py serve

test: $(VENV)/.dev  ## Run the whole test suite
	$(BIN)/python -m pytest -n auto

lint: $(VENV)/.dev  ## Style, formatting, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.dev  ## Type check (mypy, strict)
	$(BIN)/mypy

check: lint types  ## Everything that must be green before a commit lands
	$(BIN)/python manage.py makemigrations --check --dry-run
	FREEAI_PUBLIC_URL=https://freeai.example.com $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(MAKE) test

bench: $(VENV)/.dev  ## Measure against the floor proxy and the budgets
	$(BIN)/python -m benchmarks

format: $(VENV)/.dev  ## Format the code and sort its imports
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/.dev  ## Lock requirements/*.in with hashes
	cd requirements && for f in base dev; do \
	  UV_CUSTOM_COMPILE_COMMAND="make lock" ../$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --quiet $$f.in -o $$f.txt; done
