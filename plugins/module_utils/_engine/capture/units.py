# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The services that run OpenClaw on a host, read from their files: systemd units of users and of the system.

Containers (Quadlet, compose) are in containers.py and give the same kind of answer.
"""
from __future__ import annotations

import glob
import os
import re
from dataclasses import dataclass, field

from . import unit_file
from .accounts import Account
from .environment_files import read_environment_file
from .model import Finding
from .paths import is_file, list_names, place_below

SYSTEM_DIRECTORIES = (
    "/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
)
USER_DIRECTORIES = (".config/systemd/user", ".local/share/systemd/user")  # below the home
SHARED_USER_DIRECTORIES = ("/etc/systemd/user",)
PRODUCTS = ("openclaw", "clawdbot")
UNIT_NAME = re.compile(r"(?:openclaw|clawdbot)(?:[-@.][A-Za-z0-9_.@:-]*)?\.service")
OWN_UNITS = re.compile(r"openclaw-backup")  # this collection's services are no gateways
_OWN_DROP_IN = "zz-openclaw-backup-"  # read last, so that no other drop-in takes its condition back
_GATEWAY_NAME = re.compile(r"(?:openclaw|clawdbot)(?:-gateway(?:-(?P<profile>.+?))?)?(?:@.*)?\.service")
_PROFILE_ARGUMENT = re.compile(r"--profile(?:=(.*))?")


@dataclass
class Service:
    """One way in which the host starts OpenClaw.

    name: for people and the service manager. kind: user, system, quadlet, compose. path: its main file. files: all its
    files. environment: what it sets, environment files included. command: the words of its start command. mounts:
    (path in the container, path on this host). gateway: it runs a gateway (and is no node host or helper).
    """

    name: str
    kind: str
    path: str
    user: str
    files: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    environment_files: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    mounts: list[tuple[str, str]] = field(default_factory=list)
    gateway: bool = True
    findings: list[Finding] = field(default_factory=list)

    @property
    def profile(self) -> str | None:
        """The profile that it runs, None for the default one."""
        return normal_profile(self.environment.get("OPENCLAW_PROFILE")) or self._profile_of_command() or self._profile_of_name()

    def _profile_of_command(self) -> str | None:
        for index, word in enumerate(self.command):
            if word == "--dev":
                return "dev"
            found = _PROFILE_ARGUMENT.fullmatch(word)
            if found:
                return normal_profile(found.group(1) or "".join(self.command[index + 1:index + 2]))
        return None

    def _profile_of_name(self) -> str | None:
        found = _GATEWAY_NAME.fullmatch(self.name)
        return normal_profile(found.group("profile")) if found else None


def normal_profile(name: str | None) -> str | None:
    """A profile's name, None for the default one (which may be called "default")."""
    name = (name or "").strip()
    return None if not name or name.lower() == "default" else name


@dataclass(frozen=True)
class _Manager:
    """Where one service manager (the system's, or a user's) looks for units."""

    kind: str
    directories: tuple[str, ...]


def find_units(account: Account, root: str = "/", host: str = "host") -> list[Service]:
    """The systemd services of one user that run OpenClaw: the user's own units, and system units with this user.

    root: where the host's file system is mounted. Reads files only; what cannot be read becomes a Finding.
    """
    managers = (
        _Manager("user", (*(f"{account.home}/{name}" for name in USER_DIRECTORIES),
                          *(place_below(name, root) for name in SHARED_USER_DIRECTORIES))),
        _Manager("system", tuple(place_below(name, root) for name in SYSTEM_DIRECTORIES)),
    )
    services = []
    for manager in managers:
        for name, path in _unit_files(manager):
            service = _read_service(name, path, manager, account, root, host)
            if manager.kind == "user" or service.user in (account.name, str(account.uid)):
                services.append(service)
    return services


def _unit_files(manager: _Manager) -> list[tuple[str, str]]:
    """(unit name, file) of OpenClaw's units; the first directory that has a name wins; templates once per instance."""
    found: dict[str, str] = {}
    names = {directory: list_names(directory) for directory in manager.directories}
    for directory, entries in names.items():
        for name in entries:
            if UNIT_NAME.fullmatch(name) and not OWN_UNITS.match(name) and is_file(f"{directory}/{name}"):
                found.setdefault(name, f"{directory}/{name}")
    for name in [name for name in found if name.endswith("@.service")]:
        path = found.pop(name)
        for instance in _template_instances(name, names):
            found.setdefault(instance, path)
    return sorted(found.items())


