# flushcheck: start it, test it, lock its dependencies. `make help` lists what there is.

PYTHON ?= python3# makes the virtual environment; any 3.11 or newer
PORT   ?= 8000#    where `make run` listens
ARGS   ?=#         handed to pytest: make test ARGS="tests/diagnosis -x"
ONLY   ?=#         package whose mutants to run: make mutants ONLY=diagnosis
VERSION ?=#        of the release: make release VERSION=0.2.0
SOAK   ?=#         handed to the soak: make soak SOAK="--minutes 1"
# Test files run side by side: they wait for streams most of the time, more than two at once would
# keep two cores so busy that clocks go wrong.
JOBS   ?= 2

VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := $(VENV)/.stamps
PIP    := $(BIN)/python -m pip -qq --disable-pip-version-check

# The page's JavaScript: what checks it, and where it is.
PAGE_JS := $(VENV)/page-js
JS_BIN  := $(PAGE_JS)/node_modules/.bin
JS      := flushcheck/service/page flushcheck/origins/files tests/page/unit tests/page/extension tests/lab/chromium.js

# The tests that start no server and no browser; those marked `slow` or `live` are left to `make test`.
QUICK_TESTS := tests/model tests/streaming tests/measurement tests/configs tests/culprits tests/diagnosis \
               tests/checking tests/reports tests/watching tests/page/unit tests/docs tests/test_imports.py tests/test_readme.py \
               tests/exporter/test_schedule.py

# Real servers and clients that the tests start: the command looked for, and Debian's package of it. nginx may be any
# build of it; where it is missing the lightest one does.
TEST_TOOLS := nginx:nginx-light curl:curl perl:perl-base chromium:chromium firefox-esr:firefox-esr openssl:openssl \
              git:git buildah:buildah mmdebstrap:mmdebstrap bwrap:bubblewrap squid:squid tinyproxy:tinyproxy \
              microsocks:microsocks zsh:zsh fish:fish man:man-db promtool:prometheus

# What stands in tests/lab/cases, likewise; a file where there is no command.
MODULES   := /usr/lib/apache2/modules
LAB_TOOLS := nginx:nginx-light apache2:apache2 haproxy:haproxy caddy:caddy lighttpd:lighttpd varnishd:varnish \
             squid:squid php-fpm8.2:php-fpm php-cgi:php-cgi php:php-cli uwsgi:uwsgi-core nghttpx:nghttp2-proxy traffic_server:trafficserver \
             tinyproxy:tinyproxy privoxy:privoxy h2o:h2o perlbal:perlbal mighty:mighttpd2 stunnel4:stunnel4 sslh:sslh \
             pen:pen socat:socat node:nodejs npm:npm openssl:openssl mmdebstrap:mmdebstrap \
             $(MODULES)/mod_fcgid.so:libapache2-mod-fcgid $(MODULES)/libphp8.2.so:libapache2-mod-php $(MODULES)/mod_security2.so:libapache2-mod-security2 \
             $(MODULES)/mod_passenger.so:libapache2-mod-passenger $(MODULES)/mod_wsgi.so:libapache2-mod-wsgi-py3 \
             /usr/lib/lighttpd/mod_deflate.so:lighttpd-mod-deflate \
             /usr/lib/uwsgi/plugins/python3_plugin.so:uwsgi-plugin-python3 \
             /usr/lib/nginx/modules/ngx_http_brotli_filter_module.so:libnginx-mod-http-brotli-filter \
             /usr/lib/nginx/modules/ngx_http_js_module.so:libnginx-mod-http-js \
             /usr/lib/nginx/modules/ngx_http_lua_module.so:libnginx-mod-http-lua \
             /usr/lib/nginx/modules/ngx_http_subs_filter_module.so:libnginx-mod-http-subs-filter \
             /usr/lib/nginx/modules/ngx_http_xslt_filter_module.so:libnginx-mod-http-xslt-filter \
             systemd-analyze:systemd systemd-nspawn:systemd-container chromium:chromium

.PHONY: help install run test quick lab mutants soak audit bench docs lint format lock release clean tools lab-tools
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1@\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F@ '{printf "%-14s %s\n", $$1, $$2}'

