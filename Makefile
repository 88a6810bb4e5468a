# Two commands are enough for a newcomer: `make demo` and `make test`.
# Everything happens in .venv; it is made once and renewed when pyproject.toml changes.

PYTHON ?= python3
ARGS ?=
ROW ?=
SHARE ?= 1
SEED ?=
LANES ?= 2
SECONDS ?= 600
FRAMES ?= 70000
PROBES ?= 10000
KILLS ?= 100
WORKERS ?= auto
VENV := .venv
RUN := $(VENV)/bin/python
# setuptools warns about every editable install; a newcomer can do nothing about it.
PIP := PYTHONWARNINGS=ignore $(RUN) -m pip install --quiet --disable-pip-version-check
SOURCES := motif schemas connectors streams projections

.DEFAULT_GOAL := help
.PHONY: help demo test check format bench bench-discovery bench-kafka campaign campaign-kafka campaign-devices fuzz-devices kafka kafka-stop clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 24

demo: $(VENV)/.installed ## learn from generated agent sessions and show what was learned (ARGS=--once)
	@$(VENV)/bin/motif demo $(ARGS)

test: $(VENV)/.installed-dev ## the whole test suite (ARGS for pytest, WORKERS=2 for two processes)
	@$(RUN) -m pytest -n $(WORKERS) $(ARGS)

check: $(VENV)/.installed-dev ## format, lint, types, layers, house rules: seconds
	@$(RUN) -m ruff format --check .
	@$(RUN) -m ruff check .
	@$(RUN) -m mypy
	@$(VENV)/bin/lint-imports --no-logo
	@$(RUN) -m pytest -q tests/test_house.py

format: $(VENV)/.installed-dev ## write the format and the lint fixes that are safe
	@$(RUN) -m ruff format .
	@$(RUN) -m ruff check --fix .

bench: $(VENV)/.installed-dev ## measure speed and memory, with the machine (ARGS names one benchmark)
	@$(RUN) -m tests.benchmarks $(ARGS)

bench-discovery: $(VENV)/.installed-dev ## what asking known devices less saves, counted by simulated ones, with gates
	@$(RUN) -m tests.benchmarks discovery

bench-kafka: $(VENV)/.installed-dev ## the same on a real broker: learners, whole job, stock Faust
	@$(RUN) -m tests.benchmarks kafka kafka_worker

campaign: $(VENV)/.installed-dev ## every test and law again with many more cases, and the long ones
	@MOTIF_CAMPAIGN=1 $(RUN) -m pytest -n $(WORKERS) -m "campaign or not campaign" --hypothesis-profile=campaign $(ARGS)
	@echo "The faults on a real Kafka broker are a campaign of their own: make campaign-kafka"

campaign-kafka: $(VENV)/.installed-dev ## faults on a real Kafka broker, going on where it was killed (ROW= SHARE=4 SEED= LANES=)
	@$(RUN) -m tests.campaign $(if $(ROW),--row "$(ROW)") --share $(SHARE) --lanes $(LANES) $(if $(SEED),--seed $(SEED))

campaign-devices: $(VENV)/.installed-dev ## what a device has left open when its probers were killed (PROBES=10000 KILLS=100 SEED=)
	@$(RUN) -m tests.campaign.devices --probes $(PROBES) --kills $(KILLS) $(if $(SEED),--seed $(SEED)) $(ARGS)

fuzz-devices: $(VENV)/.installed-fuzz ## devices' decoders against other readers and a fuzzer (SECONDS=600 FRAMES=70000 SEED=)
	@$(RUN) -m tests.fuzzing --seconds $(SECONDS) --frames $(FRAMES) $(if $(SEED),--seed $(SEED)) $(ARGS)

kafka: $(VENV)/.installed-dev ## start a Kafka broker to play with, and say where it is
	@$(RUN) -m tests.kafka.person start

kafka-stop: $(VENV)/.installed-dev ## end that broker
	@$(RUN) -m tests.kafka.person stop

clean: ## remove .venv and every cache
	@rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find $(SOURCES) tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The installs. A stamp is written only when everything before it succeeded.

$(VENV)/.installed: $(VENV)/.made pyproject.toml
	@echo "Installing Motif into $(VENV) (once; a minute or so)."
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.made pyproject.toml tests/requirements.txt
	@echo "Installing Motif and its test tools into $(VENV) (once; a minute or so)."
	@$(PIP) --editable '.[dev]' --requirement tests/requirements.txt
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-fuzz: $(VENV)/.installed-dev tests/fuzzing/requirements.txt
	@$(PIP) --requirement tests/fuzzing/requirements.txt
	@touch $@

# Debian ships venv without ensurepip unless python3-venv is installed, so both are asked for.
$(VENV)/.made:
	@found=; for python in '$(PYTHON)' python3.14 python3.13 python3.12 python3.11; do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	  then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  if command -v $(PYTHON) >/dev/null; then is="is $$($(PYTHON) --version 2>&1)"; else is="is missing"; fi; \
	  echo "Motif needs Python 3.11 or newer, and $(PYTHON) $$is: install it" \
	    "(Debian: apt-get install python3 python3-venv) or name one with PYTHON=..." >&2; exit 1; \
	fi; \
	if ! $$found -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "$$found has no venv module: install it (Debian: apt-get install python3-venv)." >&2; exit 1; \
	fi; \
	$$found -m venv $(VENV)
	@touch $@
