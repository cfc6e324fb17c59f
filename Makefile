# SPDX-License-Identifier: Apache-2.0
#
# Needs Python 3.11 or later and git; makes everything else it needs in
# .venv, .venv-ironic, .venv-keystone, .venv-nova and .lab of this directory.

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help demo demo-stop test unit functional functional-nova databases database-tests crash quirks bench lint docs samples environment tools ironic keystone nova constraints clean distclean

VENV := .venv
VENV_IRONIC := .venv-ironic
VENV_KEYSTONE := .venv-keystone
# NOVA=previous: the release of Nova before the one that is tested as a rule.
VENV_NOVA := .venv-nova$(if $(NOVA),-$(NOVA))
CONSTRAINTS_NOVA := devstack/constraints-nova$(if $(NOVA),-$(NOVA)).txt
BIN := $(VENV)/bin
PROJECT := requirements.txt setup.cfg setup.py
QUIET := OS_STDOUT_CAPTURE=1 OS_STDERR_CAPTURE=1 OS_LOG_CAPTURE=1
export PYTHON

# make_venv(directory): keep it if it works, otherwise replace it.
make_venv = "$(1)/bin/python" -c 'import pip' 2>/dev/null || { \
	python=$$(./devstack/find-python) && rm -rf "$(1)" && \
	echo "making $(1) with $$python" && "$$python" -m venv "$(1)"; }

# install(directory, what it is, arguments of pip): one line and the log when it fails.
install = echo "installing $(2) into $(1) (log: $(1)/pip.log)"; \
	"$(1)/bin/python" -m pip --disable-pip-version-check install $(3) >"$(1)/pip.log" 2>&1 || \
	{ tail -n 30 "$(1)/pip.log"; echo "pip could not install $(2): see above"; exit 1; }

help:  ## show this
	@echo "Valence: composable bare metal for OpenStack"
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' Makefile | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'
	@echo "  make demo KEEP=1   leave everything running afterwards, to look at"

$(VENV)/.ready: constraints.txt $(PROJECT)
	@$(call make_venv,$(VENV))
	@$(call install,$(VENV),Valence and its libraries,-c constraints.txt -e '.[test]')
	@touch $@

$(VENV)/.ready-tools: $(VENV)/.ready lint-requirements.txt doc/requirements.txt
	@$(call install,$(VENV),the tools of lint and docs,-c constraints.txt -r lint-requirements.txt -r doc/requirements.txt)
	@touch $@

$(VENV_IRONIC)/.ready: devstack/constraints-ironic.txt
	@$(call make_venv,$(VENV_IRONIC))
	@$(call install,$(VENV_IRONIC),Ironic,-c devstack/constraints-ironic.txt ironic python-ironicclient)
	@touch $@

$(VENV_KEYSTONE)/.ready: devstack/constraints-keystone.txt
	@$(call make_venv,$(VENV_KEYSTONE))
	@$(call install,$(VENV_KEYSTONE),Keystone,-c devstack/constraints-keystone.txt keystone gunicorn)
	@touch $@

environment: $(VENV)/.ready  ## make the environment of Valence itself

tools: $(VENV)/.ready-tools  ## add the tools of lint and docs to it

# An Ironic or a Keystone that the caller names is used as it is.
ironic: $(if $(VALENCE_IRONIC_ENV),,$(VENV_IRONIC)/.ready)  ## make the environment of the real Ironic

keystone: $(if $(VALENCE_KEYSTONE_ENV),,$(VENV_KEYSTONE)/.ready)  ## make the environment of the real Keystone

# The driver is put where Nova looks for it, as an operator would.
$(VENV_NOVA)/.ready: $(CONSTRAINTS_NOVA) devstack/requirements-nova.txt $(PROJECT)
	@$(call make_venv,$(VENV_NOVA))
	@$(call install,$(VENV_NOVA),Nova and Valence,-c $(CONSTRAINTS_NOVA) -e '.[test]' -r devstack/requirements-nova.txt)
	@$(VENV_NOVA)/bin/valence-nova-shim install
	@touch $@

