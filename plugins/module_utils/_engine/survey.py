# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Whether this host could take over the instance that a snapshot describes, found out before anything is stopped anywhere."""
from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass

from .capture.locate import Location
from .capture.paths import existing_directory
from .capture.versions import find_versions
from .errors import EngineError
from .gateway import control, fence
from .gateway.endpoint import DEFAULT_PORT, LOOPBACK, find_port
from .gateway.services import RUNNING, STARTING, as_user
from .ports import Context
from .prefetch import directory_of

ERROR, WARNING = "error", "warning"
_NODE_VERSION = re.compile(r"v?(\d+)\.\d+\.\d+")
_LINGER = "/var/lib/systemd/linger"
_SPARE = 64 << 20  # bytes that are to stay free


@dataclass(frozen=True)
class Problem:
    """What stands in the way, or may. level: ERROR or WARNING."""

    level: str
    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Ground:
    """One instance's place on this host, whether or not its state is there.

    state, enabled: of its service. health: of its gateway, None while that is down. free: bytes beside the state directory.
    """

    location: Location
    state_present: bool
    versions: dict
    service: str
    state: str
    enabled: bool | None
    health: dict | None
    fence: dict | None
    port: int
    free: int

    @property
    def alive(self) -> bool:
        """Whether a gateway works with this state here."""
        return self.state in (RUNNING, STARTING)

    def to_dict(self) -> dict:
        """JSON-native."""
        account = self.location.account
        return {
            "host": self.location.host, "user": account.name, "home": self.location.home, "profile": self.location.profile,
            "state_dir": self.location.state_dir, "state_present": self.state_present, "versions": self.versions,
            "service": self.service, "state": self.state, "enabled": self.enabled, "health": self.health, "fence": self.fence,
            "port": self.port, "free": self.free}


def look(gateway: control.Gateway, context: Context) -> Ground:
    """What is here. Changes nothing."""
    location = gateway.location
    present = os.path.isdir(location.state_dir)
    stands = fence.find(location.state_dir)
    room = os.statvfs(existing_directory(location.state_dir))
    versions = find_versions(location.service, None, location.account.home)
    if "node" not in versions:
        versions.update(_node(location, context))
    status = gateway.status()
    return Ground(
        location, present, versions, gateway.service.kind, status.state, status.enabled,
        gateway.health().to_dict() if status.state in (RUNNING, STARTING) else None, stands.to_dict() if stands else None,
        find_port(location)[0], room.f_bavail * room.f_frsize)


def _node(location: Location, context: Context) -> dict[str, str]:
    """The Node that the instance's user has on the PATH."""
    if context.run is None:
        return {}
    try:
        done = context.run(as_user(location.account, ["node", "--version"]), 20.0)
    except EngineError:
        return {}
    found = _NODE_VERSION.fullmatch(done.output.strip()) if done.code == 0 else None
    return {"node": done.output.strip().lstrip("v")} if found else {}


def problems(ground: Ground, meta: dict, needed: int, config: dict, context: Context) -> list[Problem]:
    """What keeps this host from taking over. meta: of the snapshot's manifest. needed: bytes still to be brought.

    config: of the snapshot, {} while it is not here. The same user and paths are not needed: placement maps them.
    """
    return [*_of_place(ground), *_of_versions(ground, meta), *_of_room(ground, needed), *_of_port(ground, config, context)]


def _of_place(ground: Ground):
    location = ground.location
    if not os.path.isdir(location.home):
        yield Problem(
            ERROR, "home-missing", f"{location.account.name} has no home at {location.home}", "Make it, owned by that user.")
    elif os.stat(location.home).st_uid not in (location.account.uid, 0):
        yield Problem(WARNING, "home-of-another", f"{location.home} does not belong to {location.account.name}", "See whether it should.")
    if ground.alive:
        yield Problem(
            ERROR, "gateway-alive", f"A gateway works with {location.state_dir} here already",
            "Is this the right host? Stop that gateway and move its state away, or give the instance another user or profile here.")
    elif ground.state_present:
        yield Problem(
            WARNING, "state-present", f"{location.state_dir} is there already: it will be kept aside for a while, then removed",
            "Move it away if it is of value.")
    if ground.service == "none":
        yield Problem(
            ERROR, "service-missing", f"Nothing is known here that could run the gateway of {location.account.name}",
            "Install its service (openclaw gateway install, as that user), or name its unit, container or commands in the option gateway.")
    elif ground.enabled is False and not ground.fence:
        yield Problem(
            WARNING, "service-disabled", "The gateway's service does not start with this host", "Enable it (systemctl enable).")
    if ground.service == "systemd-user" and not os.path.lexists(f"{_LINGER}/{location.account.name}"):
        yield Problem(
            WARNING, "linger-off", f"The services of {location.account.name} start at its login, not with this host",
            f"loginctl enable-linger {location.account.name}")


def _of_versions(ground: Ground, meta: dict):
    wanted, here = meta["instance"].get("versions") or {}, ground.versions
    if "openclaw" not in here:
        yield Problem(ERROR, "openclaw-missing", "OpenClaw was not found on this host", "Install it, or let the playbook do that.")
    elif wanted.get("openclaw") and wanted["openclaw"] != here["openclaw"]:
        yield Problem(
            WARNING, "openclaw-differs", f"OpenClaw is {here['openclaw']} here and {wanted['openclaw']} in the snapshot",
            "Install the same version; an older one refuses the state, a newer one migrates it, and then there is no way back.")
    if "node" not in here:
        yield Problem(WARNING, "node-unknown", "Node was not found on the PATH", "OpenClaw needs it.")
    elif wanted.get("node") and wanted["node"].split(".")[0] != here["node"].split(".")[0]:
        yield Problem(WARNING, "node-differs", f"Node is {here['node']} here and {wanted['node']} there", "Install the same major version.")


def _of_room(ground: Ground, needed: int):
    if ground.free < needed + _SPARE:
        yield Problem(
            ERROR, "room-missing",
            f"{os.path.dirname(ground.location.state_dir)} has {ground.free:,} bytes free, and {needed:,} are to come", "Make room.")


def _of_port(ground: Ground, config: dict, context: Context):
    port = ground.port
    settings = config.get("gateway")
    if port == DEFAULT_PORT and isinstance(settings, dict) and isinstance(settings.get("port"), int) and 0 < settings["port"] < 65536:
        port = settings["port"]
    if ground.alive:
        return
    try:
        context.connect(LOOPBACK, port, 3.0).close()
    except OSError:
        return
    yield Problem(ERROR, "port-taken", f"Something else listens on port {port} of this host", "Stop it, or give the gateway another port.")


def describe(found: list[Problem]) -> list[dict]:
    """JSON-native, errors first."""
    return [asdict(one) for one in sorted(found, key=lambda one: one.level != ERROR)]


def still_to_come(manifest_bytes: int, state_dir: str) -> int:
    """How many bytes of a snapshot a restore still writes: what was prefetched is moved, not copied."""
    return 0 if os.path.isdir(directory_of(state_dir)) else manifest_bytes
