# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The versions of OpenClaw and Node, found without running either."""
from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass

from .paths import ancestors, is_file, place_below, read_small_text
from .units import Service

PACKAGE_LIMIT = 1 << 20  # bytes of a package.json
HEADER_LIMIT = 64 << 10  # bytes of node_version.h
CLIMB = 5  # directories from an entry script up to its package.json
COMMAND_DIRECTORIES = ("/usr/local/bin", "/usr/bin", "/opt/homebrew/bin", "/home/linuxbrew/.linuxbrew/bin")
COMMAND_DIRECTORIES_OF_HOME = (".npm-global/bin", ".local/bin", ".local/share/pnpm", ".volta/bin", "bin")
_NODE_IN_PATH = re.compile(r"/(?:node/|node-|nodejs/)?v?(\d{2,}\.\d+\.\d+)(?:-linux-[a-z0-9]+)?(?:/installation)?/bin/node$")
_NODE_DEFINES = re.compile(r"#define\s+NODE_(MAJOR|MINOR|PATCH)_VERSION\s+(\d+)")
_VERSION = re.compile(r"v?\d+\.\d+[0-9A-Za-z.+-]*")


def find_versions(service: Service | None, recorded: str | None, home: str, root: str = "/") -> dict[str, str]:
    """{"openclaw": ..., "openclaw_config": recorded in the config, "node": ...}; unknown ones are absent.

    service: the one that runs the instance: what it starts is asked first. Without one the record is, and Node's version
    is not guessed. recorded: what OpenClaw wrote into its config, which may be older than what is installed.
    """
    versions = {}
    if recorded and _VERSION.fullmatch(recorded):
        versions["openclaw_config"] = recorded
    contained = service is not None and bool(service.mounts)
    words = [place_below(word, root) for word in service.command if word.startswith("/")] if service and not contained else []
    installed = None if contained else _installed(words, home, root)
    said = service.environment.get("OPENCLAW_SERVICE_VERSION") if service else None
    for version in (installed, said, recorded) if service else (recorded, installed):
        if version and _VERSION.fullmatch(version):
            versions["openclaw"] = version
            break
    node = _node(words, root) if service and not contained else None
    if node:
        versions["node"] = node
    return versions


def _installed(words: list[str], home: str, root: str) -> str | None:
    found = find_package(words, home, root)
    return found.version if found else None


@dataclass(frozen=True)
class Package:
    """An installed OpenClaw. directory: of its package.json, links resolved. engines: which Node it needs, "" if it does not say."""

    directory: str
    version: str
    engines: str


def find_package(words: list[str], home: str, root: str = "/") -> Package | None:
    """The package of the first of these scripts, or of the usual places, that belongs to OpenClaw. words: of a start command."""
    places = [f"{home}/{name}" for name in COMMAND_DIRECTORIES_OF_HOME] + [place_below(name, root) for name in COMMAND_DIRECTORIES]
    for script in (*words, *(f"{place}/openclaw" for place in places)):
        found = _package_of(script) if os.path.lexists(script) else None
        if found:
            return found
    return None


def _package_of(script: str) -> Package | None:
    for directory, dummy in zip(ancestors(os.path.realpath(script)), range(CLIMB)):
        if is_file(f"{directory}/package.json"):
            return read_package(directory)
    return None


def read_package(directory: str) -> Package | None:
    """The OpenClaw in a directory with a package.json; None where it is none."""
    try:
        package = json.loads(read_small_text(f"{directory}/package.json", PACKAGE_LIMIT))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(package, dict) or package.get("name") != "openclaw" or not isinstance(package.get("version"), str):
        return None
    engines = package["engines"].get("node") if isinstance(package.get("engines"), dict) else None
    return Package(directory, package["version"], engines if isinstance(engines, str) else "")


def node_binaries(words: list[str], root: str = "/") -> list[str]:
    """The Node that a start command names, else those in the usual places: paths that exist."""
    named = [word for word in words if os.path.basename(word) == "node"]
    return [path for path in named or [place_below(f"{place}/node", root) for place in COMMAND_DIRECTORIES] if os.path.lexists(path)]


def _node(words: list[str], root: str) -> str | None:
    """Node's version by the place of the binary that a service starts, or by the headers beside it."""
    for binary in node_binaries(words, root):
        real = os.path.realpath(binary)
        for path in (binary, real):
            found = _NODE_IN_PATH.search(path)
            if found:
                return found.group(1)
        version = _headers_version(f"{os.path.dirname(os.path.dirname(real))}/include/node/node_version.h")
        if version:
            return version
    return None


def _headers_version(path: str) -> str | None:
    try:
        defines = dict(_NODE_DEFINES.findall(read_small_text(path, HEADER_LIMIT)))
    except OSError:
        return None
    parts = [defines.get(name) for name in ("MAJOR", "MINOR", "PATCH")]
    return ".".join(parts) if all(parts) else None
