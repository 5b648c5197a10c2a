# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""OpenClaw in containers, read from files in well-known places: Podman Quadlets and compose projects.

A compose file is YAML, and this engine has no YAML parser: volumes and environment files are found line by line, in the
two spellings that compose files use. What a running container says of itself needs a command and is not asked here.
"""
from __future__ import annotations

import os
import re

from . import unit_file
from .accounts import Account
from .environment_files import read_environment_file
from .model import Finding
from .paths import expand, inside, is_file, list_names, place_below, read_small_text
from .units import OWN_UNITS, PRODUCTS, Service, read_environment

QUADLET_DIRECTORIES = ("/etc/containers/systemd", "/usr/share/containers/systemd")
COMPOSE_DIRECTORIES = ("/opt/openclaw", "/srv/openclaw", "/srv/docker/openclaw", "/data/openclaw")
COMPOSE_DIRECTORIES_OF_HOME = ("openclaw", ".openclaw", "docker/openclaw", "openclaw-docker")
COMPOSE_NAMES = (
    "compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml", "compose.override.yaml", "compose.override.yml",
    "docker-compose.override.yaml", "docker-compose.override.yml", "docker-compose.extra.yml", "docker-compose.sandbox.yml",
)
COMPOSE_LIMIT = 1 << 20  # bytes
_SHORT_VOLUME = re.compile(r"""^\s*-\s*["']?(?P<source>[^"'\s#:]+):(?P<target>/[^"'\s:]*)(?::[\w,]+)?["']?\s*(?:#.*)?$""")
_LONG_SOURCE = re.compile(r"""^\s*-?\s*source:\s*["']?([^"'\s#]+)""")
_LONG_TARGET = re.compile(r"""^\s*-?\s*target:\s*["']?(/[^"'\s#]+)""")
_ENV_FILE = re.compile(r"""^\s*env_file:\s*["']?([^"'\s\[#-][^"'\s#]*)""")
_ENV_FILE_ITEM = re.compile(r"""^\s*-\s*(?:path:\s*)?["']?([^"'\s#:]+)["']?\s*$""")
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)(?::?-([^}]*))?\}|\$([A-Za-z_]\w*)")
_ENVIRONMENT = re.compile(r"""^\s*(?:-\s*)?["']?((?:OPENCLAW_[A-Z_]+|HOME))["']?\s*[:=]\s*["']?([^"'\n#]*?)["']?\s*$""")


def find_containers(account: Account, root: str = "/", host: str = "host") -> list[Service]:
    """The Quadlets and compose projects of one user; those of the whole system belong to root and to whoever owns their state."""
    return [*_find_quadlets(account, root, host), *_find_compose(account, root)]


def _find_quadlets(account: Account, root: str, host: str) -> list[Service]:
    directories = [f"{account.home}/.config/containers/systemd"]
    shared = [place_below(name, root) for name in QUADLET_DIRECTORIES]
    if account.uid == 0:
        directories.extend(shared)
    else:
        directories.extend(f"{name}/users/{account.uid}" for name in shared)
        directories.extend(f"{name}/users" for name in shared)
    services = []
    for directory in directories:
        for name in list_names(directory):
            if name.endswith(".container") and not OWN_UNITS.match(name) and is_file(f"{directory}/{name}"):
                service = _read_quadlet(directory, name, account, root, host)
                if service:
                    services.append(service)
    return services


def _read_quadlet(directory: str, name: str, account: Account, root: str, host: str) -> Service | None:
    path = f"{directory}/{name}"
    stem = name[:-len(".container")]
    service = Service(f"{stem}.service", "quadlet", path, account.name)
    drop_ins = [f"{path}.d/{entry}" for entry in list_names(f"{path}.d") if entry.endswith(".conf")]
    settings: list[tuple[str, str, str]] = []
    for file in (path, *drop_ins):
        try:
            settings.extend(unit_file.read_unit_settings(file))
        except OSError as exc:
            service.findings.append(Finding("unit-unreadable", f"the Quadlet file cannot be read: {exc.strerror or exc}", file))
    image = unit_file.last_value(settings, "Container", "Image")
    if not any(product in text for product in PRODUCTS for text in (stem, image)):
        return None
    service.files = [path, *drop_ins]
    specifiers = unit_file.unit_specifiers(service.name, account.home, account.name, account.uid, host)
    service.command = unit_file.split_words(unit_file.last_value(settings, "Container", "Exec"))
    read_environment(service, settings, "Container", specifiers, account.home, root)
    for value in unit_file.values_of(settings, "Container", "Volume"):
        parts = unit_file.expand_specifiers(value, specifiers).split(":")
        if len(parts) >= 2 and parts[0].startswith(("/", "~", ".")):
            source = expand(parts[0], account.home, directory)
            service.mounts.append((os.path.normpath(parts[1]), place_below(source, root)))
    return service