run: $(STAMPS)/run ## start the service on port 8000 (PORT=8080 make run: on another)
	@$(BIN)/python -c 'import socket; socket.create_server(("", $(PORT))).close()' 2>/dev/null || { \
	    echo "port $(PORT) cannot be listened on: it is taken, or not allowed. Another one: PORT=8080 make run"; exit 1; }
	@PORT=$(PORT) exec $(BIN)/python -m gunicorn -c deploy/gunicorn.conf.py wsgi:app

install: $(STAMPS)/run ## the virtual environment that `make run` and deploy/vps/flushcheck.service start from

test: $(STAMPS)/test tools lab-tools $(STAMPS)/lab $(STAMPS)/squid-openssl $(STAMPS)/page-js ## install what the tests need, then lint, types and all tests
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

quick: $(STAMPS)/test $(STAMPS)/page-js ## lint, types and the tests without servers and browsers: under a minute
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest -q -n $(JOBS) -m "not slow and not live" $(QUICK_TESTS) $(ARGS)

lab: lab-tools $(STAMPS)/lab $(STAMPS)/lab-versions ## real servers, good and guilty, and what flushcheck says of each (CASE=name: one to look at; LAB=--tls: those over TLS)
	@$(BIN)/python -m tests.lab $(CASE) $(if $(CASE),--stay) $(if $(MEASURE),--measure) $(LAB)

# In a virtual environment of its own: the tester brings setproctitle, with which gunicorn hides its command line from
# `flushcheck check --running gunicorn`. The tester copies the package and the tests to mutants/ and remembers there what it has tried.
mutants: $(STAMPS)/mutants ## change the rules one by one: does a quick test fail each time (ONLY=measurement: one package)
	@JOBS=$(JOBS) $(VENV)/mutants/bin/python -m tests.mutants $(ONLY)

soak: $(STAMPS)/test ## 1,000 streams that come and go for 10 minutes: does memory stay flat (SOAK="--minutes 1 --streams 200": less)
	@$(BIN)/python -m tests.soak $(SOAK)

# pip-audit in a venv of its own, thrown away. Without --strict it passes over what its database does not know, and
# where that cannot be reached it knows nothing.
audit: $(STAMPS)/venv ## look the locked packages up among known vulnerabilities (needs pypi.org or a full mirror of it)
	@set -eu; tools=$$(mktemp -d); trap 'rm -rf "$$tools"' EXIT; \
	$(BIN)/python -m venv "$$tools"; \
	"$$tools/bin/python" -m pip -qq --disable-pip-version-check install 'pip-audit>=2.10'; \
	"$$tools/bin/pip-audit" --strict --require-hashes --disable-pip --progress-spinner off --requirement requirements.lock && \
	    echo "requirements.lock: no known vulnerability" || { \
	    echo "Unless vulnerabilities are listed above, the database was not reached: then nothing is known, good or bad."; exit 1; }

bench: $(STAMPS)/bench ## the service's speed beside FastAPI, plain Flask and Node (ROW=chunked: one row; QUICK=1: a glance)
	@$(BIN)/python -m bench $(ROW) $(if $(QUICK),--quick)

docs: $(STAMPS)/docs ## the documentation as a site with search, in build/docs
	@$(BIN)/python -m sphinx -q -W --keep-going -b html -d build/doctrees -c docs/site . build/docs
	@echo "build/docs/index.html"

lint: $(STAMPS)/test $(STAMPS)/page-js ## lint, format and types: ruff and mypy, Biome and tsc
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "make format puts that right"; exit 1; }
	@$(BIN)/mypy
	@[ ! -x $(JS_BIN)/biome ] || { \
	    $(JS_BIN)/biome ci --config-path=tests/page/js --error-on-warnings --reporter=summary $(JS) && \
	    $(JS_BIN)/tsc --project tests/page/js; }

format: $(STAMPS)/test $(STAMPS)/page-js ## format the code, and repair what ruff and Biome can
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format .
	@[ ! -x $(JS_BIN)/biome ] || $(JS_BIN)/biome check --config-path=tests/page/js --write $(JS)

