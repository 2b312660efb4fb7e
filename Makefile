# The project's commands. Each one sets up first what it needs; the second time that takes a fraction of a second.
.DEFAULT_GOAL := help
.PHONY: help up down dev test test-faults live-aws lint widget widget-check security-controls screenshots bench bench-aws setup setup-dev lock
.NOTPARALLEL:

PITCHBAR := .venv/bin/pitchbar
PYTHON := .venv/bin/python
FLAGS ?=
TARGET ?= local

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

up: setup ## Make an environment on this machine, verify it, print its addresses
	@$(PITCHBAR) up -s local --yes $(FLAGS)

down: setup ## Remove that environment
	@$(PITCHBAR) down -s local --yes $(FLAGS)

dev: setup-dev ## Make an environment that reloads what is edited; Ctrl-C stops it
	@$(PITCHBAR) dev $(FLAGS)

test: lint ## Run every test: types and style, the fast tests, then the live ones on real services
	@$(PYTHON) -m pytest -n 2 --dist loadfile --ignore tests/live --ignore tests/faults $(FLAGS)
	@$(PYTHON) -m pytest tests/live $(FLAGS)

test-faults: setup-dev ## Run the tests that kill things at random, which take longer
	@$(PYTHON) -m pytest -s tests/faults $(FLAGS)

live-aws: setup-dev ## Bring a staging up in a real AWS account, prove it, take it down (docs/aws.md)
	@$(PYTHON) -m tests.live_aws $(FLAGS)

lint: setup-dev ## Check style and types
	@$(PYTHON) -m ruff check
	@$(PYTHON) -m ruff format --check
	@$(PYTHON) -m mypy
	@cd app && ../$(PYTHON) -m mypy --strict --python-executable "$$(../$(PYTHON) -m tools.app_python)" pitchbar_app
	@$(PYTHON) -m tools.widget types lint

widget: setup-dev ## Check the widget and bundle it into the app, within its size budget
	@$(PYTHON) -m tools.widget types lint build

widget-check: setup-dev ## Check the widget, its size, and that the bundle in the app is what its source makes
	@$(PYTHON) -m tools.widget types lint check

security-controls: setup-dev ## Renew the table of security controls in docs/security-controls.md
	@$(PYTHON) -m infra.policy

screenshots: setup-dev ## Renew the pictures in docs/images
	@PITCHBAR_SCREENSHOTS=docs/images $(PYTHON) -m pytest -q tests/browser $(FLAGS)
	@PITCHBAR_SCREENSHOTS=docs/images $(PYTHON) -m pytest -q tests/live/test_visitor.py $(FLAGS)

bench: setup-dev ## Measure what the project promises about speed
	@$(PYTHON) -m bench $(FLAGS)

bench-aws: setup-dev ## Compute what can be known of the AWS program's speed without an account
	@$(PYTHON) -m bench.aws $(FLAGS)

setup: ## Set up the tools and packages that an environment needs; TARGET=aws for the cloud
	@tools/setup --target $(TARGET)

setup-dev:
	@tools/setup --dev

lock: ## Renew every lock file
	@tools/lock
