# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A state that moves keeps nothing of its old place: config, databases, links; and all that was rewritten is reported."""
from __future__ import annotations

import hashlib
import json
import os
import tarfile
from pathlib import Path

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.edits.apply import EditOptions, apply
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.edits.path_text import PathText
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from support.staged_state import HOME, STATE, StagedState

FIXTURE = Path(__file__).resolve().parents[3] / "fixtures" / "openclaw-2026.6.11-state.tgz"
CONFIG = """// my agent, in /home/claw/.openclaw
{
  agents: {
    defaults: { workspace: '/home/claw/.openclaw/workspace', },   // not /home/claw2
    "entries": { "main": { "agentDir": "/home/claw/.openclaw/agents/main/agent" } },
  },
  $include: "./agents.json5",
  tools: { exec: { path: "/usr/bin:/home/claw/bin", script: "cd /home/claw/work && make" } },
  hooks: { url: "file:///home/claw/hook.js", other: "/home/claw-old/x", web: "https://example.org/home/claw/x", gone: "/opt/gone/tool" },
  mounts: { "/home/claw/data": "/data" },
  home: "~/.openclaw/skills",
}
"""


@pytest.fixture
def state(tmp_path):
    made = StagedState(tmp_path)
    made.make_databases()
    return made


def edit(state, **options):
    return apply(state.staged(), EditOptions(**options), Context())


def test_config_keeps_its_form_and_gets_new_paths_with_every_one_reported(state):
    config = state.add(f"{STATE}/openclaw.json", CONFIG)
    report = edit(state)
    assert config.read_text() == CONFIG.replace("/home/claw/", "/home/crab/").replace(
        "https://example.org/home/crab/x", "https://example.org/home/claw/x")
    told = {(change.field, change.before, change.after) for change in report.changes if change.kind == "path"}
    assert ("agents.defaults.workspace", "/home/claw/.openclaw/workspace", "/home/crab/.openclaw/workspace") in told
    assert ("tools.exec.path", "/home/claw/bin", "/home/crab/bin") in told
    assert ("", "/home/claw/.openclaw", "/home/crab/.openclaw") in told  # in the comment
    assert ("hooks.gone", "/opt/gone/tool") in {(item.field, item.value) for item in report.unmapped}
    assert not edit(state).changes


def test_what_leads_home_stays_unless_home_is_no_longer_the_place(tmp_path):
    state = StagedState(tmp_path, home=HOME, profile="trial")
    config = state.add(f"{STATE}/openclaw.json", '{a: "~/.openclaw/skills", b: "~/notes", c: "${HOME}/.openclaw/x"}')
    edit(state)
    assert config.read_text() == '{a: "/home/claw/.openclaw-trial/skills", b: "~/notes", c: "/home/claw/.openclaw-trial/x"}'
    assert not edit(state).changes


def test_a_broken_config_and_unusual_paths_are_rewritten_too(tmp_path):
    state = StagedState(tmp_path, home='/srv/cl"aw\'s')
    config = state.add(f"{STATE}/openclaw.json", '{a: "/home/claw/x", b: ')
    include = state.add(f"{STATE}/agents.json5", '{"a": "/home/claw/x"}', "include")
    edit(state)
    assert config.read_text().startswith('{a: "/srv/cl\\"aw\\u0027s/x"')
    assert json.loads(include.read_text()) == {"a": '/srv/cl"aw\'s/x'}


def test_environment_files_and_units_name_the_variable_and_never_a_value(state):
    env = state.add(f"{STATE}/.env", "KEY=secret\nexport DATA=/home/claw/data\n", "environment")
    unit = state.add("/home/claw/.config/systemd/user/openclaw-gateway.service", "[Service]\nEnvironment=HOME=/home/claw\n", "unit")
    report = edit(state)
    assert env.read_text() == "KEY=secret\nexport DATA=/home/crab/data\n"
    assert unit.read_text().endswith("HOME=/home/crab\n")
    assert [change.field for change in report.changes if change.path.endswith(".env")] == ["DATA"]
    assert "secret" not in json.dumps(report.to_dict())


