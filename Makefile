# `make run` serves, `make test` checks: both from nothing but Python 3.11+ and make.
.POSIX:
.PHONY: run test check lowest lint guard conform bench lock clean

PYTHON = python3
VENV = .venv
# Keep what is compiled, whatever the environment says: to compile the tests takes as long as to collect them, and
# each worker, and each pytest that a test starts, would do it again.
export PYTHONDONTWRITEBYTECODE =
BIN = $(VENV)/bin
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate pyproject.toml
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
# uv installs in a quarter of pip's time, but does not read pip's configuration, such as that of an own index: pip does
# what uv cannot, and all of it for `make run`, which needs no uv.
INSTALL_LOCKED = install() { { [ -x $(BIN)/uv ] && $(BIN)/uv pip install --quiet --compile-bytecode \
	--python $(BIN)/python "$$@"; } || $(INSTALL) "$$@"; }; install
LINT = $(BIN)/ruff check --quiet mockserver tests && $(BIN)/ruff format --quiet --check mockserver tests \
	&& $(BIN)/mypy --no-error-summary

# A worker begins with a part of the tests in their order, so most servers of a file are started once. At the end it
# takes tests from a busy one.
WORKERS = -n 3 --dist worksteal

LOWEST = $(VENV)-lowest
HIGHEST = $(VENV)-highest
INTO_LOWEST = $(BIN)/uv pip install --quiet --python $(LOWEST)
INTO_HIGHEST = $(BIN)/uv pip install --quiet --python $(HIGHEST)
PYTEST = bin/python -m pytest --quiet
SAMPLE = tests/data/catalog tests/embedding/test_running_server.py tests/embedding/test_vendor_app.py \
	tests/vendors/test_exchanges.py
# All that uses a dependency. What only uses our own code and what starts many processes is left to `make test`.
CORE = $(SAMPLE) tests/cli --ignore tests/cli/serve/test_workers.py \
	tests/embedding/interception/test_name_lookups.py tests/data/store \
	tests/server --ignore tests/server/access --ignore tests/server/turns \
	--ignore tests/server/recording/test_call_codec.py \
	tests/contract/openapi tests/contract/test_specs.py tests/contract/test_compiled_engine.py \
	tests/console/test_console.py tests/console/test_data.py \
	tests/embedding/pytest_plugin/test_mock_intercept.py

run: $(VENV)/run
	@exec $(BIN)/mockserver $(ARGS)

# Style, types and all tests. On a clean checkout mypy takes 20 seconds, so it runs beside the tests. What it finds is
# said at the end.
test: $(VENV)/test
	@{ $(LINT); } >$(VENV)/lint 2>&1 & lint=$$!; \
	 $(BIN)/python -m pytest $(WORKERS) --quiet $(ARGS); tests=$$?; \
	 wait $$lint || { echo "found by make lint:"; cat $(VENV)/lint; exit 1; }; exit $$tests

# For the daily loop: all but the tests of whole runs and in a browser, and the vendors' tests on one kind of server.
check: $(VENV)/test lint
	@MOCKSERVER_TEST_SERVERS=compiled MOCKSERVER_EXAMPLES=20 $(BIN)/python -m pytest $(WORKERS) --quiet \
		--ignore tests/e2e --ignore tests/browser --ignore tests/test_docs.py $(ARGS)

# The core of the suite with the lowest versions that pyproject.toml allows; then a part of it beside the packages
# of an older project, and at the same time with the highest versions: each in one process, because workers would take
# as long to begin as the tests do. What the highest versions say is said at the end.
lowest: export MOCKSERVER_TEST_SERVERS = compiled,connexion
lowest: $(VENV)/test
	@$(INSTALL) uv
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(LOWEST)
	@$(INTO_LOWEST) --resolution lowest-direct --editable .
	@$(INTO_LOWEST) --group core-tests
	@MOCKSERVER_EXAMPLES=20 $(LOWEST)/$(PYTEST) $(WORKERS) $(CORE) $(ARGS)
	@$(INTO_LOWEST) --editable . --requirement tests/older_project.txt
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(HIGHEST)
	@$(INTO_HIGHEST) --editable . --group core-tests
	@$(HIGHEST)/$(PYTEST) $(SAMPLE) >$(HIGHEST)/said 2>&1 & highest=$$!; \
	 $(LOWEST)/$(PYTEST) $(SAMPLE); older=$$?; \
	 wait $$highest; highest=$$?; cat $(HIGHEST)/said; [ $$older = 0 ] && exit $$highest

# The bytecodes of a call, and its CPU time against bare ASGI.
guard: $(VENV)/test
	@$(BIN)/python -m tests.bench.guard

