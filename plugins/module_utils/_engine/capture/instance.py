# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Discovery: one OpenClaw instance, or all of a host. Reads files only; OpenClaw may be broken or gone."""
from __future__ import annotations

import os
import re

from ..errors import EngineError
from ..options import InstanceOptions
from ..ports import Context
from .accounts import Account, all_accounts, find_account
from .claims import Claims, read_claims
from .containers import find_containers
from .layout import read_layout
from .locate import LEGACY_STATE_NAME, STATE_NAME, Location, default_state_dir, locate, state_dir_of
from .model import Finding, Instance, Root
from .paths import inside, list_names
from .roots import collect_roots
from .units import Service, find_units
from .versions import find_versions

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_PROFILE_DIRECTORY = re.compile(re.escape(STATE_NAME) + r"-([A-Za-z0-9][A-Za-z0-9_-]*)")
# One of these makes a directory a state directory rather than something that is only called like one.
STATE_SIGNS = ("openclaw.json", "clawdbot.json", "state/openclaw.sqlite", "agents", "credentials")
HINT_LIMIT = 10  # instances named in a hint
# Findings that mean that something may be missing from a backup, not only that something is odd.
LOSSES = frozenset((
    "root-not-permitted", "workspace-missing", "agent-directory-missing", "config-variable-missing", "config-unreadable",
    "config-too-large", "config-too-deep", "include-missing", "database-missing", "database-outside",
    "secret-file-missing", "secret-file-left-out", "environment-file-missing", "environment-file-too-large",
    "environment-file-unreadable", "unit-unreadable",
))


def discover(options: InstanceOptions, context: Context, *, root: str = "/") -> Instance:
    """The instance that the options mean, by default that of the user who runs this.

    root: where the host's file system is mounted. Raises EngineError: "instance-missing", "instance-unreadable",
    "instance-name-invalid", "user-unknown", "path-relative".
    """
    if options.instance and not NAME.fullmatch(options.instance):
        raise EngineError(
            "instance-name-invalid", f"The instance name {options.instance!r} cannot be used",
            "Use letters, digits, '.', '_' and '-', at most 128, beginning with a letter or digit.")
    location = locate(options, context, root)
    _require_state(location, context)
    return _describe(location, options.instance)


def discover_all(context: Context, users=None, *, root: str = "/") -> list[Instance]:
    """Every instance on the host: of all users with a home, or of those named. Homes that cannot be read have none.

    Default and profile state directories, and those of services and containers; each state directory once.
    """
    accounts = [find_account(name, root) for name in users] if users is not None else all_accounts(root)
    found: dict[str, Instance] = {}
    for account in accounts:
        for location in _locations(account, root, context):
            real = os.path.realpath(location.state_dir)
            if real in found or not os.access(location.state_dir, os.R_OK | os.X_OK):
                continue
            try:
                found[real] = _describe(location, None)
            except EngineError:
                continue  # a link to somebody else's state, which is found there
    return list(found.values())


def _require_state(location: Location, context: Context) -> None:
    try:
        os.listdir(location.state_dir)
    except (FileNotFoundError, NotADirectoryError):
        others = _others(location, context)
        raise EngineError(
            "instance-missing", f"There is no OpenClaw state at {location.state_dir} (user {location.account.name})",
            "Found instead: " + "; ".join(others) + ". Name one with user, profile or state_dir." if others
            else "No other OpenClaw state was found on this host either: name it with user, profile or state_dir.",
            {"state_dir": location.state_dir, "found": others}) from None
    except OSError as exc:
        raise EngineError(
            "instance-unreadable", f"The OpenClaw state at {location.state_dir} cannot be read: {exc.strerror or exc}",
            f"Run this as {location.account.name} or as root.", {"state_dir": location.state_dir}) from exc


def _require_permission(location: Location, roots: tuple[Root, ...]) -> None:
    if not any(root.role == "state" for root in roots):
        raise EngineError(
            "instance-unreadable", f"{location.state_dir} leads to a state directory that {location.account.name} may not read",
            "Run this as the user that owns it, or name it with state_dir.", {"state_dir": location.state_dir})


def _others(location: Location, context: Context) -> list[str]:
    """What there is on the host, for people who looked in the wrong place."""
    texts = []
    for account in [location.account, *(one for one in all_accounts(location.root) if one.uid != location.account.uid)]:
        for other in _locations(account, location.root, context):
            profile = f", profile {other.profile}" if other.profile else ""
            texts.append(f"{other.state_dir} (user {account.name}{profile})")
    return list(dict.fromkeys(texts))[:HINT_LIMIT]