def test_a_unit_gets_its_user_and_its_profile(tmp_path):
    state = StagedState(tmp_path, profile="trial", captured_profile="rescue")
    unit = state.add("/etc/systemd/system/openclaw-gateway-rescue.service", "\n".join((
        "[Service]", "User=claw", "Group = claw", "Environment=OPENCLAW_PROFILE=rescue HOME=/home/claw", "ExecStart=x --profile rescue-2",
        "ExecStart=/usr/bin/openclaw --profile rescue gateway", "Environment=OPENCLAW_SYSTEMD_UNIT=openclaw-gateway-rescue.service", "")), "unit")
    report = edit(state)
    assert unit.name == "openclaw-gateway-trial.service" and unit.read_text().splitlines() == [
        "[Service]", "User=crab", "Group = crab", "Environment=OPENCLAW_PROFILE=trial HOME=/home/crab", "ExecStart=x --profile rescue-2",
        "ExecStart=/usr/bin/openclaw --profile trial gateway", "Environment=OPENCLAW_SYSTEMD_UNIT=openclaw-gateway-trial.service"]
    assert ("User", "claw", "crab") in {(change.field, change.before, change.after) for change in report.changes}
    assert not edit(state).changes


def test_databases_have_every_path_rewritten_and_no_sidecar_left(state):
    key = hashlib.sha256(f"{STATE}/workspace".encode()).hexdigest()
    state.job("a", {"kind": "every", "everyMs": 60000}, {}, payload={"kind": "command", "command": "ls /home/claw/x; ls /tmp"})
    state.job("b", {"kind": "every", "everyMs": 60000}, {})
    state.insert("cron_run_receipts", receipt_id="r", store_key=f"{STATE}/cron/jobs.json", job_id="a", status="ok", finished_at_ms=1)
    state.insert("worktrees", id="w", path="/home/claw/tree")
    state.insert("config_machine_state", state_key="k", value_json={"dir": f"{STATE}/workspace", "say": "see /home/claw/x", "n": 1.5})
    state.insert("audit_events", target_ref="/home/claw/was")
    state.insert("workspace_setup_state", workspace_key=key, workspace_path=f"{STATE}/workspace")
    state.insert("workspace_path_aliases", alias_key=key, alias_path=f"{STATE}/workspace", workspace_key=key,
                 workspace_path=f"{STATE}/workspace")
    state.insert("workspace_generated_bootstrap_hashes", workspace_key=key, filename="SOUL.md", sha256="x")
    state.insert("session_nodes", True, session_key="s", entry_json={"cwd": "/home/claw/x", "status": "done"}, status="done")
    state.insert("transcript_events", True, session_id="s", seq=1, event_json={"cwd": "/home/claw/x"})
    modes = [path.stat().st_mode for path in (state.database, state.agent_database)]
    edit(state, missed_cron="run")
    new_key = hashlib.sha256(f"{state.state}/workspace".encode()).hexdigest()
    assert state.rows("SELECT DISTINCT store_key FROM cron_jobs") == [(f"{state.state}/cron/jobs.json",)]
    assert state.rows("SELECT store_key FROM cron_run_receipts") == [(f"{state.state}/cron/jobs.json",)]
    assert state.job_state("a")[1]["payload"]["command"] == "ls /home/crab/x; ls /tmp"
    assert state.rows("SELECT grant_definition_revision, grant_definition_generation FROM cron_jobs ORDER BY job_id") == [
        (None, 2), ("sha256:x", 1)]
    assert state.rows("SELECT path FROM worktrees") == [("/home/crab/tree",)]
    assert json.loads(state.rows("SELECT value_json FROM config_machine_state")[0][0]) == {
        "dir": f"{state.state}/workspace", "say": "see /home/claw/x", "n": 1.5}
    assert state.rows("SELECT target_ref FROM audit_events") == [("/home/claw/was",)]
    assert state.rows("SELECT * FROM workspace_setup_state") == [(new_key, f"{state.state}/workspace")]
    assert state.rows("SELECT alias_key, workspace_key FROM workspace_path_aliases") == [(new_key, new_key)]
    assert state.rows("SELECT workspace_key FROM workspace_generated_bootstrap_hashes") == [(new_key,)]
    assert "/home/crab/x" in state.rows("SELECT entry_json FROM session_nodes", True)[0][0]
    assert state.rows("SELECT entry_valid FROM session_nodes", True) == [(1,)], "OpenClaw would not list it before its first start"
    assert "/home/claw/x" in state.rows("SELECT event_json FROM transcript_events", True)[0][0]
    assert not edit(state, missed_cron="run").changes
    assert [path.stat().st_mode for path in (state.database, state.agent_database)] == modes
    assert sorted(os.listdir(state.database.parent)) == ["openclaw.sqlite"]


