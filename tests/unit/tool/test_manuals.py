# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The manuals name commands, options and playbooks that there are. tests/hosts/test_run_book.py also runs them."""
from __future__ import annotations

import importlib
import re
import shlex
import shutil
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
MANUALS = ("run-book", "quick-start", "operations", "monitoring", "fleet", "restore")
WHOLE = re.compile(r"(?:^[#$] |`)(openclaw-backup [^`\n]*)", re.M)


def pages():
    return [(name, path.read_text()) for name in MANUALS if (path := CHECKOUT / "docs" / f"{name}.md").exists()]


def commands():
    for name, text in pages():
        for found in WHOLE.findall(text):
            yield pytest.param(found.split(" | ")[0].split(";")[0], id=f"{name}: {found[:60]}")


@pytest.mark.parametrize("command", list(commands()))
def test_a_command_of_the_manuals_is_one_of_the_tool(tool, command, capsys):
    words = [word for word in shlex.split(command)[1:] if word != "…"]
    try:
        importlib.import_module("openclaw_backup_tool.command_line").parse(words)
    except SystemExit as exc:
        pytest.fail(f"{command}: {capsys.readouterr().err or exc}")


def test_playbooks_and_roles_of_the_manuals_exist():
    for name, text in pages():
        for playbook in re.findall(r"ansible-playbook[^\n`]* openclaw_ops\.backup\.([a-z_]+)", text):
            assert (CHECKOUT / "playbooks" / f"{playbook}.yml").exists(), f"{name}: {playbook}"


def test_the_run_book_brings_back_a_state_that_is_gone(backed_up):
    """Its commands for the tool, in their order, where nothing is left of the state. A whole host: tests/hosts/test_run_book.py."""
    shutil.rmtree(backed_up.state.path)
    section = (CHECKOUT / "docs" / "run-book.md").read_text().split("### 3. What there is")[1].split("### 6. The gateway")[0]
    found = [line.replace("assistant", "one") for line in WHOLE.findall(section) if "v6" not in line]
    assert [line.split()[3] for line in found] == ["list", "verify", "restore", "restore"]
    for line in found:
        words = shlex.split(line.replace("$(hostname)", accounts().host_name()))[1:]
        done = backed_up.run(*words)
        assert done.status == 0, f"{line}\n{done.output}{done.error}"
    assert (backed_up.state.path / "openclaw.json").exists()


def accounts():
    return importlib.import_module("openclaw_backup_engine.capture.accounts")
