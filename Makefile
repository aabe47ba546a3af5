# Parley. `make help` lists what there is; `make run` needs git, make and Python ≥ 3.11 with venv, nothing else.
# Everything that make installs goes into .venv and edge/web/node_modules; it needs no root and calls no apt-get.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv/bin
SOURCES := broker storage workers edge bench deploy tests
# The first Python that is new enough; `make PYTHON=… run` names another. Empty when there is none at all.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; exit; }; \
	done; command -v python3)
T ?= tests
# Test files at a time, in the order of their names: the long ones come first. Much of a test is waiting for processes,
# so there is one more than the two cores that CI has.
JOBS ?= 3
# --universal: one file for all Pythons; no index address, so that plain pip asks whatever it is set to ask.
COMPILE = uv pip compile --quiet --python-version 3.11 --universal --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make lock' $(UPGRADE)

.PHONY: help run test test-unit test-faults test-long soak simulate check lint types format lock bench bench-table bench-web screens test-browsers clean python run-environment environment webapp test-web

help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name what; do \
		printf '  make %-11s %s\n' "$$name" "$$what"; done

run: run-environment webapp ## start Parley on this machine (PORT, HOST, DATA_DIR, DATABASE_URL, …: docs/settings.md)
	@# Every process of an instance is known by its DATA_DIR, so the launcher has it in its environment too.
	@DATA_DIR="$$(realpath -ms -- "$${DATA_DIR:-.parley}")" PARLEY_DIE_WITH_PARENT=1 exec $(VENV)/python -m deploy.run

test: environment ## everything that must hold: lint, types, all tests, branch coverage
	@echo 'parley: lint and types'
	@$(MAKE) lint types
ifeq ($(T),tests)
	@$(MAKE) webapp test-web
endif
	@echo 'parley: tests'
	@$(VENV)/coverage erase
	@$(VENV)/coverage run -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder $(T) 2>&1 | tee .pytest.log
	@$(VENV)/coverage combine --quiet
	@status=0; $(VENV)/coverage report || status=$$?; tail -n 1 .pytest.log; exit $$status

test-unit: environment ## the fast tests only
	@$(VENV)/python -m pytest tests/unit tests/house

test-web: environment ## the web app's types, style and tests
	@echo 'parley: the web app'
	@$(VENV)/python -m deploy.webapp check

test-faults: test-long ## all the long fault tests, then two minutes of mixed faults; with SECONDS= and SEED= only those
	@$(VENV)/python -m tests.faults.mixed --seconds $(or $(SECONDS),120) $(if $(SEED),--seed $(SEED)) $(ARGS)

test-long: environment ## the long fault tests (LONG="tests/faults/test_storm.py …", what pytest takes, for some of them)
	@$(if $(SECONDS)$(SEED),,$(VENV)/python -m pytest -m long $(or $(LONG),tests/faults))

soak: ## an hour of mixed faults (SEED=)
	@$(MAKE) test-faults SECONDS=3600 ARGS="--rate 100 $(ARGS)"

simulate: environment ## the system in virtual time, COUNT= schedules from FIRST= on; with SEED= that one (ARGS='--bug "ids forgotten"')
	@$(VENV)/python -m tests.simulation --count $(or $(COUNT),1000) --first $(or $(FIRST),0) $(if $(SEED),--seed $(SEED)) $(ARGS)

check: lint types ## lint and types

lint: environment
	@$(VENV)/ruff check $(SOURCES)
	@$(VENV)/ruff format --check $(SOURCES)

types: environment
	@$(VENV)/mypy

format: environment ## put the code into its shape
	@$(VENV)/ruff check --fix $(SOURCES)
	@$(VENV)/ruff format $(SOURCES)

lock: environment ## resolve pyproject.toml anew into requirements/*.txt, with hashes (UPGRADE=--upgrade for newer ones)
	@[ -x .venv-lock/bin/uv ] || { $(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet uv; }
	@.venv-lock/bin/$(COMPILE) pyproject.toml --all-extras --output-file requirements/all.txt
	@.venv-lock/bin/$(COMPILE) pyproject.toml --extra chat --constraints requirements/all.txt --output-file requirements/run.txt
	@.venv-lock/bin/$(COMPILE) --group node --output-file requirements/node.txt

bench: environment ## a hundred users for a minute (Locust) on an instance of its own (ARGS="--users 500 --hosts URL")
	@$(VENV)/python -m bench.suite $(ARGS)

bench-table: environment ## measure the speed table on instances of its own (ROWS=even,crowd for some of its rows)
	@$(VENV)/python -m bench.table $(if $(ROWS),--rows $(ROWS)) $(ARGS)

bench-web: environment webapp ## measure the web app in Chromium on an instance of its own (ARGS="--quick --only scroll,flood")
	@$(VENV)/python -m deploy.webapp packages
	@CHROMIUM="$$($(VENV)/python -m deploy.chromium)" $(VENV)/python -m bench.web $(ARGS)

test-browsers: environment ## the core of the web app in Chromium, and in Firefox and WebKitGTK where the machine has them
	@$(VENV)/python -m pytest -m long tests/web/test_engines.py

screens: environment ## take the pictures in docs/screens anew
	@$(VENV)/python -m tests.screens

clean: ## remove what make made, but not .parley/, your data
	rm -rf .venv .venv.lock .venv-lock .coverage* .pytest.log htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
	rm -rf edge/web/node_modules edge/web/dist edge/web/.dist-* edge/web/coverage edge/web/.lock edge/web/.chromium .pytest-pages
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

python:
	@[ -n "$(PYTHON)" ] || { echo "parley: there is no python3. On Debian: apt-get install python3 python3-venv" >&2; exit 1; }

run-environment: python
	@$(PYTHON) deploy/prepare.py run

environment: python
	@$(PYTHON) deploy/prepare.py all

webapp: # from whichever environment there is; `make run` needs no other
	@$(VENV)/python -m deploy.webapp build