def test_a_row_that_is_there_already_is_reported_and_kept(state):
    state.job("a", {"kind": "every", "everyMs": 1}, {})
    state.insert("cron_jobs", store_key=f"{state.state}/cron/jobs.json", job_id="a", enabled=1, job_json={}, state_json={})
    assert [item.field for item in edit(state).unmapped if "cron" in item.field] == ["cron_jobs.store_key"]
    assert len(state.rows("SELECT 1 FROM cron_jobs")) == 2


def test_absolute_links_move_along_and_dangling_ones_are_listed(state):
    state.add(f"{STATE}/workspace/SOUL.md", "x")
    workspace = state.disk(f"{state.state}/workspace")
    (workspace / "inner").symlink_to(f"{STATE}/workspace/SOUL.md")
    (workspace / "gone").symlink_to("/opt/gone")
    (workspace / "relative").symlink_to("SOUL.md")
    report = edit(state)
    assert os.readlink(workspace / "inner") == f"{state.state}/workspace/SOUL.md"
    assert os.readlink(workspace / "gone") == "/opt/gone" and os.readlink(workspace / "relative") == "SOUL.md"
    assert [(item.path, item.value) for item in report.unmapped] == [(f"{state.state}/workspace/gone", "/opt/gone")]
    assert not edit(state).changes


def test_links_in_a_snapshot_lead_the_edits_nowhere(state, tmp_path):
    """What was restored was written by others: a link in the place of a config or a directory must not have live files edited."""
    live = tmp_path / "live"
    live.mkdir()
    (live / "openclaw.json").write_text('"/home/claw/x"')
    (live / "openclaw-agent.sqlite").write_text("no database")
    state.disk(f"{state.state}/openclaw.json").symlink_to(live / "openclaw.json")
    state.disk(f"{state.state}/agents/other").mkdir()
    state.disk(f"{state.state}/agents/other/agent").symlink_to(live)
    edit(state)
    assert (live / "openclaw.json").read_text() == '"/home/claw/x"'
    assert (live / "openclaw-agent.sqlite").read_text() == "no database"


def test_what_is_no_database_fails_with_a_word_and_the_options_are_checked(state):
    state.database.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with pytest.raises(EngineError) as raised:
        edit(state)
    assert raised.value.code == "edit-failed"
    with pytest.raises(EngineError) as raised:
        edit(state, deliveries="perhaps")
    assert raised.value.code == "option-invalid"


def test_the_file_backed_layout_of_2026_6_moves_too(tmp_path):
    state = StagedState(tmp_path, captured_home="/home/openclaw")
    target = state.disk("/home/crab")
    target.mkdir(parents=True)
    with tarfile.open(FIXTURE) as archive:
        archive.extractall(target, filter="tar")
    attestations = state.disk(f"{state.state}/workspace-attestations")
    # The fixture's paths were made up after it was made; this file still has the hash of the real one.
    (made,) = attestations.iterdir()
    made.rename(attestations / f"{hashlib.sha256(b'/home/openclaw/.openclaw/workspace').hexdigest()}.attested")
    report = edit(state)
    sessions = json.loads(state.disk(f"{state.state}/agents/main/sessions/sessions.json").read_text())
    assert sessions["agent:main:main"]["sessionFile"].startswith(f"{state.state}/agents/main/sessions/")
    attested = hashlib.sha256(f"{state.state}/workspace".encode()).hexdigest()
    assert os.listdir(attestations) == [f"{attested}.attested"]
    assert "/home/openclaw" not in state.disk(f"{state.state}/openclaw.json").read_text()
    assert any(change.field == "agents.defaults.workspace" for change in report.changes)
    assert not edit(state).changes


@pytest.mark.parametrize("text, after", [
    ("see /home/claw.", "see /home/crab."), ("/home/claw.bak", "/home/claw.bak"), ("x/home/claw", "x/home/claw"), ("=/home/claw", "=/home/crab"),
    ("/home/claw/a:/home/claw/b", "/home/crab/a:/home/crab/b"), ("/home/clawé", "/home/clawé"), ("(/home/claw)", "(/home/crab)"), ("", ""),
])
def test_where_a_path_begins_and_ends(tmp_path, text, after):
    assert PathText(StagedState(tmp_path).staged().placement).rewrite(text)[0] == after