# Other people's tools on the specs and on a server, Schemathesis with ten times as many examples as in `make
# test`, ten times as many generated requests to compare the engines, each page of the console in all of its
# states, and the vendors' tests by every HTTP library that `intercept` answers. npm installs the tools of Node;
# root installs npm, if it can. What is skipped is said.
conform: $(VENV)/test
	@command -v npm >/dev/null || { [ "$$(id -u)" = 0 ] && echo "installing npm ..." \
	&& apt-get -qq update && apt-get -qq install -y npm >/dev/null; } || echo "without npm, its tools are skipped"
	@$(BIN)/python -m tests.tools
	@MOCKSERVER_EXAMPLES=200 $(BIN)/python -m pytest $(WORKERS) --quiet tests/e2e/test_conformance.py tests/e2e/test_schemathesis_hooks.py $(ARGS)
	@MOCKSERVER_EXAMPLES=600 $(BIN)/python -m pytest $(WORKERS) --quiet tests/contract/test_engines.py $(ARGS)
	@MOCKSERVER_PAGES=all $(BIN)/python -m pytest $(WORKERS) --quiet tests/browser/test_every_page.py $(ARGS)
	@MOCKSERVER_TEST_SERVERS=intercept-requests,intercept-httpx,intercept-httpx2,intercept-urllib3,intercept-aiohttp \
		$(BIN)/python -m pytest $(WORKERS) --quiet tests/vendors $(ARGS)
	@MOCKSERVER_TEST_SERVERS="log,no fast path" \
		$(BIN)/python -m pytest $(WORKERS) --quiet tests/vendors $(ARGS)
	@MOCKSERVER_TEST_SERVERS=log $(BIN)/python -m pytest $(WORKERS) --quiet tests/console $(ARGS)

bench: $(VENV)/test
	@$(BIN)/python -m tests.bench $(ARGS)

lint: $(VENV)/test
	@$(LINT)

# What is not installed is compiled here, as pip compiles all else, and the specs are kept as JSON: the first start is
# as fast as the next.
$(VENV)/run: $(VENV)/made requirements.lock pyproject.toml
	@echo "installing what the server needs ..."
	@$(INSTALL_LOCKED) --require-hashes --requirement requirements.lock
	@$(INSTALL_LOCKED) --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q mockserver
	@$(BIN)/python -c "from mockserver.data import resources; resources.keep_all()"
	@touch $@

# Some tests use these programs. Root installs what is missing, if it can: all at once, or, if one of them is not to be
# had, one by one. Debian starts nginx, caddy and redis-server when it installs them, so where systemd runs, install
# them yourself.
# Where there is no headless shell of Chromium, Chromium does.
TOOLS = curl javac wrk zsh fish chromium-headless-shell nginx caddy redis-server
$(VENV)/test: $(VENV)/uv $(VENV)/run requirements-dev.lock
	@packages=; for tool in $(TOOLS); do command -v $$tool >/dev/null || case $$tool in \
	     javac) packages="$$packages default-jdk-headless";; \
	     nginx|caddy|redis-server) [ -d /run/systemd/system ] || packages="$$packages $$(echo $$tool | sed s/nginx/nginx-light/)";; \
	     *) packages="$$packages $$tool";; esac; done; \
	 install() { apt-get -qq install -y "$$@" >/dev/null; }; \
	 [ -z "$$packages" ] || [ "$$(id -u)" != 0 ] || { echo "installing$$packages ..." && apt-get -qq update \
	     && { install $$packages || for package in $$packages; do \
	          install $$package || [ $$package != chromium-headless-shell ] || install chromium; done; }; } || true; \
	 for tool in $(TOOLS); do command -v $$tool >/dev/null || command -v $${tool%-headless-shell} >/dev/null \
	     || echo "without $$tool, the tests that use it are skipped"; done
	@echo "installing what the tests need ..."
	@$(INSTALL_LOCKED) --require-hashes --requirement requirements-dev.lock
	@touch $@

$(VENV)/uv: $(VENV)/made
	@$(INSTALL) uv || true
	@touch $@

# Debian keeps venv in a package of its own: without it, root installs it, others get virtualenv.
$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo "mockserver needs Python 3.11 or newer; try: make PYTHON=python3.12 run" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 \
	|| { rm -rf $(VENV); [ "$$(id -u)" = 0 ] && echo "installing python3-venv ..." && apt-get -qq update && apt-get -qq install -y python3-venv \
	     >/dev/null && $(PYTHON) -m venv $(VENV); } \
	|| { rm -rf $(VENV); $(PYTHON) -m pip install --quiet --user virtualenv && $(PYTHON) -m virtualenv \
	     --quiet $(VENV); } \
	|| { rm -rf $(VENV); echo "cannot make a virtual environment: install python3-venv" >&2; exit 1; }
	@touch $@

lock: $(VENV)/made
	@$(INSTALL) uv
	@$(COMPILE) --group build --output-file requirements.lock
	@$(COMPILE) --group dev --constraint requirements.lock --output-file requirements-dev.lock

clean:
	rm -rf $(VENV) $(LOWEST) $(HIGHEST) .bench .conform
