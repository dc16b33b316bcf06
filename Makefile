# Every command that a contributor needs is one word. The lock files are complete, so pip resolves nothing (--no-deps):
# an older pip would take the newest release of what a package names with an extra, and then miss its hash.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
REPORT := build/report

.PHONY: run hostile test test-frameworks soak soak-refresh soak-kill test-client test-browser lint types format bench bench-tokens clean lock help

help:
	@echo "make run     the demo: a Django application, the gateway in front of it, the admin port"
	@echo "make test    all tests, with real Redis and real frameworks; report in $(REPORT). With Node also test-client"
	@echo "make soak    half an hour of load, reloads, revocations and faults; SOAK=\"--seconds 60 --rate 300\" for another"
	@echo "make soak-refresh  a million racing refreshes over two gateways; SOAK=\"--refreshes 50000\" for fewer"
	@echo "make soak-kill     kill -9 of gateway, PostgreSQL and Redis at every step of rotate, revoke and exchange"
	@echo "make test-frameworks  the sessions of all frameworks, PHP, Rails and Spring included (needs Debian and root)"
	@echo "make hostile every generated hostile message against the gateway, and what real servers make of the rest"
	@echo "make test-client   the browser client: unit tests, size, types, exports, package (needs Node 20)"
	@echo "make test-browser  the browser client in headless Chromium against the real gateway (needs Node 20, Chromium)"
	@echo "make fuzz    coverage-guided fuzzing of what reads foreign bytes; FUZZ=\"--seconds 600 response\" for one target"
	@echo "make lint    ruff: rules and format"
	@echo "make types   mypy --strict"
	@echo "make format  write the format"
	@echo "make bench   side by side with nginx, HAProxy and Envoy (needs their packages)"
	@echo "make bench-tokens  rotations per second, cold verification, the migration beside a table in use"
	@echo "make instructions  machine instructions per request against the stored ones (needs valgrind)"
	@echo "make lock    resolve requirements again"
	@echo "make clean   remove what make made"

$(VENV)/.demo: requirements/demo.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/demo.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@ $(VENV)/.demo

run: $(VENV)/.demo
	@$(BIN)/crossfade demo

test: $(VENV)/.dev $(if $(shell command -v npm),tests/legacy/express/node_modules)
	@mkdir -p $(REPORT)
	@$(BIN)/python -m tests.report
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory test-client; \
	elif test -n "$(CI)"; then echo "CI needs Node 20"; exit 1; \
	else echo "The browser client was not tested: that needs Node 20."; fi

fuzz: $(VENV)/.dev
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/fuzz.txt
	@$(BIN)/python -m tests.fuzz $(FUZZ)

soak: $(VENV)/.dev
	@$(BIN)/python -m tests.soak.wire $(SOAK)

soak-refresh: $(VENV)/.dev
	@$(BIN)/python -m tests.soak.refresh $(SOAK)

soak-kill: $(VENV)/.dev
	@$(BIN)/python -m tests.faults.kill_nine $(SOAK)

hostile: $(VENV)/.dev
	@$(BIN)/python -m tests.hostile.campaign $(HOSTILE)

frontend/node_modules: frontend/package-lock.json
	@cd frontend && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

tests/legacy/express/node_modules: tests/legacy/express/package-lock.json
	@cd tests/legacy/express && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# What comes from Debian's packages and from Maven; an application whose framework is not installed is left out.
DEBIAN := php-cli php-laravel-framework php-mysql php-redis mariadb-server maven openjdk-17-jdk-headless puma \
	ruby-activerecord ruby-devise ruby-railties ruby-redis-actionpack ruby-sqlite3
SPRING := tests/legacy/spring

$(SPRING)/target/application.jar: $(SPRING)/pom.xml $(shell find $(SPRING)/src -name '*.java')
	@cd $(SPRING) && timeout 900 mvn --batch-mode --quiet package

test-frameworks: $(VENV)/.dev tests/legacy/express/node_modules
	@dpkg --status $(DEBIAN) >/dev/null 2>&1 || { timeout 180 apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
		timeout 900 apt-get install -y -qq --no-install-recommends $(DEBIAN) >/dev/null; } \
		|| echo "Some frameworks cannot be installed here: their tests are left out."
	@$(MAKE) --no-print-directory $(SPRING)/target/application.jar \
		|| echo "The application of Spring cannot be built here: its tests are left out."
	@$(BIN)/python -m pytest -q tests/legacy tests/stores/sessions

test-client: frontend/node_modules
	@cd frontend && npm test && npm run check && npm run test:pack

test-browser: $(VENV)/.dev frontend/node_modules
	@cd frontend && PYTHON=$(CURDIR)/$(BIN)/python npm run test:browser

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev
	@$(BIN)/mypy

format: $(VENV)/.dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.dev
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/bench.txt
	@$(BIN)/python -m bench $(BENCH)

bench-tokens: $(VENV)/.dev
	@$(BIN)/python -m bench.token_life $(BENCH)

.PHONY: instructions
instructions: $(VENV)/.dev
	@$(BIN)/python -m bench.instructions $(INSTRUCTIONS)

lock:
	@$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet uv
	@cd requirements && for name in runtime demo dev bench fuzz; do ../build/lock/bin/uv pip compile --quiet --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --python-version 3.11 \
		$$(test $$name = bench -o $$name = fuzz || echo --all-extras ../pyproject.toml) \
		$$(test -f $$name.in && echo $$name.in) --output-file $$name.txt; done

clean:
	@rm -rf $(VENV) build run .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