nova: $(VENV_NOVA)/.ready  ## make the environment of a real Nova with the driver in it

demo: $(VENV)/.ready ironic  ## run the main job on real parts: compose, enrol, deploy, release
	@$(BIN)/python -W ignore -m devstack.demo $(if $(KEEP),--keep)

demo-stop: $(VENV)/.ready  ## stop what `make demo KEEP=1` left running
	@$(BIN)/python -W ignore -m devstack.demo --stop

test: $(VENV)/.ready ironic keystone  ## run every test: unit and functional
	@rm -rf .lab/results
	@status=0; $(MAKE) unit || status=1; $(MAKE) functional || status=1; \
	$(BIN)/python -m devstack.tally .lab/results/unit .lab/results/functional || status=1; exit $$status

# Where tests keep their rows: SQLite files, or a database server that they start.
export VALENCE_DATABASE := $(or $(DATABASE),sqlite)
# SUITE: the name under which the results of a run are kept, apart from those of others.
SUITE = $(1)$(if $(DATABASE),-$(DATABASE))$(if $(filter-out .venv,$(VENV)),-$(patsubst .venv-%,%,$(VENV)))
RESULTS = .lab/results/$(SUITE)
# Test workers: two, unless the caller has other work for the second core.
WORKERS := 2

# run_tests(kind, arguments of stestr run): leaves the results for the tally.
# What a test writes and logs is shown when it fails, and only then. Each suite has a
# repository of its own, so that several can run side by side.
# stestr runs its workers with PYTHON, which to it is a piece of shell. It does not notice the
# death of one: the tests that have results are compared with those that it lists.
run_tests = status=0; mkdir -p .lab/results .lab/stestr/$(SUITE); rm -f $(RESULTS); \
	PYTHON=$(BIN)/python $(QUIET) $(BIN)/stestr --repo-url .lab/stestr/$(SUITE) --test-path ./tests/$(1) \
		run --concurrency $(2) || status=$$?; \
	$(BIN)/stestr --repo-url .lab/stestr/$(SUITE) last --subunit >$(RESULTS) || status=1; \
	PYTHON=$(BIN)/python $(BIN)/stestr --repo-url .lab/stestr/$(SUITE) --test-path ./tests/$(1) \
		list $(if $(TESTS),'$(TESTS)') 2>/dev/null | grep '^tests\.' >.lab/stestr/$(SUITE)/listed; \
	$(BIN)/python -m devstack.tally --listed .lab/stestr/$(SUITE)/listed $(RESULTS) || status=1; exit $$status

# unit and functional take DATABASE=postgresql or mariadb.
# VENV=.venv-3.13 PYTHON=python3.13 runs them on another Python than the default.
unit: $(VENV)/.ready  ## run the unit tests
	@echo "unit tests"
	@$(call run_tests,unit,$(WORKERS) $(if $(TESTS),'$(TESTS)'))

functional: $(VENV)/.ready ironic  ## run the functional tests: real Ironic, simulated pod managers
	@echo "functional tests"
	@$(call run_tests,functional,$(WORKERS) $(if $(TESTS),'$(TESTS)'))

# The tests that touch the database, and little else: every query of the API and of the
# flows, recovery, the conductor's journal, every operation of the API, and the main job
# through real processes. Tests of pod managers, of Ironic or of the client do not depend on
# the kind of database.
ON_DATABASES_UNIT := service\.test_(api_|audit|authentication|node_|recovery|schema)|conductor\.test_(conductor|runner|saved_flow)
ON_DATABASES_FUNCTIONAL := test_contract|test_main_job|test_operators|conductor\.test_killed

database-tests: $(VENV)/.ready ironic
	@status=0; $(MAKE) unit TESTS='$(ON_DATABASES_UNIT)' || status=1; \
	$(MAKE) functional TESTS='$(ON_DATABASES_FUNCTIONAL)' || status=1; exit $$status