def _template_instances(template: str, names: dict[str, list[str]]) -> set[str]:
    """The instances of a template unit that some target wants."""
    stem = template[:-len(".service")]
    instances = set()
    for directory, entries in names.items():
        for entry in entries:
            if entry.endswith((".wants", ".requires")):
                for name in list_names(f"{directory}/{entry}"):
                    if name.startswith(stem) and name.endswith(".service") and name != template:
                        instances.add(name)
    return instances


def drop_in_name(purpose: str) -> str:
    """The file by which this collection keeps a unit from starting. It says something of this host, so it is never captured."""
    return f"{_OWN_DROP_IN}{purpose}.conf"


def _drop_ins(name: str, manager: _Manager) -> list[str]:
    """The drop-in files of a unit, in the order in which they apply."""
    owners = [name]
    if "@" in name:
        owners.insert(0, name.partition("@")[0] + "@.service")
    found: dict[str, str] = {}
    for owner in owners:
        for directory in reversed(manager.directories):
            for entry in list_names(f"{directory}/{owner}.d"):
                if entry.endswith(".conf") and not entry.startswith(_OWN_DROP_IN):
                    found[entry] = f"{directory}/{owner}.d/{entry}"
    return [found[entry] for entry in sorted(found)]


def _read_service(name: str, path: str, manager: _Manager, account: Account, root: str, host: str) -> Service:
    service = Service(name, manager.kind, path, account.name)
    drop_ins = _drop_ins(name, manager)
    settings: list[tuple[str, str, str]] = []
    for file in (path, *drop_ins):
        try:
            settings.extend(unit_file.read_unit_settings(file))
        except OSError as exc:
            service.findings.append(Finding("unit-unreadable", f"the unit file cannot be read: {exc.strerror or exc}", file))
    specifiers = unit_file.unit_specifiers(name, account.home, account.name, account.uid, host)
    if manager.kind == "system":
        service.user = unit_file.expand_specifiers(unit_file.last_value(settings, "Service", "User"), specifiers) or "root"
    service.files = [path, *drop_ins, *_spare_copies(path)]
    service.command = unit_file.split_words(
        unit_file.expand_specifiers(unit_file.last_value(settings, "Service", "ExecStart"), specifiers).lstrip("@-:+!"))
    service.gateway = _runs_gateway(name, service.command)
    if manager.kind == "user" or service.user in (account.name, str(account.uid)):
        read_environment(service, settings, "Service", specifiers, account.home, root)
    return service


def _spare_copies(path: str) -> list[str]:
    """Backups that OpenClaw leaves beside a unit that it rewrites."""
    return [path + ".bak"] if is_file(path + ".bak") else []


def _runs_gateway(name: str, command: list[str]) -> bool:
    return "gateway" in command or bool(_GATEWAY_NAME.fullmatch(name))


def read_environment(service: Service, settings, section: str, specifiers: dict[str, str], home: str, root: str) -> None:
    """Fill in environment and environment_files from Environment= and EnvironmentFile=, which counts more."""
    for value in unit_file.values_of(settings, section, "Environment"):
        for word in unit_file.split_words(unit_file.expand_specifiers(value, specifiers)):
            name, equals, text = word.partition("=")
            if equals:
                service.environment[name] = text
    for value in unit_file.values_of(settings, section, "EnvironmentFile"):
        optional, pattern = value.startswith("-"), unit_file.expand_specifiers(value.lstrip("-"), specifiers).strip("\"'")
        if pattern.startswith("~/"):
            pattern = home + pattern[1:]
        if not pattern.startswith("/"):
            pattern = os.path.join(os.path.dirname(service.path), pattern)  # Quadlet: relative to the unit file
        pattern = place_below(os.path.normpath(pattern), root)
        for path in sorted(glob.glob(pattern)) if glob.has_magic(pattern) else [pattern]:
            values, findings = read_environment_file(path, "systemd", optional)
            service.environment.update(values)
            service.findings.extend(findings)
            if is_file(path):
                service.environment_files.append(path)
