# Every target that is supported; `make help` prints the sentences behind the `##`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup check test demo bench docs lock clean

PYTHON := .venv/bin/python

help: ## Print this list.
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

setup: ## Install what is missing: Debian packages (as root), .venv with the locked libraries, and fly, flyctl, caddis in it.
	@bash packaging/setup.sh

check: setup ## Formatting, lint, types, import contracts, the house's rules and the tests that need no machine (under a minute).
	@$(PYTHON) tests/run.py check

test: setup ## Every rung of the tests, up to a running installation; says first what this machine lacks.
	@$(PYTHON) tests/run.py test

demo: setup ## The whole story on real disks and containers, in a temporary folder that is removed afterwards.
	@$(PYTHON) examples/demo.py

bench: setup ## Measure this machine against its own floor; prints a table and writes bench/results/.
	@$(PYTHON) bench/run.py

docs: setup ## Write docs/reference/ from the programs themselves.
	@$(PYTHON) packaging/reference.py

lock: setup ## Resolve pyproject.toml's libraries anew into requirements.lock (needs PyPI).
	@bash packaging/lock.sh

clean: ## Remove .venv, caches and results; installations (caddis down) are not touched.
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache bench/results src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
