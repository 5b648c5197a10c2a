# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is regenerable is left out, what nobody can make again stays in, and no pattern loses an agent."""
from __future__ import annotations

import os
import re
import time

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.exclusions import Exclusions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.instance import discover
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.scope import select
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import BackupOptions, IncludeOptions, InstanceOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from support.fake_host import FakeHost, write


@pytest.fixture
def host(tmp_path):
    made = FakeHost(tmp_path.resolve() / "host")
    made.user("claw", 1000)
    state = made.state("/home/claw/.openclaw").database_first("main").file_backed("old")
    state.workspace()
    state.config({"agents": {"defaults": {"workspace": "/home/claw/.openclaw/workspace"}}})
    return made


class Walk:
    """Walks a selection as a backup does, and notes what is kept and what is left out."""

    def __init__(self, host, *patterns, scope="everything", extra=()):
        self.instance = discover(InstanceOptions(user="claw"), Context(), root=str(host.root))
        options = BackupOptions(scope=scope, include=IncludeOptions(extra_paths=tuple(extra)))
        selection = select(self.instance, options, {}, root=str(host.root))
        self.exclusions = Exclusions(self.instance, selection.roots, patterns, selection.cuts)
        self.kept, self.left_out = set(), {}
        self._cut = len(str(host.root))
        for root in selection.roots:
            if os.path.isdir(root.path):
                self._visit(root.path)
            else:
                self.kept.add(root.path[self._cut:])

    def _visit(self, directory):
        for entry in os.scandir(directory):
            is_directory = entry.is_dir(follow_symlinks=False)
            reason = self.exclusions.reason(entry.path, is_directory)
            if reason is not None:
                self.left_out[entry.path[self._cut:]] = reason
            if reason is None or (is_directory and self.exclusions.descend(entry.path)):
                if is_directory:
                    self._visit(entry.path)
                else:
                    self.kept.add(entry.path[self._cut:])

    def inner(self, prefix="/home/claw/.openclaw/"):
        return {path[len(prefix):] for path in self.kept if path.startswith(prefix)}


def test_what_every_state_leaves_out_by_default(host):
    write(host.place("/home/claw/.openclaw/agents/main/agent/openclaw-agent.sqlite.memory-reindex-0f1e2d3c-wal"), "x")
    write(host.place("/home/claw/.openclaw/browser/openclaw/user-data/Default/Cache/f_000001"), "x")
    write(host.place("/home/claw/.openclaw/browser/openclaw/user-data/Default/Cookies"), "x")
    write(host.place("/home/claw/.openclaw/browser/openclaw/user-data/SingletonLock"), "x")
    write(host.place("/home/claw/.openclaw/backups/old.tar.gz"), "x")
    walk = Walk(host)
    left_out = {path[len("/home/claw/.openclaw/"):]: reason for path, reason in walk.left_out.items()}
    agent = "agents/main/agent/openclaw-agent.sqlite"
    assert left_out == {
        "logs/gateway.log": "logs", "cache": "cache", "tmp": "temporary-files", "agents/main/agent/tmp": "temporary-files",
        "npm/projects/discord-1a2b/node_modules": "plugin-packages", "agents/old/sessions/732a9f24.jsonl.lock": "locks",
        f"{agent}.generation-lock.sqlite": "locks", f"{agent}.generation-writer.sqlite": "locks", f"{agent}.reindex-lock.sqlite": "locks",
        f"{agent}.memory-reindex-0f1e2d3c-wal": "unfinished-databases", "browser/openclaw/user-data/Default/Cache": "browser-caches",
        "browser/openclaw/user-data/SingletonLock": "browser-caches", "backups": "other-backups"}
    assert {agent, "openclaw.json", ".env", "npm/projects/discord-1a2b/package-lock.json", "media/inbound/photo.jpg",
            "logs/config-audit.jsonl", "agents/old/sessions/732a9f24.jsonl", "credentials/whatsapp/default/creds.json"} <= walk.inner()


@pytest.mark.parametrize("name", [
    "important.tmp", "report.tmp.md", "server.pid", "app.sock.txt", "notes.log", "data.jsonl", "x.lock",
    "app.sqlite.generation-lock.sqlite", "node_modules/pkg/index.js", "logs/run.log", "cache/page.html", "tmp/draft.md",
    "backups/old.tar.gz", ".git/index.lock", "plugin-skills/x",
])
@pytest.mark.parametrize("workspace", ["workspace", "workspace-retired", "/srv/work"])
def test_nothing_in_a_workspace_is_left_out_by_default(host, workspace, name):
    state = host.place("/home/claw/.openclaw")
    place = state / workspace if not workspace.startswith("/") else host.place(workspace)
    write(place / name, "only copy")
    if workspace.startswith("/"):
        write(state / "openclaw.json", '{"agents": {"entries": {"main": {"workspace": "/srv/work"}}}}')
    assert str(place / name)[len(str(host.root)):] in Walk(host).kept


@pytest.mark.parametrize("name", [
    "7f3a.jsonl", "7f3a.trajectory.jsonl", "sessions.json", "cold/aa.jsonl.zst", "7f3a.jsonl.deleted.2026-01-01"])
def test_transcripts_of_older_releases_stay(host, name):
    write(host.place("/home/claw/.openclaw/agents/old/sessions") / name, "only copy")
    for patterns in ((), ("*.jsonl", "sessions/", "agents/", "*")):
        assert f"agents/old/sessions/{name}" in Walk(host, *patterns).inner()


