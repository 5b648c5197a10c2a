# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# `make help` lists the targets. PYTHON names the interpreter of the virtual environments (3.10 or later).
PYTHON ?= python3
export PYTHON

VENV := .venv
TEST_VENV := .venv-test
S3_VENV := .venv-s3
REQUIREMENTS := $(wildcard requirements/*.txt)

.DEFAULT_GOAL := help
.PHONY: help venv venv-test venv-s3 backup restore test unit short-torture unit-quick sanity sanity-all lint integration integration-all browser hosts molecule docs variables bench torture real long page build clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

venv: ## Make .venv: what a host and a controller need
	@tools/make-venv.sh $(VENV) requirements/runtime.txt requirements/controller.txt

venv-test:
	@tools/make-venv.sh $(TEST_VENV) requirements/test.txt

venv-s3:
	@tools/make-venv.sh $(S3_VENV) requirements/s3-server.txt

backup: venv ## Back up this host's OpenClaw into an encrypted repository in your data directory
	@tools/in-collection.sh $(VENV)/bin/ansible-playbook openclaw_ops.backup.backup_here $(ARGS)

restore: venv ## Restore the newest snapshot to a new directory: make restore TO=/tmp/restored
	@tools/in-collection.sh $(VENV)/bin/ansible-playbook openclaw_ops.backup.extract -e openclaw_extract_to=$(abspath $(TO)) $(ARGS)

# What keeps one processor busy runs beside something else that does.
SIDE_BY_SIDE = @$(MAKE) --no-print-directory --jobs=2 --output-sync=line

test: ## Everything that must pass before a merge
	@$(MAKE) --no-print-directory unit
	$(SIDE_BY_SIDE) sanity beside-sanity
	@$(MAKE) --no-print-directory integration browser real hosts

.PHONY: beside-sanity
beside-sanity:
	@$(MAKE) --no-print-directory short-torture lint docs

unit: venv-test venv-s3 ## Unit and property tests
	@$(TEST_VENV)/bin/python -m pytest tests/unit -m 'not torture' --numprocesses auto --dist worksteal --durations 10

short-torture: venv-test venv-s3 ## The short forms of the long tests of the engine: minutes
	@$(TEST_VENV)/bin/python -m pytest tests/torture -m 'not torture' --durations 10

unit-quick: venv-test ## Unit tests without the slow ones and without an S3 server
	@$(TEST_VENV)/bin/python -m pytest tests/unit -q -m 'not torture and not slow and not s3'

sanity: venv-test ## ansible-test sanity with the pinned ansible-core
	@$(TEST_VENV)/bin/python tools/sanity.py

sanity-all: venv-test ## ansible-test sanity with every supported ansible-core that a Python on this machine can run
	@$(TEST_VENV)/bin/python tools/sanity.py --all

lint: venv-test ## ansible-lint (production), yamllint, the changelog's fragments
	@tools/lint.sh $(TEST_VENV)

variables: venv-test ## Write docs/variables.md from the roles' argument specs
	@$(TEST_VENV)/bin/python tools/variables.py

docs: venv-test ## Links, error codes and module documentation
	@$(TEST_VENV)/bin/python tools/check_docs.py
	@$(TEST_VENV)/bin/python tools/variables.py --check
	@tools/in-collection.sh $(TEST_VENV)/bin/antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck .

integration: venv-test venv-s3 ## The modules and playbooks, run by Ansible, against file storage and an S3 server
	@$(TEST_VENV)/bin/python -m pytest tests/integration -m 'not torture and not long' --numprocesses auto --dist loadfile

integration-all: venv-test venv-s3 ## The same with every supported ansible-core that a Python on this machine can run
	@set -e; for core in $$($(TEST_VENV)/bin/python tools/sanity.py --cores); do echo "$$core"; \
	    OPENCLAW_OPS_ANSIBLE_PLAYBOOK=$$core/ansible-playbook $(TEST_VENV)/bin/python -m pytest -q tests/integration -m 'not torture and not long' \
	        --numprocesses auto --dist loadfile; done

browser: venv-test ## The page in a real Chromium, with an accessibility checker (both are fetched once)
	@$(TEST_VENV)/bin/python -m pytest tests/browser

hosts: venv-test ## Real hosts with systemd, SSH, OpenClaw and an S3 server: tests/hosts, then the molecule scenarios (needs root)
	@tools/test-hosts run -- $(TEST_VENV)/bin/python -m pytest tests/hosts -m 'not long'
	@tools/test-hosts run -- tools/molecule.sh test --all

molecule: venv-test ## Only the molecule scenarios; one of them: make molecule SCENARIO=hosts
	@tools/test-hosts run -- tools/molecule.sh test $(if $(SCENARIO),--scenario-name $(SCENARIO),--all)

bench: venv-test ## Compare with restic, borg, tar | zstd | age (tests/benchmark)
	@$(TEST_VENV)/bin/python tests/benchmark/run.py $(BENCH)

torture: venv-test venv-s3 ## The full forms of the long tests: hours
	@TORTURE=full HYPOTHESIS_PROFILE=thorough $(TEST_VENV)/bin/python -m pytest tests/unit tests/integration tests/torture -m torture

real: venv-test ## With a real OpenClaw (npm, 840 MB, once) and a real Ceph: a running gateway is backed up, restored, started
	@$(TEST_VENV)/bin/python -m pytest tests/real -m 'not long'

long: venv-test ## What takes minutes each: moves, restores and updates on real hosts, proofs, a gateway with 1 GB, Podman
	@$(TEST_VENV)/bin/python -m pytest tests/integration tests/real -m long
	@OPENCLAW_OPS_EARLIER=1 tools/test-hosts run -- $(TEST_VENV)/bin/python -m pytest tests/hosts -m long

page: venv-test ## Render the page of a made-up fleet into build/page, with pictures where there is a Chromium
	@$(TEST_VENV)/bin/python tools/sample_page.py build/page

build: venv ## Build the collection's archive into build/
	@$(VENV)/bin/ansible-galaxy collection build --force --output-path build .

clean: ## Remove virtual environments and caches
	@rm -rf $(VENV) $(TEST_VENV) $(S3_VENV) .cache .hypothesis build tests/output
