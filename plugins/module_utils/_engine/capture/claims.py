# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The workspaces and agent directories that an instance's config lays claim to, resolved to paths of this host.

OpenClaw's rules: an agent's own setting; else, for the default agent, `agents.defaults.workspace`, OPENCLAW_WORKSPACE_DIR or
`~/.openclaw/workspace[-<profile>]`; for any other, `<agents.defaults.workspace>/<id>` or `<state>/workspace-<id>`.
"""
from __future__ import annotations

import os
from dataclasses import dataclass, field

from .config_file import Config, include_roots, load_config
from .locate import STATE_NAME, Location
from .model import Finding
from .paths import inside
from .settings import Agent, Settings, read_settings


@dataclass(frozen=True)
class Claim:
    """One directory. explicit: a setting names it, so that its absence is worth a word."""

    path: str
    agent: str | None
    explicit: bool


@dataclass
class Claims:
    """What a config says, and what follows from it."""

    config: Config
    settings: Settings
    workspaces: list[Claim] = field(default_factory=list)
    agent_dirs: dict[str, str] = field(default_factory=dict)
    loose_agent_dirs: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def claims(self, path: str) -> bool:
        """Whether a path is one of the workspaces, links resolved."""
        real = os.path.realpath(path)
        return any(os.path.realpath(claim.path) == real for claim in self.workspaces)


def read_claims(location: Location) -> Claims:
    """Read the config of a location. A config with errors is helped out by `<config>.last-good`, which OpenClaw keeps."""
    allowed = include_roots(location.environment, location.path_of)
    config = load_config(location.config_path, allowed, location.path_of)
    found = Claims(config, read_settings(config))
    _learn_variables(location, found.settings)
    sources = [found.settings]
    if config.broken:
        spare = load_config(f"{location.config_path}.last-good", allowed, location.path_of)
        if spare.data:
            found.findings.append(Finding(
                "config-last-good-used", "the config has errors; its last good copy was read for workspaces and agents too", spare.path))
            sources.append(read_settings(spare))
            config.files.extend(path for path in spare.files if path not in config.files)
            if not config.data:
                found.settings = sources[1]
    for settings in sources:
        _claim_all(location, settings, found)
    found.workspaces = list(dict.fromkeys(found.workspaces))
    found.findings.extend(config.findings)
    return found


def _learn_variables(location: Location, settings: Settings) -> None:
    for name, value in settings.variables.items():
        location.environment.setdefault(name, value)


def _claim_all(location: Location, settings: Settings, found: Claims) -> None:
    for agent in settings.agents:
        found.workspaces.extend(_workspaces_of(location, settings, agent, found))
        if agent.directory:
            path = _existing(location, agent.directory, found)
            if path:
                found.agent_dirs.setdefault(agent.name, path)
    if settings.default_agent not in [agent.name for agent in settings.agents]:
        found.workspaces.extend(_workspaces_of(location, settings, Agent(settings.default_agent), found))
    for kind, text in settings.loose:
        path = _existing(location, text, found)
        if path and os.path.isdir(path):
            if kind == "workspace":
                found.workspaces.append(Claim(path, None, True))
            else:
                found.loose_agent_dirs.append(path)


def _workspaces_of(location: Location, settings: Settings, agent: Agent, found: Claims) -> list[Claim]:
    if agent.workspace:
        path = _existing(location, agent.workspace, found)
        return [Claim(path, agent.name, True)] if path else []
    common = _existing(location, settings.workspace, found) if settings.workspace else None
    said = location.environment.get("OPENCLAW_WORKSPACE_DIR")
    claims, implied = [], []
    if agent.name == settings.default_agent:
        if common:
            claims = [Claim(common, agent.name, True)]
        elif said and said.strip() and not (location.service and location.service.mounts):
            claims = [Claim(location.path_of(said), agent.name, True)]
        else:
            implied = default_workspaces(location)
    # Releases differ in which agent works in the common workspace itself: the default one may have its own as well.
    implied += [f"{common}/{agent.name}"] if common else []
    implied.append(f"{location.state_dir}/workspace-{agent.name}")
    return claims + [Claim(path, agent.name, False) for path in implied if os.path.isdir(path)]


def default_workspaces(location: Location) -> list[str]:
    """Where a default agent works when nothing says otherwise: releases differ, so there are several."""
    usual = location.path_of(f"~/{STATE_NAME}")
    if location.profile:
        return [f"{usual}/workspace-{location.profile}", f"{location.state_dir}/workspace"]
    places = [f"{location.state_dir}/workspace"]
    mapped = location.path_of(f"~/{STATE_NAME}/workspace")
    if mapped not in places and not os.path.isfile(f"{usual}/openclaw.json"):
        places.append(mapped)  # not the workspace of another instance that lives in the usual place
    return places


def _existing(location: Location, text: str, found: Claims) -> str | None:
    """The path of a setting. One that exists only below this state directory, since the state has moved, is taken there."""
    path = location.resolve(text)
    if path is None or os.path.lexists(path):
        return path
    for name in (f"/{os.path.basename(location.state_dir)}/", f"/{STATE_NAME}/", "/.clawdbot/"):
        dummy, marker, rest = path.partition(name)
        moved = f"{location.state_dir}/{rest}"
        if marker and rest and not inside(path, location.state_dir) and os.path.isdir(moved):
            found.findings.append(Finding(
                "path-moved", f"the config names {path}, which does not exist; {moved} is taken instead", moved))
            return moved
    return path