def test_user_patterns_are_counted_by_their_text_and_can_take_defaults_back_in(host):
    state = host.place("/home/claw/.openclaw")
    for name in ("media/inbound/film.mp4", "workspace/deep/film.mp4", "workspace/keep.mp4", "media/outbound/x.bin", "cache/page"):
        write(state / name, "x")
    walk = Walk(host, "*.mp4", "!keep.mp4", "/media/outbound/", "!/cache/")
    assert walk.left_out["/home/claw/.openclaw/media/inbound/film.mp4"] == "exclude *.mp4"
    assert walk.left_out["/home/claw/.openclaw/workspace/deep/film.mp4"] == "exclude *.mp4"
    assert walk.left_out["/home/claw/.openclaw/media/outbound"] == "exclude /media/outbound/"
    assert {"workspace/keep.mp4", "cache/page"} <= walk.inner() and walk.exclusions.findings() == []


def test_nothing_protected_can_be_excluded(host):
    state = host.place("/home/claw/.openclaw")
    everything = Walk(host)
    walk = Walk(host, "*", "openclaw.json", "credentials/", "*.sqlite", "/workspace/", "*.md")
    inner = walk.inner()
    for name in ("openclaw.json", ".env", "state/openclaw.sqlite", "agents/main/agent/openclaw-agent.sqlite", "memory/main.sqlite",
                 "credentials/whatsapp/default/creds.json", "identity/device.json", "devices/paired.json", "cron/jobs.json",
                 "agents/old/agent/auth-profiles.json", "agents/old/sessions/732a9f24.jsonl", "workspace/SOUL.md",
                 "workspace/memory/2026-11-20.md"):
        assert (state / name).exists() and name in inner, name
    assert "media/inbound/photo.jpg" not in inner and "workspace/skills/weather/SKILL.md" not in inner
    assert walk.kept < everything.kept
    findings = walk.exclusions.findings()
    assert {finding.code for finding in findings} == {"exclusion-protected"}
    assert {re.search(r"pattern (\S+) matches", finding.message).group(1) for finding in findings} == {
        "*", "openclaw.json", "credentials/", "/workspace/"}


def test_a_log_of_a_protected_database_is_protected_too(host):
    state = host.place("/home/claw/.openclaw")
    write(state / "agents/main/agent/openclaw-agent.sqlite-wal", "rows")
    assert "agents/main/agent/openclaw-agent.sqlite-wal" in Walk(host, "*-wal").inner()


def test_a_workspace_inside_something_left_out_is_kept(host):
    state = host.place("/home/claw/.openclaw")
    write(state / "cache/agents/ws/SOUL.md", "x")
    write(state / "cache/agents/ws/notes.tmp", "x")
    write(state / "cache/other", "x")
    write(state / "openclaw.json", '{"agents": {"entries": {"main": {"workspace": "~/.openclaw/cache/agents/ws"}}}}')
    inner = Walk(host).inner()
    assert {"cache/agents/ws/SOUL.md", "cache/agents/ws/notes.tmp"} <= inner and "cache/other" not in inner


def test_cuts_are_not_walked_and_not_counted_as_exclusions_of_the_user(host):
    host.state("/home/claw/.openclaw-ops").database_first()
    write(host.place("/home/claw/.openclaw/workspace-ops/SOUL.md"), "theirs")
    walk = Walk(host, "!*")
    assert walk.left_out["/home/claw/.openclaw/workspace-ops"] == "another-instance" and "workspace-ops/SOUL.md" not in walk.inner()
    walk = Walk(host, scope="state")
    assert walk.left_out["/home/claw/.openclaw/workspace"] == "scope" and "workspace/SOUL.md" not in walk.inner()


def test_the_home_as_an_extra_path_has_exclusions_of_its_own(host):
    write(host.place("/home/claw/.cache/big"), "x")
    write(host.place("/home/claw/notes.txt"), "x")
    write(host.place("/home/claw/tmp/draft"), "x")
    walk = Walk(host, extra=["HOME"])
    assert walk.left_out["/home/claw/.cache"] == "home-caches" and walk.left_out["/home/claw/.openclaw/cache"] == "cache"
    assert {"/home/claw/notes.txt", "/home/claw/tmp/draft"} <= walk.kept


def test_directories_may_be_asked_for_in_any_order_and_however_many(host, monkeypatch):
    monkeypatch.setattr("ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.exclusions.KNOWN_LIMIT", 3)
    few = Walk(host, "*.md", "!SOUL.md")
    monkeypatch.undo()
    many = Walk(host, "*.md", "!SOUL.md")
    assert few.kept == many.kept and few.left_out == many.left_out
    deep = f"{few.instance.state_dir}/workspace/a/b/c/d/note.md"
    assert Walk(host, "b/").exclusions.reason(deep, False) == "exclude b/"


def test_one_decision_takes_microseconds(host):
    walk = Walk(host, "*.mp4", "!keep*.mp4", "build/", "**/target/**", "/workspace/projects/p1/", "*.py[co]", ".venv/", "a/**/b")
    base = f"{walk.instance.state_dir}/workspace/projects"
    paths = [f"{base}/p{n % 7}/src/m{n % 97}/f{n}.py" for n in range(50_000)]
    reason = walk.exclusions.reason
    began = time.perf_counter()
    for path in paths:
        reason(path, False)
    assert (time.perf_counter() - began) / len(paths) < 20e-6  # 1 µs here; a loaded machine gets room
