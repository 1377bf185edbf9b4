# `make` alone lists the targets. Each target sets up what it needs.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := bash

PYTHON ?= python3
BIN := .venv/bin

export PIP_DISABLE_PIP_VERSION_CHECK := 1

ifeq ($(origin TOKEN),command line)
$(error Other users of this machine can read a command line: export TOKEN instead)
endif

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- set-up -------------------------------------------------------------------------------------
# .venv/ready: what `make run` needs. .venv/ready-to-test: what tests and checks need, too. Both are
# removed while pip works, so that after an interruption the next run starts with an empty .venv.

.venv/ready: requirements-local.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo \
		"Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo not there)." \
		"Name another one: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 1; }
	@if [ ! -e $@ ]; then \
		echo "Set-up 1/2: a virtual environment in .venv, with $$($(PYTHON) --version)"; \
		{ told=$$($(PYTHON) -m venv --clear .venv 2>&1) || { echo "$$told" >&2; exit 1; }; } && \
		{ $(BIN)/python -m pip uninstall --quiet --yes setuptools 2>/dev/null || true; }; fi
	@echo "Set-up 2/2: $$(grep -c == $<) packages, 150 MB on disk; half a minute if pip has them in its cache"
	@$(call install,$<)
	@touch $@

.venv/ready-to-test: .venv/ready requirements-test.txt
	@echo "Set-up for tests: $$(grep -c == requirements-test.txt) packages, 800 MB on disk; some minutes"
	@$(call install,requirements-test.txt)
	@touch .venv/ready $@

# What venv says is kept until it fails: Ctrl-C would show a traceback.
# Python 3.11 puts setuptools into a new .venv, 10 MB that nothing needs.
# The lock is complete, so pip need not resolve it (--no-deps). Python compiles what it imports when
# it first does; compiling everything here takes longer and half as much space again.
install = rm -f .venv/ready .venv/ready-to-test && \
	$(BIN)/python -m pip install --quiet --no-compile --no-deps --require-hashes -r $(1)

node_modules/ready: package.json package-lock.json
	@node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null || { echo \
		"Node 20 or newer is needed for the tests; node is $$(node --version 2>/dev/null || echo not there)." >&2; \
		exit 1; }
	@echo "Set-up for tests: JavaScript packages, 250 MB on disk; a minute"
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: setup
setup: .venv/ready-to-test node_modules/ready ## Set up all that the other targets need

.PHONY: lock
lock: .venv/ready-to-test ## Resolve requirements*.in into requirements*.txt, with hashes
	for lock in requirements requirements-local requirements-test requirements-bench requirements-docs; do \
		$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
			--custom-compile-command "make lock" $$lock.in -o $$lock.txt || exit; done

# --- run ----------------------------------------------------------------------------------------

.PHONY: run
run: .venv/ready ## Run the service over a local Cognito, with a demo user's devices
	@$(BIN)/python -m local_cognito.demo

.PHONY: cognito
cognito: .venv/ready ## Run the local Cognito alone
	@$(BIN)/python -m local_cognito

.PHONY: doctor
doctor: .venv/ready ## Try the settings in the environment: Cognito, its keys, Redis, a TOKEN
	@$(BIN)/python -m app.doctor

# --- check --------------------------------------------------------------------------------------

.PHONY: test
test: ## Check style and types, lint the contract, run every test
	@$(MAKE) --no-print-directory --jobs=2 check system docs
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not release"

.PHONY: test-all
test-all: test ## make test, then what takes long: Firefox, WebKit, npm packages, generated clients, long fuzzing
	tests/system-packages.sh release
	$(BIN)/pytest -n 3 --dist loadfile -m release

