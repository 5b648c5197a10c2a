# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/tool.md says what the tool does: exit statuses, commands, settings."""
from __future__ import annotations

import importlib
import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
PAGE = (CHECKOUT / "docs" / "tool.md").read_text()


def test_every_exit_status_is_explained(tool):
    codes = importlib.import_module("openclaw_backup_tool.exit_codes")
    defined = {value for name, value in vars(codes).items() if name.isupper() and isinstance(value, int)}
    assert {int(number) for number in re.findall(r"^\| (\d+) \|", PAGE, re.M)} == defined


def test_every_error_with_a_status_of_its_own_is_an_error_that_exists(tool):
    codes = importlib.import_module("openclaw_backup_tool.exit_codes")
    explained = set(re.findall(r"^\| `([a-z0-9-]+)`|^#+ `([a-z0-9-]+)`", (CHECKOUT / "docs" / "troubleshooting.md").read_text(), re.M))
    known = {name for pair in explained for name in pair if name} | {"usage"}
    assert not {error for errors in codes._CODES.values() for error in errors} - known


def test_every_command_is_explained(host):
    helped = host.run("--help").output
    commands = re.findall(r"^    ([a-z]+) {2,}", helped, re.M)
    assert len(commands) > 5
    for command in commands:
        assert f"| `{command}" in PAGE, command


def test_the_example_configuration_is_valid(tool):
    text = re.search(r"```json5\n(.*?)```", PAGE, re.S).group(1)
    settings = importlib.import_module("openclaw_backup_tool.settings")
    json5_text = importlib.import_module("openclaw_backup_engine.capture.json5_text")
    value = json5_text.parse(text)
    parsed = settings.parse(value, "the example")
    assert parsed.storage.url
    defaults = settings.Settings()
    for name in ("schedule", "objectives", "max_delete_share", "scope", "consistency"):  # what is shown is the default
        shown = value[name]
        assert (shown if not isinstance(shown, dict) else type(getattr(defaults, name))(**shown)) == getattr(defaults, name)