# A venv of its own for pip-tools, thrown away: it pins nothing that we use. The greps keep the promise that the lock
# holds names, versions and hashes, and no address of any index.
lock: $(STAMPS)/venv ## write requirements.lock and deploy/docker/build.lock anew (UPGRADE=1: take the newest of everything)
	@set -eu; tools=$$(mktemp -d); trap 'rm -rf "$$tools"' EXIT; \
	$(BIN)/python -m venv "$$tools"; \
	"$$tools/bin/python" -m pip -qq --disable-pip-version-check install 'pip-tools>=7.5'; \
	for lock in 'requirements.lock --extra serve' 'deploy/docker/build.lock --build-deps-for wheel --only-build-deps'; do \
	    "$$tools/bin/pip-compile" --quiet $(if $(UPGRADE),--upgrade) --generate-hashes --strip-extras --allow-unsafe \
	        --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	        --output-file $$lock pyproject.toml; \
	    lock=$${lock%% *}; sed -i '/^#/d; /^$$/d' "$$lock"; \
	    if grep -nE '://|^ *-' "$$lock" | grep -vE '^[0-9]+: +--hash=sha256:[0-9a-f]{64}( \\)?$$'; then \
	        echo "$$lock: only names, versions and hashes belong there"; exit 1; fi; \
	    echo "$$lock: $$(grep -c == "$$lock") packages"; done

release: $(STAMPS)/release ## version, changelog, wheel, sdist, zipapp, SBOM, checksums, tag; the upload is only printed (VERSION=0.2.0)
	@$(VENV)/release/bin/python -m release "$(VERSION)"

