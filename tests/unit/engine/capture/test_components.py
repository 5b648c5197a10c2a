# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every captured path belongs to a component, told from the roots in the manifest alone."""
from __future__ import annotations

from dataclasses import asdict

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.components import (
    COMPONENTS, Classifier, component_of, critical_components, is_selected,
)
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.model import Root

STATE = "/home/claw/.openclaw"
ROOTS = [
    Root(STATE, "state", None, True), Root(f"{STATE}/openclaw.json", "config"), Root("/etc/openclaw/team.json5", "include"),
    Root(f"{STATE}/.env", "environment"), Root(f"{STATE}/workspace", "workspace", "main"), Root("/srv/work", "workspace", "work"),
    Root(f"{STATE}/agents/main", "agent", "main"), Root("/srv/agent", "agent", "work"), Root(f"{STATE}/credentials", "credentials"),
    Root("/home/claw/.config/openclaw", "auxiliary"),
    Root("/home/claw/.config/systemd/user/openclaw-gateway.service", "unit"), Root("/etc/nginx", "extra"),
]


@pytest.mark.parametrize("path, component, agent", [
    (f"{STATE}/openclaw.json", "config", None), (f"{STATE}/openclaw.json.bak.1", "config", None), (f"{STATE}/.env", "config", None),
    ("/etc/openclaw/team.json5", "config", None), (f"{STATE}/clawdbot.json", "config", None),
    (f"{STATE}/credentials/whatsapp/default/creds.json", "credentials", None), (f"{STATE}/devices/paired.json", "credentials", None),
    (f"{STATE}/identity/device.json", "credentials", None), ("/home/claw/.config/openclaw/auth.key", "credentials", None),
    (f"{STATE}/secrets.json", "credentials", None), (f"{STATE}/agents/old/agent/auth-profiles.json", "credentials", "old"),
    (f"{STATE}/agents/main/agent/openclaw-agent.sqlite", "sessions", "main"), (f"{STATE}/agents/old/sessions/x.jsonl", "sessions", "old"),
    ("/srv/agent/openclaw-agent.sqlite-wal", "sessions", "work"), (f"{STATE}/memory/main.sqlite", "memory", None),
    (f"{STATE}/workspace/memory/2026-11-20.md", "memory", "main"), ("/srv/work/MEMORY.md", "memory", "work"),
    (f"{STATE}/cron/jobs.json", "cron", None),
    (f"{STATE}/workspace/SOUL.md", "workspace", "main"), (f"{STATE}/workspace", "workspace", "main"),
    (f"{STATE}/workspace-retired/SOUL.md", "workspace", "retired"), (f"{STATE}/workspace-attestations/x", "state", None),
    (f"{STATE}/workspace/skills/weather/SKILL.md", "skills", "main"), (f"{STATE}/skills/x/SKILL.md", "skills", None),
    (f"{STATE}/state/openclaw.sqlite", "state", None), (f"{STATE}/media/inbound/a.jpg", "state", None), (STATE, "state", None),
    ("/home/claw/.config/systemd/user/openclaw-gateway.service", "unit", None),
    ("/etc/nginx/nginx.conf", "extra", None), ("/other", "extra", None),
])
def test_the_component_of_a_path(path, component, agent):
    place = Classifier(ROOTS).place(path)
    assert (place.component, place.agent) == (component, agent) and component in COMPONENTS
    assert component_of(path, [asdict(root) for root in ROOTS]) == component


def test_a_workspace_includes_its_memory_and_skills():
    places = Classifier(ROOTS)
    memory, soul, database = (places.place(f"{STATE}/{name}") for name in (
        "workspace/memory/x.md", "workspace/SOUL.md", "agents/main/agent/openclaw-agent.sqlite"))
    assert is_selected(memory, ["workspace"]) and is_selected(memory, ["memory"]) and not is_selected(soul, ["memory"])
    assert is_selected(memory, ["memory"], "main") and not is_selected(memory, ["memory"], "work")
    assert is_selected(database, []) and is_selected(database, ["sessions", "config"]) and not is_selected(database, ["config"])


def missing(paths, agents=("main",)):
    return {(item.component, item.agent) for item in critical_components(paths, ROOTS, agents) if not item.present}


WHOLE = [
    f"{STATE}/openclaw.json", f"{STATE}/state/openclaw.sqlite", f"{STATE}/agents/main/agent/openclaw-agent.sqlite",
    f"{STATE}/credentials/x", f"{STATE}/workspace/SOUL.md", "/srv/work/AGENTS.md",
]


@pytest.mark.parametrize("lost, found", [
    (None, set()), (0, {("config", None)}), (1, {("state", None)}), (3, {("credentials", None)}), (4, {("workspace", "main")}),
    (5, {("workspace", "work")}),
])
def test_each_critical_component_is_missed(lost, found):
    assert missing([path for index, path in enumerate(WHOLE) if index != lost]) == found


def test_an_agent_without_its_database_is_missed():
    paths = [*WHOLE[:2], f"{STATE}/agents/main/agent/models.json", *WHOLE[3:]]
    assert missing(paths) == {("sessions", "main")}
    assert missing([path for path in WHOLE if "/agents/" not in path], ("main", "idle")) == set()  # never ran


def test_the_older_layout_has_other_files():
    paths = [f"{STATE}/openclaw.json", f"{STATE}/agents/main/sessions/a.jsonl", f"{STATE}/identity/device.json", *WHOLE[3:]]
    assert missing(paths) == set()


def test_a_snapshot_of_workspaces_needs_nothing_else():
    roots = [root for root in ROOTS if root.role == "workspace"]
    assert all(item.present for item in critical_components(WHOLE[4:], roots, ["main"]))
