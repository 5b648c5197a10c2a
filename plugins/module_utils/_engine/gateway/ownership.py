# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Who works in a state directory: the owner of the gateway's lock, and processes that hold a database open.

A gateway writes `<state>/tmp/openclaw-<uid>/gateway.state.lock`: JSON with its process id, when that process started (field
22 of /proc/<pid>/stat) and its port. It removes the file at its end; one that was killed leaves it behind.
"""
# pylint: disable=unidiomatic-typecheck  # what a file holds is distrusted: a bool is no number here
from __future__ import annotations

import glob
import json
import os
import re
from dataclasses import dataclass

from ..capture.paths import inside, read_small_text

_LOCK_LIMIT = 64 << 10  # bytes
_DATABASE = re.compile(r"\.sqlite(-wal|-shm|-journal)?( \(deleted\))?$")
_CONTAINER_SCOPE = re.compile(r"(?:docker|libpod|crio)[-/](?:conmon-)?([0-9a-f]{64})")


@dataclass(frozen=True)
class Owner:
    """The living process that owns a state directory. port: where it listens, None while unknown."""

    pid: int
    port: int | None


def find_owner(state_dir: str) -> Owner | None:
    """The gateway that runs with this state, by its lock; None when no process of this host holds it.

    A gateway in a container writes a process id of its container, which means nothing here.
    """
    for path in glob.glob(f"{glob.escape(state_dir)}/tmp/openclaw*/gateway.state.lock"):
        try:
            lock = json.JSONDecoder().raw_decode(read_small_text(path, _LOCK_LIMIT).lstrip())[0]
        except (OSError, ValueError, RecursionError):
            continue
        if not isinstance(lock, dict):
            continue
        pid, started, port = (_number(lock.get(key)) for key in ("pid", "startTime", "port"))
        running = started_at(pid) if pid is not None and pid > 0 else None
        if running is not None and started in (None, running):
            return Owner(pid, port if port is not None and 0 < port < 65536 else None)
    return None


def _number(value) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def started_at(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None when there is none (a zombie is none either)."""
    try:
        fields = read_proc(f"/proc/{pid}/stat").rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[19]) if len(fields) > 19 and fields[0] not in "ZX" else None


def read_proc(path: str) -> str:
    """The text of a file of the kernel's. OSError."""
    with open(path, encoding="utf-8", errors="replace") as stream:
        return stream.read(1 << 16)


def users_of_databases(state_dir: str) -> list[int]:
    """The processes that hold a database below the state directory open, this one apart.

    Of other users' processes only root sees that.
    """
    real = os.path.realpath(state_dir)
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid() and _holds_database(f"/proc/{name}/fd", real):
            found.append(int(name))
    return found


def _holds_database(directory: str, state_dir: str) -> bool:
    try:
        for descriptor in os.listdir(directory):
            try:
                target = os.readlink(f"{directory}/{descriptor}")
            except OSError:
                continue
            if _DATABASE.search(target) and inside(target, state_dir):
                return True
    except OSError:
        pass  # it has ended, or it is somebody else's
    return False


@dataclass(frozen=True)
class Place:
    """Where the host's service manager or container engine has a process. unit: its innermost service. user: it is a user's unit."""

    unit: str | None = None
    user: bool = False
    container: str | None = None


def place_of(pid: int) -> Place:
    """By the process's control group, which no process chooses for itself."""
    try:
        groups = read_proc(f"/proc/{pid}/cgroup")
    except OSError:
        return Place()
    for line in sorted(groups.splitlines(), key=lambda line: not line.startswith(("0::", "1:name=systemd"))):
        path = line.split(":", 2)[-1]
        contained = _CONTAINER_SCOPE.search(path)
        if contained:
            return Place(container=contained.group(1))
        parts = [part.replace("\\x2d", "-") for part in path.split("/")]
        units = [part for part in parts if part.endswith(".service")]
        managers = [part for part in units if re.fullmatch(r"user@\d+\.service", part)]
        if units and units[-1] not in managers:
            return Place(units[-1], bool(managers))
    return Place()
