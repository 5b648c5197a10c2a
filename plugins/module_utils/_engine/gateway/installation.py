# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Which OpenClaw and which Node run an instance, and by what they were installed. Versions are read from files of packages.

What changes them is in version_switch.py.
"""
from __future__ import annotations

import os
import re
from dataclasses import dataclass

from ..capture.accounts import Account, find_account
from ..capture.locate import Location
from ..capture.versions import COMMAND_DIRECTORIES, COMMAND_DIRECTORIES_OF_HOME, Package, find_package, node_binaries
from ..errors import EngineError
from ..options import GatewayOptions
from ..ports import CommandResult, Context
from .node_range import fits
from .services import as_user

NPM_GLOBAL, NPM_LOCAL, PNPM, COMMAND, CONTAINER, CHECKOUT, UNKNOWN = (
    "npm-global", "npm-local", "pnpm", "command", "container", "checkout", "unknown")
KNOWN = (NPM_GLOBAL, NPM_LOCAL, PNPM, COMMAND)
_NODE_TIMEOUT = 20.0  # seconds
_NODE_VERSION = re.compile(r"v?(\d+\.\d+\.\d+)")
_PNPM = re.compile(r"(?P<home>/.*)/global/[^/]+/(?:\.pnpm/[^/]+/)?node_modules/openclaw")


@dataclass(frozen=True)
class Installation:
    """method: how it was installed, one of KNOWN if another version can be. directory: of the package, links resolved.

    base: npm: the directory that holds what an installation replaces; pnpm: its home. owner: whom the package belongs to, so who
    installs. node: the binary, None if none was found. needs_node: the package's requirement, "" if it has none.
    """

    method: str
    directory: str
    version: str
    base: str
    owner: Account
    node: str | None = None
    node_version: str | None = None
    needs_node: str = ""
    command: tuple[str, ...] = ()

    @property
    def node_fits(self) -> bool | None:
        """Whether this Node is one that this OpenClaw runs with; None where that is not known."""
        return fits(self.node_version, self.needs_node) if self.node_version and self.needs_node else None

    @property
    def places(self) -> tuple[str, ...]:
        """What must stay where it is for its gateway to start, and for npm to install another: whole directories, and files.

        One installer puts OpenClaw and Node into the state directory itself.
        """
        found = [self.base if self.method in (NPM_GLOBAL, PNPM) else self.directory]
        if self.method == NPM_GLOBAL:
            found.append(f"{os.path.dirname(os.path.dirname(self.base))}/bin/openclaw")
        if self.method == NPM_LOCAL:
            found = [f"{self.base}/{name}" for name in ("node_modules", "package.json", "package-lock.json")]
        return tuple(dict.fromkeys([*found, *_way_to(self.node)] if self.node else found))

    def to_dict(self) -> dict:
        """JSON-native, for people and programs."""
        return {
            "method": self.method, "directory": self.directory, "openclaw": self.version, "owner": self.owner.name,
            "node": self.node_version, "node_path": self.node, "needs_node": self.needs_node, "node_fits": self.node_fits}


def find(location: Location, options: GatewayOptions, context: Context) -> Installation:
    """What the instance's service starts, else what is in the usual places. EngineError "openclaw-missing"."""
    service = location.service
    contained = service is not None and bool(service.mounts)
    words = [word for word in service.command if word.startswith("/")] if service and not contained else []
    package = None if contained else find_package(words, location.home)
    if package is None:
        raise EngineError(
            "openclaw-missing", "No OpenClaw is installed on this host for this instance" if not contained else
            "The OpenClaw of this instance is part of a container's image", "Install it, or start the container with another image."
            if contained else "Install it as its own documentation says; what its service starts is looked for first.")
    owner = find_account(os.stat(package.directory).st_uid)
    method, base = _method(package)
    if options.install_command:
        method, base = COMMAND, package.directory
    node = _node(words, location)
    return Installation(
        method, package.directory, package.version, base, owner, node, _node_version(node, location.account, context), package.engines,
        tuple(options.install_command))