# Both servers side by side, one core each.
databases: $(VENV)/.ready ironic  ## run what touches the database on PostgreSQL and on MariaDB
	@mkdir -p .lab; \
	$(MAKE) database-tests DATABASE=mariadb WORKERS=1 >.lab/mariadb.log 2>&1 & mariadb=$$!; \
	status=0; $(MAKE) database-tests DATABASE=postgresql WORKERS=1 || status=1; \
	wait $$mariadb || status=1; cat .lab/mariadb.log; exit $$status

# NOVA=previous takes the release before, and eventlet as nova-compute of that release does;
# EVENTLET=1 takes eventlet anyway.
functional-nova: BIN := $(VENV_NOVA)/bin
functional-nova: nova ironic  ## run the tests of the driver on a real Nova
	@echo "tests on Nova"
	@export OS_NOVA_DISABLE_EVENTLET_PATCHING=$(if $(NOVA)$(EVENTLET),0,1); \
	$(call run_tests,nova,1 $(if $(TESTS),'$(TESTS)'))

# crash: SAMPLE=K kills at K points instead of at all, SEEDS=n runs n random schedules: those
# of today, or of the day OF=YYYYMMDD. Consecutive days rotate through all points.
crash: $(VENV)/.ready  ## kill conductors at every request, and check what is left
	@$(BIN)/python -W ignore -m tests.crash $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEEDS),--seeds $(SEEDS)) \
		$(if $(OF),--of $(OF)) $(CRASH)

# quirks: QUIRK=name plays under one of them, SEEDS=n runs n random combinations (those of today,
# or of the day OF=YYYYMMDD), SEED=n repeats one.
quirks: $(VENV)/.ready  ## play the main job on pod managers with quirks, and check what is left
	@$(BIN)/python -W ignore -m tests.quirks $(if $(QUIRK),--quirk $(QUIRK)) \
		$(if $(SEEDS),--seeds $(SEEDS)) $(if $(SEED),--seed $(SEED)) $(if $(OF),--of $(OF)) $(QUIRKS)

# bench: BENCH=... and BENCH_SERVICE=... are options of the one and of the other.
bench: $(VENV)/.ready ironic  ## measure, in ratios: how much of the time is ours
	@status=0; $(BIN)/python -W ignore -m benchmarks.provision $(BENCH) || status=$$?; \
	$(BIN)/python -W ignore -m benchmarks.service $(BENCH_SERVICE) || status=$$?; exit $$status

lint: $(VENV)/.ready-tools  ## check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/flake8
	$(BIN)/mypy
	$(BIN)/mypy -p devstack -p benchmarks -p tests

docs: $(VENV)/.ready-tools  ## build the documentation and the release notes
	$(BIN)/sphinx-build -q -W -b html doc/source doc/build/html
	$(BIN)/sphinx-build -q -W -b html releasenotes/source releasenotes/build/html
	@echo "doc/build/html/index.html"

samples: $(VENV)/.ready  ## renew the sample files below etc
	@for file in etc/oslo-config-generator/*.conf; do \
		$(BIN)/oslo-config-generator --config-file "$$file" || exit 1; done
	@for file in etc/oslo-policy-generator/*.conf; do \
		$(BIN)/oslopolicy-sample-generator --config-file "$$file" || exit 1; done

# Taken from clean environments, so that a constraint is there for a reason.
constraints:  ## renew the constraints files with what PyPI offers today
	./devstack/renew-constraints

clean:  ## stop a kept demonstration; remove what tests and the demonstration left
	@if [ -x $(BIN)/python ]; then $(BIN)/python -W ignore -m devstack.demo --stop --quiet || true; fi
	rm -rf .lab .stestr .mypy_cache .ruff_cache build dist doc/build releasenotes/build *.egg-info
	find . -path './.venv*' -prune -o -name __pycache__ -type d -exec rm -rf {} +

distclean: clean  ## remove the virtual environments too
	rm -rf $(VENV) $(VENV_IRONIC) $(VENV_KEYSTONE) .venv-*
