# `make` alone lists the targets. Everything is set up by the target that needs it.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := bash

PYTHON ?= python3
BIN := .venv/bin

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- set-up -------------------------------------------------------------------------------------

# The lock is whole: left to resolve it again, pip may look at a release that came after.
.venv/ready: requirements.txt requirements-dev.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-deps --require-hashes -r requirements-dev.txt
	$(BIN)/pip check --quiet
	touch $@

node_modules/ready: package.json package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	touch $@

.PHONY: setup
setup: .venv/ready ## Set up the virtual environment

.PHONY: lock
lock: .venv/ready ## Resolve requirements*.in into requirements*.txt, with hashes
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" requirements-bench.in -o requirements-bench.txt

# --- run ----------------------------------------------------------------------------------------

.PHONY: run
run: .venv/ready ## Run the service over a local Cognito, with a demo user's devices
	@$(BIN)/python -m local_cognito.demo

.PHONY: cognito
cognito: .venv/ready ## Run the local Cognito alone
	@$(BIN)/python -m local_cognito

# --- contract -----------------------------------------------------------------------------------

.PHONY: openapi
openapi: .venv/ready ## Write openapi/openapi.json and .yaml from the code
	$(BIN)/python -m openapi

.PHONY: clients
clients: .venv/ready node_modules/ready ## Generate clients of the API into build/clients
	$(BIN)/python -m openapi.clients

# --- check --------------------------------------------------------------------------------------

.PHONY: test
test: .venv/ready node_modules/ready system ## Run every test
	$(BIN)/pytest -n 2 --dist loadfile --ignore=tests/resilience
	$(BIN)/pytest tests/resilience # alone: it measures how soon callers are answered

.PHONY: coverage
coverage: .venv/ready node_modules/ready system ## Measure lines and branches of app/ that tests run, gunicorn's workers included
	$(BIN)/pytest tests/unit tests/api tests/e2e tests/safety --cov --cov-report=term:skip-covered

.PHONY: fuzz
fuzz: .venv/ready ## Try the service with thousands of requests, right and wrong
	FUZZ_EXAMPLES=1000 $(BIN)/pytest tests/contract/test_schemathesis.py -s --timeout=0

.PHONY: system
system: # programs that tests use and that no package of ours brings: a browser, Redis
	@tests/system-packages.sh

.PHONY: lint
lint: .venv/ready node_modules/ready ## Check style, security rules, the contract, the Dockerfile and YAML
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --diff .
	$(BIN)/hadolint Dockerfile deploy/local-cognito/Dockerfile
	REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true node_modules/.bin/redocly lint --config openapi/redocly.yaml
	node_modules/.bin/spectral lint --ruleset openapi/spectral.yaml --fail-severity=hint openapi/openapi.json
	$(BIN)/openapi-spec-validator openapi/openapi.json
	$(BIN)/python -m openapi.breaking

.PHONY: types
types: .venv/ready ## Check types
	$(BIN)/mypy

.PHONY: audit
audit: .venv/ready ## Look for known vulnerabilities in what the service runs on
	@if $(BIN)/pip-audit --strict --require-hashes --disable-pip --progress-spinner=off \
		--requirement requirements.txt; then exit; fi; \
	if $(BIN)/pip-audit --require-hashes --disable-pip --progress-spinner=off --format=json \
		--requirement requirements.txt 2>&1 | grep -q '"vulns": \[{'; \
	then echo "AUDIT: vulnerable; see above." >&2; exit 1; fi; \
	echo "AUDIT: NOT DONE. The database of vulnerabilities could not be asked about every package" \
		"(no network, or an index that does not have it), so nothing is known either way." >&2; exit 3

.PHONY: sbom
sbom: .venv/ready ## Write build/sbom.json: what the service runs on, in CycloneDX
	@mkdir -p build
	$(BIN)/python -W ignore::UserWarning -m cyclonedx_py requirements --pyproject pyproject.toml \
		--output-reproducible --output-format JSON --output-file build/sbom.json requirements.txt

.PHONY: format
format: .venv/ready ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# --- endure -------------------------------------------------------------------------------------

.PHONY: chaos
chaos: .venv/ready system ## Break everything around the service for longer (CHAOS_SECONDS=20 each)
	CHAOS_SECONDS=$${CHAOS_SECONDS:-20} $(BIN)/pytest tests/resilience --timeout=900

.PHONY: soak
soak: .venv/ready ## Use the service for ten minutes (SOAK_SECONDS=600): nothing may grow or fail
	$(BIN)/python -m benchmarks.soak

.PHONY: bench
bench: .venv/ready .venv-bench/ready benchmarks/node_modules/ready ## Measure the service beside FastAPI and Express, with wrk
	.venv-bench/bin/python -m benchmarks

.venv-bench/ready: requirements-bench.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --no-deps --require-hashes -r requirements-bench.txt
	touch $@

benchmarks/node_modules/ready: benchmarks/package.json benchmarks/package-lock.json
	cd benchmarks && npm ci --no-audit --no-fund --loglevel=error
	touch $@

.PHONY: clean
clean: ## Remove what the targets made
	rm -rf .venv .venv-bench node_modules benchmarks/node_modules build .run .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*