def _locations(account: Account, root: str, context: Context, services: list[Service] | None = None) -> list[Location]:
    """The state directories of one user that exist. services: the user's, where they are known already."""
    host_services = services if services is not None else [*find_units(account, root), *find_containers(account, root)]
    quiet = Context(clock=context.clock)  # another process's OPENCLAW_* says nothing about these
    wanted: dict[str, InstanceOptions] = {}
    for profile in [None, *_profiles(account.home)]:
        path = default_state_dir(account.home, profile)
        wanted.setdefault(path, InstanceOptions(profile=profile or "default", state_dir=path))
    for service in host_services:
        path = state_dir_of(service, account.home, root) if service.gateway else None
        if path:
            wanted.setdefault(path, InstanceOptions(profile=service.profile or "default", state_dir=path))
    return [locate(options, quiet, root, account, host_services) for path, options in wanted.items() if _is_state(path)]


def _profiles(home: str) -> list[str]:
    found = (_PROFILE_DIRECTORY.fullmatch(name) for name in list_names(home))
    return [match.group(1) for match in found if match]


def _is_state(path: str) -> bool:
    return os.path.isdir(path) and any(os.path.lexists(f"{path}/{sign}") for sign in STATE_SIGNS)


def _describe(location: Location, name: str | None) -> Instance:
    """Everything about an instance whose state directory exists."""
    claims = read_claims(location)
    layout = read_layout(location.state_dir, claims.agent_dirs, location.path_of)
    roots, findings = collect_roots(location, claims, layout)
    _require_permission(location, roots)
    foreign, more = _foreign(location, claims, roots)
    roots = tuple(root for root in roots if root.path not in foreign)
    agents = dict.fromkeys([*(agent.name for agent in claims.settings.agents), *layout.agents])
    account, service = location.account, location.service
    return Instance(
        name=name or default_name(location),
        user=account.name, uid=account.uid, gid=account.gid, home=location.home, profile=location.profile,
        state_dir=location.state_dir, config_path=location.config_path, layout=layout.layout, roots=roots,
        databases=tuple(path for path in layout.databases if not any(inside(path, place) for place in foreign)),
        foreign=tuple(foreign), agents=tuple(agents), unit=service.name if service else None,
        versions=find_versions(service, claims.settings.version, account.home, location.root),
        findings=tuple(dict.fromkeys([
            *location.findings, *claims.findings, *layout.findings, *findings, *more, *_leftovers(location), *_doubts(location)])),
    )


def _foreign(location: Location, claims: Claims, roots: tuple[Root, ...]) -> tuple[list[str], list[Finding]]:
    """Paths inside this instance's roots that another instance of the same user works in."""
    foreign: dict[str, None] = {}
    findings = []
    own_state = os.path.realpath(location.state_dir)
    bases = [root.path for root in roots if root.role in ("state", "workspace", "agent")]
    for other in _locations(location.account, location.root, Context(), location.services):
        if os.path.realpath(other.state_dir) == own_state:
            continue
        for path in [other.state_dir, *(claim.path for claim in read_claims(other).workspaces)]:
            real = os.path.realpath(path)
            if not os.path.isdir(real) or inside(own_state, real) or not any(inside(real, base) for base in bases):
                continue
            if claims.claims(real):
                findings.append(Finding("workspace-shared", f"two instances use this workspace; the other is {other.state_dir}", real))
            else:
                foreign.setdefault(real)
    return list(foreign), findings


def _leftovers(location: Location) -> list[Finding]:
    """States that OpenClaw itself no longer reads."""
    old = f"{location.home}/{LEGACY_STATE_NAME}"
    if location.profile is None and location.state_dir == f"{location.home}/{STATE_NAME}" and _is_state(old) and not os.path.islink(old):
        return [Finding("legacy-state-present", "an older state directory is there too; OpenClaw does not read it and it is not backed up "
                        "(name it in extra_paths to keep it)", old)]
    return []


def _doubts(location: Location) -> list[Finding]:
    """What makes it doubtful that this is the state that the gateway works with."""
    doubts = []
    if not _is_state(location.state_dir):
        doubts.append(Finding(
            "state-unrecognised", "the state directory holds nothing that OpenClaw would have put there", location.state_dir))
    rivals = [service.name for service in location.services if service.gateway and service.profile == location.profile]
    if rivals and not location.service:
        doubts.append(Finding("service-elsewhere", f"{', '.join(rivals)} runs OpenClaw with another state directory", location.state_dir))
    return doubts


def default_name(location: Location) -> str:
    """<host>-<user>[-<profile>], and the state directory's path where it is none of the usual ones, in allowed characters."""
    parts = [location.host, location.account.name]
    if location.profile:
        parts.append(location.profile)
    home = location.account.home
    usual = [default_state_dir(home, location.profile)]
    if not location.profile:
        usual += [f"{home}/{STATE_NAME}", f"{home}/{LEGACY_STATE_NAME}"]
    if location.state_dir not in usual:
        base = next((base for base in (home, location.root) if base != "/" and inside(location.state_dir, base)), "")
        parts.append(location.state_dir[len(base):])
    text = "-".join(re.sub(r"[^A-Za-z0-9_-]+", "-", part).strip("-") for part in parts)
    return re.sub(r"-{2,}", "-", text).strip("-")[:128] or "openclaw"
