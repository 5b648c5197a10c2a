# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Which component of an instance a captured path belongs to, from the roots that a manifest records."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable

from .layout import AGENT_DATABASE, STATE_DATABASE
from .paths import ancestors, inside
from .protected import WORKSPACE_FILES

COMPONENTS = ("config", "credentials", "sessions", "memory", "cron", "workspace", "skills", "state", "unit", "extra")
_BY_ROLE = {
    "config": "config", "include": "config", "environment": "config", "credentials": "credentials", "auxiliary": "credentials",
    "unit": "unit", "extra": "extra", "workspace": "workspace", "agent": "sessions", "state": "state",
}
_NARROW_FIRST = ("include", "config", "environment", "unit", "credentials", "auxiliary", "workspace", "agent", "state", "extra")
# First name below the state directory → component.
_STATE_NAMES = {
    "credentials": "credentials", "identity": "credentials", "devices": "credentials", "secrets.json": "credentials", "cron": "cron",
    "memory": "memory", "skills": "skills", "hooks": "skills", "transcripts": "sessions", "sessions": "sessions", ".env": "config",
    "gateway.systemd.env": "config", "config-journal-fingerprint.key": "config",
}
_CREDENTIAL_FILES = ("agent/auth-profiles.json", "agent/auth.json")
_MEMORY_FILES = ("MEMORY.md", "memory.md")


@dataclass(frozen=True)
class Place:
    """What a path is. component: one of COMPONENTS. also: components that include this one, such as the workspace of a memory note."""

    component: str
    agent: str | None = None
    also: tuple[str, ...] = ()


def _plain(root) -> tuple[str, str, str | None]:
    """(path, role, agent) of a Root or of what a manifest keeps of one."""
    if isinstance(root, dict):
        return root["path"], root["role"], root.get("agent")
    return root.path, root.role, root.agent


class Classifier:
    """Classifies many paths of one snapshot. roots: objects or dicts with path, role and agent."""

    def __init__(self, roots: Iterable) -> None:
        self._by_path: dict[str, tuple[str, str | None]] = {}
        for root in roots:
            path, role, agent = _plain(root)
            known = self._by_path.get(path)
            if known is None or _NARROW_FIRST.index(role) < _NARROW_FIRST.index(known[0]):
                self._by_path[path] = (role, agent)
        self._directories: dict[str, tuple[str, str, str | None] | None] = {}

    def place(self, path: str) -> Place:
        """The component and agent of a path; "extra" for what lies in no root."""
        exact = self._by_path.get(path)
        found = (path, *exact) if exact else self._root_above(path)
        if found is None:
            return Place("extra")
        base, role, agent = found
        inner = path[len(base):].strip("/")
        if role == "state":
            return _in_state(inner)
        if role == "agent":
            return _in_agent(inner, agent)
        if role == "workspace":
            return _in_workspace(inner, agent)
        return Place(_BY_ROLE[role], agent)

    def _root_above(self, path: str) -> tuple[str, str, str | None] | None:
        directory = path.rpartition("/")[0] or "/"
        if directory not in self._directories:
            found = next(((place, *self._by_path[place]) for place in (directory, *ancestors(directory)) if place in self._by_path), None)
            self._directories[directory] = found
        return self._directories[directory]


def component_of(path: str, instance_like) -> str:
    """The component of one path. instance_like: anything with roots, or a list of roots. For many paths use a Classifier."""
    return Classifier(getattr(instance_like, "roots", instance_like)).place(path).component


def is_selected(place: Place, components: Iterable[str], agent: str | None = None) -> bool:
    """Whether a place belongs to any of the components asked for, and to the agent if one is asked for."""
    wanted = set(components)
    return (not wanted or place.component in wanted or bool(wanted.intersection(place.also))) and agent in (None, place.agent)


def _in_state(inner: str) -> Place:
    first, dummy, rest = inner.partition("/")
    if first.startswith(("openclaw.json", "clawdbot.json")):
        return Place("config")
    if first == "agents" and rest:
        agent, dummy, below = rest.partition("/")
        return _in_agent(below, agent)
    if first == "workspace" or (first.startswith("workspace-") and first != "workspace-attestations"):
        return _in_workspace(rest, first[len("workspace-"):] or None)
    return Place(_STATE_NAMES.get(first, "state"))


def _in_agent(inner: str, agent: str | None) -> Place:
    return Place("credentials" if inner in _CREDENTIAL_FILES else "sessions", agent)


def _in_workspace(inner: str, agent: str | None) -> Place:
    first = inner.partition("/")[0]
    if first == "memory" or inner in _MEMORY_FILES:
        return Place("memory", agent, ("workspace",))
    if first == "skills":
        return Place("skills", agent, ("workspace",))
    return Place("workspace", agent)


@dataclass(frozen=True)
class Critical:
    """One thing without which an agent is not itself. present: the snapshot has it."""

    component: str
    agent: str | None
    present: bool
    what: str


def critical_components(paths: Iterable[str], roots: Iterable, agents: Iterable[str] = ()) -> list[Critical]:
    """Check the captured paths of files for what every instance needs, as far as its roots are in the snapshot.

    config; the state database, or the files that older releases keep instead; for each agent its database or session
    files; the credentials directory where there is one; in each workspace at least one of the core files.
    """
    captured = set(paths)
    plain = [_plain(root) for root in roots]
    found = []
    configs = [path for path, role, dummy in plain if role == "config"]
    if configs:
        found.append(Critical("config", None, configs[0] in captured, configs[0]))
    for path, role, agent in plain:
        if role == "state":
            legacy = ("sessions.json", "jobs.json", "device.json", "paired.json")
            has = f"{path}/{STATE_DATABASE}" in captured or any(name.endswith(legacy) and inside(name, path) for name in captured)
            found.append(Critical("state", None, has, f"{path}/{STATE_DATABASE}"))
            found.extend(_agents_of_state(path, agents, captured))
        elif role == "credentials":
            found.append(Critical("credentials", None, any(inside(name, path) for name in captured), path))
        elif role == "workspace":
            found.append(Critical("workspace", agent, any(f"{path}/{name}" in captured for name in WORKSPACE_FILES), path))
    return found


def _agents_of_state(path: str, agents: Iterable[str], captured: set[str]) -> list[Critical]:
    found = []
    for agent in agents:
        base = f"{path}/agents/{agent}"
        below = [name for name in captured if inside(name, base)]
        has = any(name.endswith((f"/{AGENT_DATABASE}", ".jsonl", "/sessions.json")) for name in below)
        if below:  # a configured agent that never ran has nothing
            found.append(Critical("sessions", agent, has, base))
    return found
