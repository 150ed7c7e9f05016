# FreeAI. `make help` lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
AUDIT  := .venv-audit
.DEFAULT_GOAL := help
.PHONY: help setup parquet traces rehearsal serve services test fuzz clients relock lint types check screenshots bench soak rolling audit sbom lock format

# Empty is unset: without files of bytecode each worker of the tests, and each server that they start, compiles all the code anew.
export PYTHONDONTWRITEBYTECODE :=

# HOST and PORT count only as `make serve PORT=8123`: shells and hosting services export variables of these names for purposes of their own.
given        = $(if $(filter command line,$(origin $(1))),$($(1)))
SERVE_OPTIONS = $(if $(call given,HOST),--host $(call given,HOST)) $(if $(call given,PORT),--port $(call given,PORT))

# The locked set, exactly: --no-deps keeps pip from looking at newer releases on the index, so that the same files are installed next year.
define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "FreeAI needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) -V 2>&1`. Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/pip || { echo "Making a virtual environment in $(VENV) with `$(PYTHON) -V`."; $(PYTHON) -m venv $(VENV); }
	@echo "Installing the `grep -c '==' $<` packages of $< into $(VENV). On the first run that takes about a minute."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@
	@echo "Installed."
endef

help:  ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(VENV)/.base: requirements/base.txt
	$(install)

$(VENV)/.export: requirements/export.txt
	$(install)

$(VENV)/.otel: requirements/otel.txt
	$(install)

$(VENV)/.deploy: requirements/deploy.txt
	$(install)

$(VENV)/.dev: requirements/dev.txt
	$(install)

setup: $(VENV)/.base  ## Make the virtual environment and install what serving needs

parquet: setup $(VENV)/.export  ## Install what Parquet exports need on top

traces: setup $(VENV)/.otel  ## Install what traces by OpenTelemetry need on top

rehearsal: $(VENV)/.dev $(VENV)/.deploy  ## Install what the tests of docker/ render and lint with (half a gigabyte)

serve: setup  ## Start the gateway on 127.0.0.1:8000, or HOST=… PORT=… (the first run sets everything up)
	@exec $(BIN)/python manage.py serve $(SERVE_OPTIONS)

services: $(VENV)/.dev  ## Start PostgreSQL and Redis for development from the system's packages, where none answers
	@$(BIN)/python docker/services.py

test: $(VENV)/.dev  ## Run the whole test suite
	$(BIN)/python -m pytest -n auto

fuzz: $(VENV)/.dev  ## Ask every route by its OpenAPI document, deeply: EXAMPLES=100 random requests of each kind; and test with examples never seen
	FREEAI_TEST_FUZZ_EXAMPLES=$(or $(EXAMPLES),100) $(BIN)/python -m pytest -n auto --timeout 3600 tests/openapi
	$(BIN)/python -m pytest -n auto --hypothesis-profile=random $$(grep -rl "^from hypothesis" tests)

# Installed by their own lock files, once for each; what cannot be had is left out, and said.
clients: $(VENV)/.dev  ## Real clients against a running FreeAI: the matrix of docs/CLIENTS.md (WRITE=1 writes it; ONLY="curl node-openai")
	$(BIN)/python -m tests.real_clients $(ONLY) $(if $(WRITE),--write)

lint: $(VENV)/.dev  ## Style, formatting, import contracts, a complete lock
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python -m pip check

types: $(VENV)/.dev  ## Type check (mypy, strict)
	$(BIN)/mypy

check: lint types  ## Everything that must be green before a commit lands
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py document_catalogue --check
	$(BIN)/python manage.py document_rights --check
	$(BIN)/python manage.py document_settings --check
	FREEAI_PUBLIC_URL=https://freeai.example.com $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(MAKE) test

screenshots: $(VENV)/.dev  ## Pictures of the admin site, of demo data, into docs/screenshots (needs Chromium)
	mkdir -p docs/screenshots
	FREEAI_TEST_PICTURES=docs/screenshots $(BIN)/python -m pytest -q -n 0 tests/browser/test_looks.py -k "dashboard or analytics or provider"

bench: $(VENV)/.dev  ## Measure against the floor proxy and the budgets
	$(BIN)/python -m benchmarks

soak: $(VENV)/.dev  ## Traffic with faults for MINUTES=30: memory, latency, ledger and log stay as they should
	$(BIN)/python -m benchmarks.soak --minutes $(or $(MINUTES),30)

rolling: $(VENV)/.dev  ## An upgrade FROM=revision without a pause, on an empty DATABASE=postgres://… and a STATE=redis://… of its own
	$(BIN)/python -m benchmarks.rolling $(FROM) --database-url $(DATABASE) --state $(STATE)

$(AUDIT)/.done: requirements/audit.txt
	@test -x $(AUDIT)/bin/pip || $(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

# Of what serves alone; the environment of the licences may hold more. No network but for installing both.
sbom: setup $(AUDIT)/.done  ## Write sbom.cdx.json: what serves, as it is locked, with licences (CycloneDX)
	$(AUDIT)/bin/cyclonedx-py requirements --output-reproducible -o $(AUDIT)/locked.json requirements/base.txt
	$(AUDIT)/bin/cyclonedx-py environment --output-reproducible -o $(AUDIT)/installed.json $(BIN)/python
	$(BIN)/python requirements/bill.py $(AUDIT)/locked.json $(AUDIT)/installed.json > $(AUDIT)/bill.json
	mv $(AUDIT)/bill.json sbom.cdx.json

# --strict: a package of which the index cannot tell whether it is vulnerable fails the audit, where it would pass in silence.
audit: sbom  ## Ask the index for known vulnerabilities of all that is locked
	for f in base dev export otel deploy audit; do $(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r requirements/$$f.txt || exit 1; done

format: $(VENV)/.dev  ## Format the code and sort its imports
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/.dev  ## Lock requirements/*.in with hashes; what serves in the versions that are tested
	cd requirements && for f in dev base export otel deploy audit; do \
	  case $$f in base|export|otel|deploy) same="-c dev.txt";; *) same=;; esac; \
	  UV_CUSTOM_COMPILE_COMMAND="make lock" ../$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --quiet $$same $$f.in -o $$f.txt; done

# The clients of the matrix, at their newest; then `make clients WRITE=1`. A lock of npm's names where it came from: that is left out.
relock: $(VENV)/.dev  ## Lock the environments of tests/real_clients anew
	for d in tests/real_clients/environments/*/; do (cd $$d && if [ -f requirements.in ]; then \
	  UV_CUSTOM_COMPILE_COMMAND="make relock" $(CURDIR)/$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-emit-index-url --no-emit-find-links --quiet requirements.in -o requirements.txt; \
	  else npm install --save-exact --package-lock-only --ignore-scripts --no-audit --no-fund \
	    $$(node -p "Object.keys(require('./package.json').dependencies).map((name) => name + '@latest').join(' ')") && sed -i '/"resolved":/d' package-lock.json; fi); done