def _way_to(path: str) -> list[str]:
    """The links that a path leads through, and what it leads to in the end; the names in front of a link need not stay."""
    found, place = [], ""
    for name in path.strip("/").split("/"):
        place = f"{place}/{name}"
        if os.path.islink(place):
            found.append(os.path.join(os.path.realpath(os.path.dirname(place)), name))
    return [*found, os.path.realpath(path)]


def _method(package: Package) -> tuple[str, str]:
    """How a package was installed, by where it lies, and its base."""
    directory = package.directory
    parent, name = os.path.split(directory)
    if os.path.isdir(f"{directory}/.git"):
        return CHECKOUT, directory
    pnpm = _PNPM.fullmatch(directory)
    if pnpm:
        return PNPM, pnpm.group("home")
    if name != "openclaw" or os.path.basename(parent) != "node_modules":
        return UNKNOWN, directory
    above = os.path.dirname(parent)
    if os.path.basename(above) == "lib" and not os.path.exists(f"{above}/package.json"):
        return NPM_GLOBAL, parent
    return (NPM_LOCAL, above) if os.path.isfile(f"{above}/package.json") else (UNKNOWN, directory)


def _node(words: list[str], location: Location) -> str | None:
    """The binary: what the service names, else the first on the path that it sets, else in the usual places."""
    named = [word for word in words if os.path.basename(word) == "node"]
    path = (location.service.environment.get("PATH") or "").split(":") if location.service else []
    places = [*(one for one in path if one.startswith("/")), *(f"{location.home}/{one}" for one in COMMAND_DIRECTORIES_OF_HOME)]
    found = named or [f"{place}/node" for place in places if os.path.lexists(f"{place}/node")] or node_binaries(words)
    return found[0] if found else None


def _node_version(node: str | None, account: Account, context: Context) -> str | None:
    """Asked of the binary itself, as the user whose gateway it runs."""
    if node is None or context.run is None:
        return None
    done = context.run(as_user(account, [node, "--version"]), _NODE_TIMEOUT)
    found = _NODE_VERSION.fullmatch(done.output.strip()) if done.code == 0 else None
    return found.group(1) if found else None


def program(installation: Installation, name: str) -> str | None:
    """npm or pnpm: beside the Node of the service, in the package's own prefix, or in the usual places.

    None where there is none that may be run: one that runs as the owner must belong to the owner or to root.
    """
    owner, node = installation.owner, installation.node
    places = [os.path.dirname(path) for path in (node, os.path.realpath(node)) if path] if node else []
    prefix = os.path.dirname(os.path.dirname(installation.base)) if installation.method == NPM_GLOBAL else installation.base
    places += [f"{prefix}/bin", installation.base, *(f"{owner.home}/{one}" for one in COMMAND_DIRECTORIES_OF_HOME), *COMMAND_DIRECTORIES]
    for path in dict.fromkeys(f"{place}/{name}" for place in places):
        try:
            if os.access(path, os.X_OK) and os.stat(path).st_uid in (0, owner.uid):
                return path
        except OSError:
            continue
    return None


def run_as_owner(installation: Installation, argv: list[str], context: Context, timeout: float, **environment: str) -> CommandResult:
    """A command as the user whom the installation belongs to, so that nobody else's files come into it, with that user's home."""
    places = [os.path.dirname(path) for path in (installation.node, argv[0]) if path and path.startswith("/")]
    places += [installation.base] if installation.method == PNPM else []
    path = ":".join(dict.fromkeys([*places, *COMMAND_DIRECTORIES, "/bin"]))
    settings = {"HOME": installation.owner.home, "PATH": path, **environment}
    return context.run(as_user(installation.owner, ["env", *(f"{key}={value}" for key, value in settings.items()), *argv]), timeout)
