# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of role runner, what they are documented as, and the settings that the tool knows are the same."""
from __future__ import annotations

import dataclasses
import importlib
import re
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")

ROLE = Path(__file__).resolve().parents[3] / "roles" / "runner"
SPEC = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
DEFAULTS = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
PREFIX = "openclaw_backup_"
OF_THE_ROLE = {"state", "notify_on_failure", "instances", "discover", "secrets", "init", "python", "directory", "remove_results"}
OF_AN_INSTANCE = {"name", "user", "profile", "state_dir", "config_path", "notify_on_failure"}
IDENTITY = {"instance", "user", "profile", "state_dir", "config_path"}


def settings_class():
    return importlib.import_module("openclaw_backup_tool.settings").Settings


def test_every_setting_has_a_variable(tool):
    known = {item.name for item in dataclasses.fields(settings_class())} - IDENTITY
    assert {name[len(PREFIX):] for name in SPEC} == known | OF_THE_ROLE


def test_every_setting_can_be_overridden_for_an_instance(tool):
    known = {item.name for item in dataclasses.fields(settings_class())} - IDENTITY
    assert set(SPEC["openclaw_backup_instances"]["options"]) == known | OF_AN_INSTANCE


def test_what_is_inside_a_setting_is_documented(tool):
    for item in dataclasses.fields(settings_class()):
        inner = item.metadata.get("options")
        options = SPEC.get(PREFIX + item.name, {}).get("options")
        if inner and item.name != "schedule":
            assert set(options) == {one.name for one in dataclasses.fields(inner)}, item.name


def test_documented_defaults_are_the_defaults():
    assert {name.replace("runner_", PREFIX) for name in DEFAULTS} == set(SPEC)
    for name, expression in DEFAULTS.items():
        default = yaml.safe_load(re.fullmatch(r"\{\{ \w+ \| default\((.*)\) \}\}", expression).group(1))
        assert default == SPEC[name.replace("runner_", PREFIX)]["default"], name


def test_every_setting_reaches_the_configuration(tool):
    text = (ROLE / "vars" / "main.yml").read_text()
    config = set(re.findall(r"^    '(\w+)':", text, re.M))
    assert config == {item.name for item in dataclasses.fields(settings_class())} - IDENTITY


def test_no_default_names_a_secret():
    assert SPEC["openclaw_backup_secrets"]["no_log"] is True