.PHONY: check
check: .venv/ready-to-test node_modules/ready ## Check style, types, the contract, Dockerfiles: what needs no server
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --diff .
	$(BIN)/mypy
	$(BIN)/python -m pip check --quiet
	$(BIN)/hadolint Dockerfile deploy/local-cognito/Dockerfile
	$(BIN)/yamllint --strict --config-file deploy/yamllint.yaml compose.yaml deploy .github .pre-commit-config.yaml
	$(BIN)/actionlint .github/workflows/*.yaml
	$(BIN)/gixy deploy/nginx/nginx.conf
	$(BIN)/cfn-lint --include-checks I --template deploy/aws/*.yaml
	REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true node_modules/.bin/redocly lint --config openapi/redocly.yaml
	node_modules/.bin/spectral lint --ruleset openapi/spectral.yaml --fail-severity=hint openapi/openapi.json
	$(BIN)/openapi-spec-validator openapi/openapi.json openapi/openapi-3.0.json
	$(BIN)/python -m openapi.breaking

.PHONY: system
system: # programs that the tests use and that no package of ours brings: a browser, Redis, Prometheus
	@tests/system-packages.sh

.PHONY: format
format: .venv/ready-to-test ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: coverage
coverage: .venv/ready-to-test node_modules/ready system ## Measure lines and branches of app/ that tests run, gunicorn's workers included
	$(BIN)/pytest tests/unit tests/api tests/e2e --cov --cov-report=term:skip-covered

MUTANTS ?= *
.PHONY: mutants
mutants: .venv/ready-to-test ## Change the code in thousands of small ways: does a test notice? MUTANTS='*_7' tries a few
	$(BIN)/mutmut run '$(MUTANTS)'
	$(BIN)/mutmut results

.PHONY: fuzz
fuzz: .venv/ready-to-test ## Try the service with thousands of requests, right and wrong
	FUZZ_EXAMPLES=1000 $(BIN)/pytest tests/contract/test_schemathesis.py -s --timeout=0

.PHONY: audit
audit: .venv/ready-to-test ## Look for known vulnerabilities in the service's packages
	@if $(BIN)/pip-audit --strict --require-hashes --disable-pip --progress-spinner=off \
		--requirement requirements.txt; then exit; fi; \
	if $(BIN)/pip-audit --require-hashes --disable-pip --progress-spinner=off --format=json \
		--requirement requirements.txt 2>&1 | grep -q '"vulns": \[{'; \
	then echo "AUDIT: vulnerable; see above." >&2; exit 1; fi; \
	echo "AUDIT: NOT DONE. The database of vulnerabilities could not be asked about every package" \
		"(no network, or an index that does not have it), so nothing is known." >&2; exit 3

.PHONY: sbom
sbom: .venv/ready-to-test ## Write build/sbom.json: the service's packages, in CycloneDX
	@mkdir -p build
	$(BIN)/python -W ignore::UserWarning -m cyclonedx_py requirements --pyproject pyproject.toml \
		--output-reproducible --output-format JSON --output-file build/sbom.json requirements.txt

# --- contract -----------------------------------------------------------------------------------

.PHONY: openapi
openapi: .venv/ready-to-test ## Write the files of openapi/ from the code, and what docs/ quotes
	$(BIN)/python -m openapi
	$(BIN)/python -m docs.quotes

.PHONY: clients
clients: .venv/ready-to-test node_modules/ready ## Generate clients of the API into build/clients
	$(BIN)/python -m openapi.clients

# --- page and documents ---------------------------------------------------------------------------

.PHONY: web
web: elements ## Build the page "Your devices" into examples/web/dist
	@cd examples/web && ../../node_modules/.bin/tsc --noEmit && ../../node_modules/.bin/vite build --logLevel warn

.PHONY: elements
elements: node_modules/ready ## Build <your-devices> where the service serves it
	@cd packages/elements && ../../node_modules/.bin/tsc --noEmit && ../../node_modules/.bin/vite build --logLevel warn

build/docs-venv/ready: requirements-docs.txt
	@echo "Set-up of the documents: $$(grep -c == $<) packages, 170 MB on disk; a minute"
	@$(PYTHON) -m venv --clear build/docs-venv
	@build/docs-venv/bin/python -m pip install --quiet --no-deps --require-hashes -r $<
	@touch $@

.PHONY: docs
docs: build/docs-venv/ready ## Build docs/ into build/docs; warnings and broken links fail
	@PYTHONPATH=docs NO_MKDOCS_2_WARNING=true build/docs-venv/bin/mkdocs build --strict --quiet
	@echo "The documents are in build/docs/index.html"

# --- load ---------------------------------------------------------------------------------------

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
	rm -rf .venv .venv-bench node_modules benchmarks/node_modules build .run .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage* mutants
