# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One round: every tool does the same operations on the same data, one tool after the other within each operation."""
from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Callable, Iterator

import measure
import state
from contestants import ALL, Command, Contestant, Setting
from places import Bucket, Directory
from support.openclaw.relocation import move_paths

OPERATIONS = ("first", "unchanged", "hour", "day", "restore", "prune")


@dataclass(frozen=True)
class Result:
    """One measured operation.

    wall, cpu: seconds. durable: wall time until all that was written is on the disk (restores: the tools leave that to the
    kernel). memory: bytes, peak of the process tree. stored: bytes by which the place grew. written: bytes of objects that
    are new or rewritten. requests, sent, received: what passed the proxy; None on a directory.
    """

    place: str
    tool: str
    operation: str
    round: int
    wall: float
    cpu: float
    durable: float
    memory: int
    stored: int
    written: int
    requests: int | None = None
    sent: int | None = None
    received: int | None = None


@dataclass(frozen=True)
class Plan:
    """What one run measures. base: a home directory that is copied for every round, never changed."""

    base: str
    work: str
    tools: str
    contestants: tuple[str, ...]
    operations: tuple[str, ...]
    cold: bool
    generated: bool


class Round:
    """One round at one place."""

    def __init__(self, plan: Plan, number: int, place: Directory | Bucket, say: Callable[[str], None]) -> None:
        self._plan, self._number, self._place, self._say = plan, number, place, say
        self._directory = os.path.join(plan.work, "round")
        self._home = os.path.join(self._directory, "home")

    def run(self) -> Iterator[Result]:
        """All operations of all tools. The order of the tools is turned by one from round to round."""
        shutil.rmtree(self._directory, ignore_errors=True)
        os.makedirs(self._directory)
        try:
            self._copy_home(self._home)
            contestants = self._contestants()
            for contestant in contestants:
                for command in contestant.prepare():
                    self._run(command)
            for operation in self._plan.operations:
                self._pass_time(operation)
                for contestant in contestants:
                    result = self._measure(contestant, operation)
                    if result is not None:
                        yield result
        finally:
            shutil.rmtree(self._directory, ignore_errors=True)

    def _contestants(self) -> list[Contestant]:
        names = [name for name in self._plan.contestants if ALL[name].on_s3 or isinstance(self._place, Directory)]
        turn = self._number % len(names)
        contestants = []
        for name in names[turn:] + names[:turn]:
            home = self._home
            if ALL[name].writes_home:
                home = os.path.join(self._directory, "home-" + name)
                self._copy_home(home)
            contestants.append(ALL[name](Setting(home, os.path.join(self._directory, "scratch-" + name), self._plan.tools, self._place)))
        return contestants

    def _copy_home(self, home: str) -> None:
        subprocess.run(["cp", "-a", self._plan.base, home], check=True)
        prepare_home(home, self._plan.base)

    def _pass_time(self, operation: str) -> None:
        if operation in ("hour", "day"):
            state.edit(self._home, 1 if operation == "hour" else 23)
        subprocess.run(["sync"], check=True)

    def _measure(self, contestant: Contestant, operation: str) -> Result | None:
        # Kept until the round ends: for a minute and more ext4 searches past inodes that were freed, which whoever makes files next pays.
        target = os.path.join(self._directory, "restored-" + contestant.name.replace(" ", "-"))
        command = {"restore": lambda: contestant.restore(target), "prune": contestant.prune}.get(operation, contestant.backup)()
        if command is None:
            return None
        before = self._place.contents(self._stored_as(contestant))
        self._place.take_traffic()
        if self._plan.cold:
            measure.drop_page_cache()
        usage = self._run(command)
        traffic = self._place.take_traffic()
        settled = measure.sync_seconds(self._directory) if operation == "restore" else 0.0
        after = self._place.contents(self._stored_as(contestant))
        if operation == "restore":
            check_restored(self._home, target, whole=contestant.name != "openclaw backup")
        result = Result(self._place.label, contestant.name, operation, self._number, usage.wall, usage.cpu, usage.wall + settled,
                        usage.memory, after.size - before.size, after.written_since(before), **counted(traffic))
        self._say(f"{self._place.label:28} {self._number} {operation:9} {contestant.name:17} {usage.wall:7.2f} s  {usage.cpu:7.2f} s CPU  "
                  f"{usage.memory / 1e6:6.0f} MB  stored {result.stored / 1e6:8.1f} MB  requests {result.requests}")
        return result

    def _stored_as(self, contestant: Contestant) -> str:
        return os.path.basename(contestant.url)

    @staticmethod
    def _run(command: Command) -> measure.Usage:
        return measure.run(command.line, command.environment, command.directory, command.accepted)


def prepare_home(home: str, base: str) -> None:
    """Make a copy independent of its original, and remove what this collection leaves out by default: all get the same data."""
    state_dir = os.path.join(home, ".openclaw")
    move_paths(state_dir, {base: home})
    for name in ("cache", "tmp", "plugin-skills"):
        shutil.rmtree(os.path.join(state_dir, name), ignore_errors=True)
    for path in glob.glob(os.path.join(glob.escape(state_dir), "agents", "*", "agent", "*.sqlite.*")):
        os.unlink(path)


def counted(traffic: dict | None) -> dict:
    """The proxy's figures as fields of a Result."""
    if traffic is None:
        return {}
    return {"requests": sum(traffic["requests"].values()), "sent": traffic["sent"], "received": traffic["received"]}


def check_restored(home: str, target: str, whole: bool) -> None:
    """A restore that did not bring the state back is no result: compare names and sizes, and the bytes of small files.

    whole: every file must be there; otherwise (a tool with exclusions of its own) only some.
    """
    source = os.path.join(home, ".openclaw")
    restored = next((folder for folder, folders, _names in os.walk(target) if "openclaw.json" in _names), None)
    if restored is None:
        raise measure.CommandFailed(f"no openclaw.json below {target} after a restore")
    if not whole:
        return
    for folder, _folders, names in os.walk(source):
        for name in names:
            path = os.path.join(folder, name)
            twin = os.path.join(restored, os.path.relpath(path, source))
            if name.endswith(("-wal", "-shm")):
                continue  # part of a database: folded into it, or restored beside it
            if not os.path.lexists(twin):
                raise measure.CommandFailed(f"{twin} is missing after a restore")
            if os.path.getsize(path) < 1 << 20 and not is_database(path) and not same_bytes(path, twin):
                raise measure.CommandFailed(f"{twin} differs after a restore")


def is_database(path: str) -> bool:
    """By the SQLite header."""
    with open(path, "rb") as stream:
        return stream.read(16) == b"SQLite format 3\0"


def same_bytes(one: str, other: str) -> bool:
    """Whether two small files are equal."""
    with open(one, "rb") as first, open(other, "rb") as second:
        return first.read() == second.read()


def as_rows(results: list[Result]) -> list[dict]:
    """JSON-native."""
    return [asdict(result) for result in results]


def to_stderr(line: str) -> None:
    """Progress."""
    print(line, file=sys.stderr, flush=True)