def _find_compose(account: Account, root: str) -> list[Service]:
    """One service per project directory that mounts an OpenClaw state."""
    directories = [f"{account.home}/{name}" for name in COMPOSE_DIRECTORIES_OF_HOME]
    directories.extend(place_below(name, root) for name in COMPOSE_DIRECTORIES)
    services = []
    for directory in directories:
        files = [f"{directory}/{name}" for name in COMPOSE_NAMES if is_file(f"{directory}/{name}")]
        if files:
            service = _read_compose(directory, files, account, root)
            owned = inside(directory, account.home) or _owner(files[0]) == account.uid
            if service and owned:
                services.append(service)
    return services


def _owner(path: str) -> int:
    try:
        return os.stat(path).st_uid
    except OSError:
        return -1


def _read_compose(directory: str, files: list[str], account: Account, root: str) -> Service | None:
    service = Service(f"compose project {directory}", "compose", files[0], account.name, files=list(files))
    variables, service.findings = read_environment_file(f"{directory}/.env", "dotenv")
    if is_file(f"{directory}/.env"):
        service.environment_files.append(f"{directory}/.env")
    known = {"HOME": account.home, "PWD": directory, **variables}
    seen_product = False
    for file in files:
        try:
            text = read_small_text(file, COMPOSE_LIMIT)
        except OSError as exc:
            service.findings.append(Finding("unit-unreadable", f"the compose file cannot be read: {exc.strerror or exc}", file))
            continue
        seen_product = seen_product or any(product in text for product in PRODUCTS)
        _scan_compose(service, text, known, directory, account.home, root)
    if not seen_product:
        return None
    return service


def _scan_compose(service: Service, text: str, known: dict[str, str], directory: str, home: str, root: str) -> None:
    source, in_env_files = None, False
    for line in text.splitlines():
        line = _VARIABLE.sub(lambda found: known.get(found.group(1) or found.group(3)) or found.group(2) or "", line)
        if in_env_files and _ENV_FILE_ITEM.match(line):
            _add_env_file(service, _ENV_FILE_ITEM.match(line).group(1), directory, home, root)
            continue
        in_env_files = line.strip() == "env_file:"
        if _ENV_FILE.match(line):
            _add_env_file(service, _ENV_FILE.match(line).group(1), directory, home, root)
        elif _SHORT_VOLUME.match(line):
            found = _SHORT_VOLUME.match(line)
            _add_mount(service, found.group("source"), found.group("target"), directory, home, root)
        elif _LONG_SOURCE.match(line):
            source = _LONG_SOURCE.match(line).group(1)
        elif _LONG_TARGET.match(line) and source:
            _add_mount(service, source, _LONG_TARGET.match(line).group(1), directory, home, root)
            source = None
        elif _ENVIRONMENT.match(line):
            service.environment.setdefault(*_ENVIRONMENT.match(line).groups())


def _add_mount(service: Service, source: str, target: str, directory: str, home: str, root: str) -> None:
    if not source.startswith(("/", ".", "~")):
        return  # a named volume: where it lies only the container engine knows
    mount = (os.path.normpath(target), place_below(expand(source, home, directory), root))
    if mount not in service.mounts:
        service.mounts.append(mount)


def _add_env_file(service: Service, name: str, directory: str, home: str, root: str) -> None:
    path = place_below(expand(name, home, directory), root)
    values, findings = read_environment_file(path, "dotenv")
    service.environment.update(values)
    service.findings.extend(findings)
    if is_file(path) and path not in service.environment_files:
        service.environment_files.append(path)


def to_host(path: str, mounts: list[tuple[str, str]]) -> str | None:
    """Where a container's path lies on this host, or None when no mount holds it."""
    for target, source in sorted(mounts, key=lambda mount: len(mount[0]), reverse=True):
        if inside(path, target):
            return os.path.normpath(source + path[len(target):])
    return None
