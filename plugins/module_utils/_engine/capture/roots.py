# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Everything that belongs to an instance, as a list of roots: the paths that a backup starts from.

Root paths have their links resolved, so that a walk finds content; the links that led there are roots of their own, so
that a restore makes them again. Only what exists becomes a root, except where the config names a workspace that does not.
"""
from __future__ import annotations

import os
import stat

from .accounts import current_user_id
from .claims import Claims
from .layout import AGENT_DATABASE, Layout
from .locate import Location, environment_places, state_dir_of
from .model import Finding, Root
from .paths import ancestors, inside, list_names, place_below
from .units import Service

CONFIG_SUFFIXES = (".bak", ".last-good", ".clobbered.", ".rejected.")
AUXILIARY = (".config/openclaw",)  # below the home; in the state of a container it is a mount of its own
SECRET_FILE_LIMIT = 1 << 20  # bytes of a file that a setting such as tokenFile names
NEVER_TAKEN = ("/proc", "/sys", "/dev", "/run")  # secrets placed there by a service manager are made anew at each start


class RootList:
    """Collects roots without repeating any, and the Findings on the way."""

    def __init__(self, location: Location) -> None:
        self._location = location
        self._roots: dict[Root, None] = {}
        self.findings: list[Finding] = []

    def add(self, path: str, role: str, agent: str | None = None, *,
            required: bool = False, absent: bool = False, vouched: bool = False) -> None:
        """Take a path in if it exists (or absent is true) and if the instance's user may read it (or vouched is true)."""
        real = os.path.realpath(path)
        try:
            status = os.stat(real)
        except OSError:
            if absent:
                self._roots.setdefault(Root(real, role, agent, required))
            return
        if not vouched and not self._may_read(status, real, path):
            self.findings.append(Finding(
                "root-not-permitted", "the config names a place that the instance's user may not read; it is left out", path))
            return
        self._roots.setdefault(Root(real, role, agent, required))
        for link in self._links_to(path):
            self._roots.setdefault(Root(link, role, agent))

    def _may_read(self, status: os.stat_result, real: str, path: str) -> bool:
        """Whether the user could have read it: a privileged backup must not fetch what a config's author may not see."""
        account = self._location.account
        if current_user_id() != 0 or account.uid == 0:
            return True
        if inside(real, os.path.realpath(account.home)) and not os.path.islink(path):
            return True
        needed = 0o5 if stat.S_ISDIR(status.st_mode) else 0o4
        if status.st_uid == account.uid:
            return status.st_mode >> 6 & needed == needed
        if status.st_gid in _groups(account.name, account.gid):
            return status.st_mode >> 3 & needed == needed
        return status.st_mode & needed == needed

    def _links_to(self, path: str) -> list[str]:
        """The symbolic links on the way to a path that are the instance's own: in its home or state, or the last step."""
        links = []
        for place in (path, *ancestors(path)):
            own = place == path or inside(place, self._location.home) or inside(place, self._location.state_dir)
            if own and place != "/" and os.path.islink(place):
                links.append(os.path.join(os.path.realpath(os.path.dirname(place)), os.path.basename(place)))
        return links

    def roots(self) -> tuple[Root, ...]:
        """The roots in the order in which they were added."""
        return tuple(self._roots)


def _groups(name: str, gid: int) -> list[int]:
    try:
        return os.getgrouplist(name, gid)
    except (OSError, ValueError):
        return [gid]


def collect_roots(location: Location, claims: Claims, layout: Layout) -> tuple[tuple[Root, ...], list[Finding]]:
    """All roots of an instance."""
    found = RootList(location)
    found.add(location.state_dir, "state", required=True, vouched=location.vouched)
    _add_config(found, location, claims)
    _add_services(found, location)
    for claim in claims.workspaces:
        if claim.explicit and not os.path.isdir(claim.path):
            found.findings.append(Finding(
                "workspace-missing", f"the workspace of agent {claim.agent or '(unknown)'} is configured and does not exist", claim.path))
        found.add(claim.path, "workspace", claim.agent, absent=claim.explicit)
    _add_unclaimed_workspaces(found, location, claims, layout)
    _add_agents(found, location, claims, layout)
    _add_secrets(found, location, claims)
    return found.roots(), found.findings


