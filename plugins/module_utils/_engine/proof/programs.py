# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Which OpenClaw of this host boots a snapshot: the release that wrote it, else the nearest newer one."""
from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass

from ..capture.paths import read_small_text
from ..capture.versions import COMMAND_DIRECTORIES, PACKAGE_LIMIT
from ..errors import EngineError
from ..ports import Context

_LAYOUTS = ("node_modules/openclaw", "lib/node_modules/openclaw")  # npm install, and npm install --global --prefix
_NODES = ("node_modules/.bin/node", "bin/node")
_NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True)
class Program:
    """An installed OpenClaw. script, node: what to run, without links. directories: what both need to see of this host."""

    version: str
    script: str
    node: str
    directories: tuple[str, ...]


def order(version: str) -> tuple:
    """By which versions are compared: numbers, then a release before none of its own betas."""
    head, dash, dummy = version.partition("-")
    return (*(int(number) for number in _NUMBERS.findall(head)), 0 if dash else 1)


def choose(directory: str | None, wanted: str, context: Context) -> Program:
    """The OpenClaw for a snapshot that version wanted wrote; "" where that is not known: the newest.

    directory: with one directory for each release, as npm makes them. The one on the PATH counts too.
    EngineError "openclaw-missing", "openclaw-too-old".
    """
    found = list(_installed(directory, context))
    if not found:
        places = f"{directory} or on the PATH" if directory else "on the PATH"
        raise EngineError(
            "openclaw-missing", f"There is no OpenClaw with its Node.js in {places} to boot the snapshot with",
            "Install the release that wrote it: npm install --prefix DIRECTORY/VERSION openclaw@VERSION node@24.")
    found.sort(key=lambda program: order(program.version))
    if not wanted:
        return found[-1]
    fitting = [program for program in found if order(program.version) >= order(wanted)]
    if not fitting:
        raise EngineError(
            "openclaw-too-old", f"OpenClaw {wanted} wrote the snapshot, and the newest one here is {found[-1].version}",
            f"Install openclaw@{wanted} on this staging host.", {"wanted": wanted, "found": [program.version for program in found]})
    return fitting[0]


def _installed(directory: str | None, context: Context):
    on_path = [*(context.environment.get("PATH") or "").split(":"), *COMMAND_DIRECTORIES]
    common = _first(f"{place}/node" for place in on_path if place.startswith("/"))
    for base in sorted(_entries(directory)) if directory else ():
        node = _first(f"{base}/{name}" for name in _NODES) or common
        for layout in _LAYOUTS:
            yield from _program(f"{base}/{layout}", node)
    command = _first(f"{place}/openclaw" for place in on_path if place.startswith("/"))
    if command:
        yield from _program(os.path.dirname(os.path.realpath(command)), common)


def _entries(directory: str) -> list[str]:
    try:
        return [directory, *(entry.path for entry in os.scandir(directory) if entry.is_dir())]
    except OSError:
        return []


def _first(paths) -> str | None:
    return next((path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)), None)


def _program(package: str, node: str | None):
    """The program in a package's directory, if it is an OpenClaw."""
    package = os.path.realpath(package)
    try:
        described = json.loads(read_small_text(f"{package}/package.json", PACKAGE_LIMIT))
    except (OSError, ValueError, RecursionError):
        return
    if node is None or not isinstance(described, dict) or described.get("name") != "openclaw":
        return
    commands, version = described.get("bin"), described.get("version")
    name = commands.get("openclaw") if isinstance(commands, dict) else commands
    if not isinstance(name, str) or not isinstance(version, str):
        return
    real_node = os.path.realpath(node)
    needed = {package.split("/node_modules/", 1)[0], os.path.dirname(os.path.dirname(real_node))}
    yield Program(version, os.path.normpath(f"{package}/{name}"), real_node, tuple(sorted(path for path in needed if path != "/usr")))
