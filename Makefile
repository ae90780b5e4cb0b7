# Two commands do all the set-up: `make demo` and `make test`. Both make .venv from requirements.lock first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test coverage docs lint lock clean

demo: $(VENV)/.done
	$(BIN)/agelens demo --out demo-run

test: $(VENV)/.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n auto --durations=20

# The same tests, and how many lines of each module they run; child processes are not counted.
coverage: $(VENV)/.done
	$(BIN)/pytest -n auto --cov --cov-report=term

# The site, into site/; warnings are errors.
docs: $(VENV)/.done
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# uv where it is present, else pip; the same lock file either way.
$(VENV)/.done: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "AgeLens needs Python 3.11, 3.12 or 3.13; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && \
		VIRTUAL_ENV=$(VENV) uv pip install --quiet --require-hashes -r requirements.lock && \
		VIRTUAL_ENV=$(VENV) uv pip install --quiet --no-build-isolation --no-deps -e .; \
	else \
		$(PYTHON) -m venv $(VENV) && \
		$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
		$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .; \
	fi
	@touch $@

# Resolves pyproject.toml for every Python and system that is supported; needs uv.
lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --extra train --extra labels --extra serve --extra ray --extra hub --extra video --extra heic --group dev \
		--generate-hashes --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) demo-run site .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
