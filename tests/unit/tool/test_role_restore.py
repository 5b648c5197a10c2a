# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a restore can be told is the same everywhere: in the host tool, in the module and in the role, with the same defaults."""
from __future__ import annotations

import importlib
import re
from pathlib import Path

import yaml
from ansible_collections.openclaw_ops.backup.plugins.modules import openclaw_restore

ROLE = Path(__file__).resolve().parents[3] / "roles" / "restore"
OF_THE_MODULE = {"target", "exclude", "storage", "encryption", "gateway", "user", "profile", "state_dir", "config_path"}  # else: the host's settings
OF_THE_ROLE = {"identity_file": ""}  # the module has it in its option encryption
WORDS = {"path": "paths", "component": "components", "move": "moves", "no_snapshot": "pre_restore_snapshot", "version_step": "version"}
OF_THE_TOOL = {"dry_run", "rehearse", "wait", "forget_identity", "target", "help", "all", "config", "state", "json", "query", "plain"}


def test_the_role_has_every_option_of_the_module(tool):
    options = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    module = {name: spec for name, spec in openclaw_restore.ARGUMENTS.items() if name not in OF_THE_MODULE}
    assert {f"restore_{name}" for name in (*module, *OF_THE_ROLE)} == set(options)
    for name, spec in module.items():
        role = options[f"restore_{name}"]
        assert role["type"] == spec["type"] and role.get("choices") == spec.get("choices"), name
        if name not in ("instance", "confirm"):
            assert role["default"] == spec["default"] == defaults[f"restore_{name}"], name


def test_the_tool_has_them_too_and_the_role_hands_each_on(tool):
    parse = importlib.import_module("openclaw_backup_tool.command_line").parse
    known = {WORDS.get(name, name) for name in vars(parse(["restore", "latest"])) if name not in OF_THE_TOOL}
    known -= {"run", "show", "show_failure", "operation", "recorded", "takes_lock", "fleet", "single"}
    module = {name for name in openclaw_restore.ARGUMENTS if name not in OF_THE_MODULE}
    assert known == module | set(OF_THE_ROLE)
    handed = (ROLE / "vars/main.yml").read_text() + (ROLE / "tasks/main.yml").read_text() + (ROLE / "tasks/identity.yml").read_text()
    assert not [name for name in known if not re.search(rf"\brestore_{name}\b", handed)]
