# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The adapter: errors become results that help, the right interpreter is found, the engine gets what it may touch."""
from __future__ import annotations

import sys

import pytest

pytest.importorskip("ansible")

from ansible_collections.openclaw_ops.backup.plugins.module_utils import _adapter  # noqa: E402
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import dependencies  # noqa: E402
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError  # noqa: E402
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import BackupOptions, PruneOptions  # noqa: E402
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import ProgressState  # noqa: E402


class Ended(Exception):
    """The module would exit now."""


class Module:
    """What the adapter uses of an AnsibleModule."""

    def __init__(self, **params):
        self.params = {"runtime_python": None, "cache_dir": None, **params}
        self.check_mode = False
        self.warnings, self.result, self.commands = [], None, []

    def fail_json(self, **result):
        self.result = {"failed": True, **result}
        raise Ended

    def exit_json(self, **result):
        self.result = result
        raise Ended

    def warn(self, text):
        self.warnings.append(text)

    def run_command(self, command, handle_exceptions):
        self.commands.append(command)
        return 0, "out", "err"


class Respawned(Exception):
    """The module would start anew in another interpreter."""


@pytest.fixture(autouse=True)
def respawn(monkeypatch):
    def start(interpreter):
        raise Respawned(interpreter)
    monkeypatch.setattr(_adapter, "respawn_module", start)
    monkeypatch.setattr(_adapter, "has_respawned", lambda: False)


@pytest.fixture
def no_packages(monkeypatch):
    def missing():
        raise EngineError("missing-dependency", "Python package blake3 is missing", "Install it.")
    monkeypatch.setattr(dependencies, "require_all", missing)


def run(monkeypatch, operation, **params):
    module = Module(**params)
    monkeypatch.setattr(_adapter, "AnsibleModule", lambda **_options: module)
    with pytest.raises(Ended):
        _adapter.run({}, operation)
    return module


def test_what_a_user_can_cause_becomes_code_message_and_hint(monkeypatch):
    def operation(module, context):
        raise EngineError("wrong-key", "The key does not fit", "Take another.", {"slots": 2})
    result = run(monkeypatch, operation).result
    assert result == {
        "failed": True, "msg": "The key does not fit. Take another.", "error_code": "wrong-key", "hint": "Take another.", "details": {"slots": 2}}


def test_a_partial_result_stays_in_the_failure(monkeypatch):
    def operation(module, context):
        raise EngineError("prune-incomplete", "Some stay", "", {"result": {"removed": ["a"], "failed": [{"object": "b"}], "changed": True}})
    result = run(monkeypatch, operation).result
    assert result["failed"] is True and result["removed"] == ["a"] and result["not_removed"] == [{"object": "b"}] and result["changed"]


def test_a_fault_of_ours_says_that_it_is_ours(monkeypatch):
    result = run(monkeypatch, lambda module, context: {}["nothing"]).result
    assert result["error_code"] == "internal-fault" and "KeyError" in result["exception"] and "Report" in result["hint"]


def test_warnings_of_the_engine_become_warnings_of_the_module(monkeypatch):
    module = run(monkeypatch, lambda module, context: {"changed": False, "warnings": ["keep the key"]})
    assert module.warnings == ["keep the key"] and module.result == {"changed": False}


def test_many_omissions_are_named_in_part():
    module = Module()
    _adapter.warn_of_omissions(module, "Not in the snapshot:", [{"path": f"/{n}", "reason": "vanished"} for n in range(12)])
    assert len(module.warnings) == 11 and "/9: vanished" in module.warnings[9] and "2 more" in module.warnings[10]


def test_an_interpreter_with_the_packages_is_kept():
    _adapter.ensure_packages(Module())


@pytest.mark.usefixtures("no_packages")
def test_without_the_packages_the_named_environment_is_tried_then_the_hosts(monkeypatch, tmp_path):
    interpreter = tmp_path / "python"
    interpreter.symlink_to(sys.executable)
    monkeypatch.setattr(_adapter, "HOST_PYTHON", str(interpreter))
    monkeypatch.delenv(_adapter.PYTHON_VARIABLE, raising=False)
    with pytest.raises(Respawned, match=str(interpreter)):
        _adapter.ensure_packages(Module())
    monkeypatch.setenv(_adapter.PYTHON_VARIABLE, sys.executable)
    with pytest.raises(Respawned, match=sys.executable):
        _adapter.ensure_packages(Module())


@pytest.mark.usefixtures("no_packages")
def test_without_any_environment_it_is_said_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(_adapter, "HOST_PYTHON", str(tmp_path / "none"))
    monkeypatch.delenv(_adapter.PYTHON_VARIABLE, raising=False)
    with pytest.raises(EngineError, match="blake3"):
        _adapter.ensure_packages(Module())


@pytest.mark.usefixtures("no_packages")
def test_a_second_respawn_is_never_tried(monkeypatch):
    monkeypatch.setattr(_adapter, "has_respawned", lambda: True)
    with pytest.raises(EngineError, match="blake3"):
        _adapter.ensure_packages(Module(runtime_python=sys.executable))


def test_an_interpreter_that_is_not_there_is_an_error_of_its_own(tmp_path):
    with pytest.raises(EngineError) as caught:
        _adapter.ensure_packages(Module(runtime_python=str(tmp_path / "none")))
    assert caught.value.code == "interpreter-missing"


def test_commands_run_without_a_shell_and_with_a_time_limit():
    module = Module()
    result = _adapter.context_of(module).run(["true", "; id"], timeout=5)
    assert (result.code, result.output) == (0, "out")
    assert module.commands[0][-2:] == ["true", "; id"] and "5" in module.commands[0]


def test_progress_goes_to_the_file_that_the_action_plugin_names(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(_adapter.PROGRESS_VARIABLE, "~/jobs/p.json")
    progress = _adapter.context_of(Module()).progress
    progress.report(ProgressState("capture"))
    assert (tmp_path / "jobs" / "p.json").exists()


def test_options_come_from_the_arguments_of_the_same_names():
    module = Module(scope="config", include={"workspace": False, "extra_paths": None}, exclude=["*.x"], kind="manual", name=None, note="",
                    force=True, consistency="live", storage={}, retention={"max_backups": 3, "max_age_days": 30})
    options = _adapter.options_of(module, BackupOptions)
    assert (options.scope, options.include.workspace, options.include.extra_paths, options.force) == ("config", False, (), True)
    assert _adapter.options_of(module, PruneOptions).retention.max_backups == 3


def test_root_shares_the_lock_of_the_host_tool_and_others_have_their_own(monkeypatch):
    context = _adapter.context_of(Module())
    monkeypatch.setattr(_adapter.os, "geteuid", lambda: 1000)
    before = context.cache_dir
    _adapter.share_with_tool(Module(), context, "one")
    assert context.cache_dir == before
    monkeypatch.setattr(_adapter.os, "geteuid", lambda: 0)
    _adapter.share_with_tool(Module(cache_dir="/elsewhere"), context, "one")
    assert context.cache_dir == before
    _adapter.share_with_tool(Module(), context, "one")
    assert context.cache_dir == "/var/lib/openclaw-backup/one/cache"
