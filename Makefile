# spoolmta: `make run` starts a mail system, `make test` tests it. Nothing else need be installed first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help run test check venv bench format clean

# Else each of pytest's processes reads and rewrites all tests for itself, which takes ten seconds.
unexport PYTHONDONTWRITEBYTECODE

help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

run: venv ## start spoolmta on 127.0.0.1:2525 with a spool of its own; Ctrl-C stops it
	@exec $(BIN)/spoolmta serve

test: venv ## run every test (TESTS="tests/flow -k bounce" for some)
ifdef TESTS
	@$(BIN)/pytest $(TESTS)
else
	@$(BIN)/pytest -m alone # first, since a single process leaves all tests rewritten for the others
	@$(BIN)/pytest -n 8 --dist worksteal tests/differential # Postfix's programs sleep a second before a fatal end
	@$(BIN)/pytest -n 5 --dist worksteal --ignore tests/differential -m 'not alone' # many wait for processes
endif

check: venv ## ruff, mypy --strict and the rules of the house
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/pytest tests/rules

bench: venv ## measure against Postfix on this machine (BENCH="--profile all --pairs 5")
	@$(BIN)/python -m tools.bench $(BENCH)

format: venv ## write every file in the one format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix-only .

clean: ## remove the environment
	rm -rf $(VENV)

venv: $(VENV)/installed ## make the environment alone

$(VENV)/installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; try: make PYTHON=python3.12 run"; exit 1; }
	@echo "making $(VENV) (once, about a minute) ..."
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "Python's venv module is needed (Debian: apt install python3-venv)"; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q spoolmta # every start is quick, also where Python does not write
	@touch $@