clean: ## remove the virtual environment and everything that can be made again
	@rm -rf $(VENV) mutants build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: each says "done with this very input", so that a second make is at once at work.

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "flushcheck needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	         "Another one: make $(or $(MAKECMDGOALS),run) PYTHON=python3.12"; exit 1; }
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { \
	    echo "$(PYTHON) has no working venv; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@mkdir -p $(STAMPS) && touch $@

# The locked dependencies with their hashes, then the checkout itself: .venv/bin/flushcheck runs this very code.
$(STAMPS)/run: $(STAMPS)/venv requirements.lock pyproject.toml
	@echo "installing flushcheck into $(VENV) (once)"
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --editable .
	@touch $@

$(STAMPS)/test: $(STAMPS)/run
	@echo "installing what the tests need into $(VENV) (once)"
	@$(PIP) install --editable '.[serve,test,docs]'
	@touch $@

$(STAMPS)/docs: $(STAMPS)/run
	@echo "installing what builds the documentation into $(VENV) (once)"
	@$(PIP) install --editable '.[serve,docs]'
	@touch $@

# In a virtual environment of its own: what builds a release is no part of it.
$(STAMPS)/release: $(STAMPS)/venv pyproject.toml
	@echo "installing what makes a release into $(VENV)/release (once)"
	@$(BIN)/python -m venv $(VENV)/release
	@$(VENV)/release/bin/python -m pip -qq --disable-pip-version-check install '.[release]'
	@$(VENV)/release/bin/python -m pip -qq --disable-pip-version-check uninstall --yes flushcheck
	@touch $@

$(STAMPS)/mutants: $(STAMPS)/test
	@echo "installing the mutation tester into $(VENV)/mutants (once)"
	@$(BIN)/python -m venv $(VENV)/mutants
	@$(VENV)/mutants/bin/python -m pip -qq --disable-pip-version-check install --editable '.[serve,test,mutants]'
	@touch $@

# The lab's own: middleware from PyPI, and proxies in Node.
$(STAMPS)/lab: $(STAMPS)/test tests/lab/requirements.txt tests/lab/package.json tests/lab/package-lock.json
	@echo "installing what the lab needs into $(VENV) (once)"
	@$(PIP) install --requirement tests/lab/requirements.txt
	@mkdir -p $(VENV)/lab && cp tests/lab/package.json tests/lab/package-lock.json $(VENV)/lab
	@if command -v npm >/dev/null 2>&1; then (cd $(VENV)/lab && npm ci --silent --no-audit --no-fund); \
	else echo "npm is not installed: the cases in Node will be missing"; fi
	@touch $@

# Squid with OpenSSL, which can intercept TLS. Debian's package of it takes the place of the other Squid, so it is
# unpacked beside that one, whose libraries and files it uses. What cannot be had is tried again next time.
$(STAMPS)/squid-openssl: $(STAMPS)/venv | tools
	@folder=$(VENV)/lab/squid-openssl; mkdir -p $$folder; \
	(cd $$folder && apt-get -qq download squid-openssl && dpkg-deb -x squid-openssl_*.deb . && rm squid-openssl_*.deb) \
	    >/dev/null 2>&1 && touch $@ || echo "squid-openssl is not to be had: the tests of interception will fail"

# Other versions of nginx, HAProxy and Caddy, with Traefik and Envoy: 510 MB and about a minute. Only `make lab` wants
# them; the cases inside `make test` are content with what is installed. What cannot be had is tried again next time.
$(STAMPS)/lab-versions: $(STAMPS)/lab tests/lab/versions.py
	@echo "fetching other versions of the lab's servers into $(VENV)/lab (once)"
	@$(BIN)/python -m tests.lab.versions && touch $@ || true

# The checkers of the page's JavaScript. Written anew with `npm install --package-lock-only --omit-lockfile-registry-resolved`
# in tests/page/js, so that the lock holds names, versions and hashes, and no address of any registry.
$(STAMPS)/page-js: $(STAMPS)/venv tests/page/js/package.json tests/page/js/package-lock.json
	@mkdir -p $(PAGE_JS) && cp tests/page/js/package.json tests/page/js/package-lock.json $(PAGE_JS)
	@if command -v npm >/dev/null 2>&1; then \
	    echo "installing what checks the page's JavaScript into $(VENV) (once)"; \
	    (cd $(PAGE_JS) && npm ci --silent --no-audit --no-fund) && touch $@; \
	elif [ -z "$$CI" ]; then echo "npm is not installed: the page's JavaScript is not checked"; \
	else echo "npm is not installed: expected it where CI is set, to check the page's JavaScript"; exit 1; fi

# What the service is measured against has a virtual environment of its own: see bench/requirements.txt.
$(STAMPS)/bench: $(STAMPS)/test bench/requirements.txt
	@echo "installing what the benchmark compares with into $(VENV)/bench (once)"
	@$(BIN)/python -m venv $(VENV)/bench
	@$(VENV)/bench/bin/python -m pip -qq --disable-pip-version-check install --requirement bench/requirements.txt
	@touch $@

# apt-get is asked only for what is missing, and only where it can be had without a question. A machine where it cannot
# goes on: the live tests skip and say so, or fail when CI is set. A package must not start its daemon on this machine's
# ports, so there is a policy against it for as long as apt-get runs, where there is none already.
tools: WANTED = $(TEST_TOOLS)
lab-tools: WANTED = $(LAB_TOOLS)
tools lab-tools:
	@missing=; for tool in $(WANTED); do \
	    PATH="$$PATH:/usr/sbin:/sbin" command -v "$${tool%%:*}" >/dev/null 2>&1 || [ -e "$${tool%%:*}" ] || \
	        missing="$$missing $${tool#*:}"; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" = 0 ]; then sudo=; else sudo="sudo -n"; fi; \
	if ! command -v apt-get >/dev/null 2>&1 || ! $$sudo true 2>/dev/null; then \
	    echo "not installed, and not to be had without a password:$$missing"; exit 0; fi; \
	echo "installing from Debian's packages:$$missing"; \
	policy=/usr/sbin/policy-rc.d; \
	if [ ! -e $$policy ]; then \
	    trap "$$sudo rm -f $$policy" EXIT; \
	    printf '#!/bin/sh\nexit 101\n' | $$sudo tee $$policy >/dev/null && $$sudo chmod 755 $$policy; fi; \
	$$sudo apt-get -qq update && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends $$missing >/dev/null