def _add_config(found: RootList, location: Location, claims: Claims) -> None:
    path = location.config_path
    if not claims.config.exists and not claims.config.broken:
        found.findings.append(Finding("config-missing", "the config file does not exist", path))
    found.add(path, "config", required=claims.config.exists)
    directory, name = os.path.split(path)
    for entry in list_names(directory):
        if entry.startswith(name) and entry[len(name):].startswith(CONFIG_SUFFIXES):
            found.add(f"{directory}/{entry}", "config")
    for file in claims.config.files:
        found.add(file, "include")
    for place in environment_places(location):
        found.add(place, "environment")


def _add_services(found: RootList, location: Location) -> None:
    for service in services_of(location):
        system = service.kind == "system"  # only root can write these, and systemd reads them as root
        for file in service.files:
            found.add(file, "unit", vouched=system)
        for file in service.environment_files:
            found.add(file, "environment", vouched=system)


def services_of(location: Location) -> list[Service]:
    """The services whose files belong to this instance: those with its state; helpers go with the default profile."""
    real = os.path.realpath(location.state_dir)
    own = []
    for service in location.services:
        path = state_dir_of(service, location.account.home, location.root) if service.gateway else None
        if (path and os.path.realpath(path) == real) or (not service.gateway and service.profile == location.profile):
            own.append(service)
    return own


def _add_unclaimed_workspaces(found: RootList, location: Location, claims: Claims, layout: Layout) -> None:
    """Workspaces of agents that the config no longer has; those that another instance claims are told apart later."""
    for name in list_names(location.state_dir):
        path = f"{location.state_dir}/{name}"
        if name.startswith("workspace-") and name != "workspace-attestations" and os.path.isdir(path) and not claims.claims(path):
            agent = name[len("workspace-"):]
            found.add(path, "workspace", agent if agent in layout.agents else None)


def _add_agents(found: RootList, location: Location, claims: Claims, layout: Layout) -> None:
    for agent in layout.agents:
        found.add(f"{location.state_dir}/agents/{agent}", "agent", agent)
    for agent, path in claims.agent_dirs.items():
        if not os.path.isdir(path) and agent not in layout.agents:  # the gateway may keep everything below its state anyway
            found.findings.append(Finding(
                "agent-directory-missing", f"the directory of agent {agent} is configured and does not exist", path))
        found.add(path, "agent", agent)
    for path in claims.loose_agent_dirs:
        found.add(path, "agent")
    known = [root.path for root in found.roots()]
    for path in layout.databases:
        if not any(inside(path, base) for base in known):
            if os.path.basename(path) == AGENT_DATABASE:
                found.add(os.path.dirname(path), "agent")
            else:
                found.findings.append(Finding(
                    "database-outside", "a registered database lies outside of everything that is backed up", path))


def _add_secrets(found: RootList, location: Location, claims: Claims) -> None:
    said = location.environment.get("OPENCLAW_OAUTH_DIR")
    found.add(location.path_of(said) if said and said.strip() else f"{location.state_dir}/credentials", "credentials")
    for name in AUXILIARY:
        found.add(location.path_of(f"~/{name}"), "auxiliary")
        found.add(f"{location.home}/{name}", "auxiliary")
    for text in claims.settings.files:
        path = location.resolve(text)
        never = [place_below(place, location.root) for place in NEVER_TAKEN]
        if path is None or any(inside(place, base) for base in never for place in (path, os.path.realpath(path))):
            continue
        if not os.path.exists(path):
            found.findings.append(Finding("secret-file-missing", "the config names a file that does not exist", path))
        elif os.path.isfile(path) and os.path.getsize(path) <= SECRET_FILE_LIMIT:
            found.add(path, "credentials")
        else:
            found.findings.append(Finding(
                "secret-file-left-out", f"the config names something that is no file of at most {SECRET_FILE_LIMIT} bytes", path))
