# make demo    set up, then the main job on a phantom: prints an address and a QR code, serves until interrupted
# make setup   the set-up alone: .venv/bin/sightline is the command afterwards
# make peers   what `sightline bench stream` is measured beside
# make test    the same set-up, then every check

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
NODE := PYTHON=$(abspath $(VENV))/bin/python CONSTRAINTS=$(abspath constraints.txt) .ci/with-node
CLIENT := assets/client
READERS := tests/mesh/js
SOURCES := $(shell find $(CLIENT)/src $(CLIENT)/public -type f 2>/dev/null) $(wildcard $(CLIENT)/*.json $(CLIENT)/*.mjs)

.PHONY: demo setup peers ready test test-slow coverage check-python check-client check-tests runtime clean

demo: setup
	$(BIN)/sightline demo

setup: $(VENV)/installed

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Sightline needs Python 3.11 or newer; set PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# The client comes first: the package holds the built page.
$(VENV)/installed: pyproject.toml constraints.txt $(CLIENT)/dist/index.html | $(VENV)/bin/python
	@.ci/system-packages
	$(PIP) "$$(grep '^torch==' constraints.txt)"
	$(PIP) --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@.ci/system-packages browser redis postgresql openigtlink dicom
	$(PIP) --editable '.[guidance,camera,xr,models,ray,redis,postgresql,parquet,lti,bench,dev]'
	@touch $@

# Node 20 or newer builds the client: the machine's own, else the one packaged for pip.
$(CLIENT)/dist/index.html: $(SOURCES) | $(VENV)/bin/python
	@$(NODE) sh -c 'cd $(CLIENT) && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build'
	@touch $@

# viser needs older libraries than ours: it and they stand apart, for `sightline bench stream` alone.
peers: $(VENV)/peers/installed

$(VENV)/peers/installed: .ci/peers.txt .ci/ralph.txt | $(VENV)/installed
	$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --target $(VENV)/peers/viser --requirement .ci/peers.txt
	$(PYTHON) -m venv $(VENV)/peers/ralph
	$(VENV)/peers/ralph/bin/python -m pip --disable-pip-version-check install --quiet --requirement .ci/ralph.txt
	@touch $@

# The reference codec, the Khronos validator and three.js read what the engine writes.
$(READERS)/node_modules: $(READERS)/package-lock.json | $(CLIENT)/dist/index.html
	@$(NODE) sh -c 'cd $(READERS) && npm ci --no-audit --no-fund --loglevel=error'
	@touch $@

# What waits for the network, what compiles on all cores and what checks on one go side by side; tests then have the machine.
test:
	@$(MAKE) --no-print-directory -j3 --output-sync=target ready check-python check-client
	@$(MAKE) --no-print-directory check-tests

ready: $(VENV)/installed-dev $(VENV)/peers/installed $(READERS)/node_modules runtime

check-python: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-client: $(CLIENT)/dist/index.html
	@$(NODE) sh -c 'cd $(CLIENT) && npm test --silent'

# A headset that needs no headset; where it cannot be had, the tests that want it skip and say why.
runtime:
	@.ci/monado

check-tests:
	@$(NODE) $(BIN)/pytest -n 2 --dist loadfile -m "not slow" --ignore tests/e2e --ignore tests/xr
	@$(NODE) $(BIN)/pytest -m "not slow" tests/e2e tests/xr

# How much of the code the tests run; counting it costs them a third of their time.
coverage: setup $(VENV)/installed-dev $(VENV)/peers/installed $(READERS)/node_modules
	@$(NODE) $(BIN)/pytest -m "not slow" --cov --cov-report=
	@$(BIN)/coverage report

test-slow: setup $(VENV)/installed-dev $(READERS)/node_modules
	@$(NODE) $(BIN)/pytest -m slow

clean:
	rm -rf $(VENV) $(CLIENT)/node_modules $(CLIENT)/dist
