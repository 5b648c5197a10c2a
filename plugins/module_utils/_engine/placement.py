# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Where what a snapshot holds goes on this host: the instance may have another user, home, profile or state directory here.

Paths are mapped by prefix, the longest that fits: what the caller says, else the state directory, the config with its
includes, a profile's workspace outside its state directory, and the home. What none of them covers keeps its path.
"""
from __future__ import annotations

import os
import re
from dataclasses import dataclass

from .capture.locate import STATE_NAME, Location
from .capture.paths import inside
from .errors import EngineError, damaged

_KEPT_ROLES = ("workspace", "agent", "credentials", "extra", "unit", "environment")  # an instance's own, wherever they are
_UNIT = re.compile(r"(?P<name>(?:openclaw|clawdbot)-gateway)(?:-(?P<profile>.+?))?(?P<end>\.service(?:\.d)?)")


@dataclass(frozen=True)
class Side:
    """An instance on one host: where it was captured, or where it goes."""

    user: str
    uid: int
    gid: int
    home: str
    profile: str | None
    state_dir: str
    config_path: str


@dataclass(frozen=True)
class Placement:
    """moves: (prefix at capture, prefix here), longest first, only where they differ.

    unmoved: directories of the instance outside of its state that keep their path although the instance moves; where the
    original is on the same host, they are its own, and a restore would put its files over them.
    """

    source: Side
    target: Side
    moves: tuple[tuple[str, str], ...] = ()
    unmoved: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether every path stays. Owners may differ all the same."""
        return not self.moves

    def path(self, captured: str) -> str:
        """Where a captured absolute path goes. Text that is no absolute path stays."""
        old, new = self.source.config_path, self.target.config_path
        if captured.startswith(old + "."):  # the copies that OpenClaw keeps beside its config go where it goes
            return new + captured[len(old):]
        return _moved(captured, self.moves)

    def captured(self, path: str) -> str:
        """Where a path of this host was at capture, if it was there."""
        for old, new in sorted(self.moves, key=lambda move: len(move[1]), reverse=True):
            if path == new or path.startswith(new + "/"):
                return old + path[len(new):]
        return path

    def owner(self, uid: int, gid: int) -> tuple[int, int]:
        """The owner here of what had this owner at capture: the instance's own user and group are mapped, others stay."""
        return (self.target.uid if uid == self.source.uid else uid, self.target.gid if gid == self.source.gid else gid)


def place(meta: dict, location: Location, moves: tuple[tuple[str, str], ...] = ()) -> Placement:
    """Decide for a snapshot and a target. Nothing is read from the disk, and the target need not exist.

    meta: of the snapshot's manifest. location: of the target. moves: (path at capture, path here) that count before all
    else. EngineError: "path-relative" for a move that is not absolute, "repository-damaged" for a snapshot whose instance
    has no absolute paths.
    """
    source, target = _source(meta), _target(location)
    wanted: dict[str, str] = {}
    for old, new in (*_said(moves), *_usual(meta, source, target)):
        wanted.setdefault(old, new)
    needed: list[tuple[str, str]] = []
    for old, new in sorted(wanted.items(), key=lambda move: (len(move[0]), move[0])):
        if _moved(old, needed) != new:  # else a shorter prefix says so already
            needed.insert(0, (old, new))
    ordered = tuple(needed)
    return Placement(source, target, ordered, _unmoved(meta, source, target, ordered))


def _source(meta: dict) -> Side:
    instance = meta["instance"]
    for name in ("home", "state_dir", "config_path"):
        if not instance[name].startswith("/") or os.path.normpath(instance[name]) != instance[name] or "\0" in instance[name]:
            raise damaged("The description of the snapshot's instance", f"its {name} is no absolute path")
    return Side(**{name: instance[name] for name in ("user", "uid", "gid", "home", "profile", "state_dir", "config_path")})


def _target(location: Location) -> Side:
    account = location.account
    return Side(account.name, account.uid, account.gid, location.home, location.profile, location.state_dir, location.config_path)


def _said(moves):
    for old, new in moves:
        for path in (old, new):
            if not path.startswith("/") or "\0" in path:
                raise EngineError("path-relative", f"A move between paths names {path!r}, which is not absolute", "Give absolute paths.",
                                  {"option": "moves", "path": path})
        yield os.path.normpath(old), os.path.normpath(new)


def _usual(meta: dict, source: Side, target: Side):
    """The moves that follow from who is who. First come, first served where two begin at the same path."""
    yield source.config_path, target.config_path
    yield source.state_dir, target.state_dir
    roots = meta["roots"]
    if source.state_dir != target.state_dir:
        for root in roots:  # where the state directory was a link: what it led to
            if root["role"] == "state":
                yield root["path"], target.state_dir
    before, here = os.path.dirname(source.config_path), os.path.dirname(target.config_path)
    for root in roots:
        if root["role"] == "include" and inside(root["path"], before) and before != source.state_dir:
            yield root["path"], here + root["path"][len(before):]
    if source.profile != target.profile:
        if source.profile:
            name = f"workspace-{target.profile}" if target.profile else "workspace"
            yield f"{source.home}/{STATE_NAME}/workspace-{source.profile}", f"{target.home}/{STATE_NAME}/{name}"
        for root in roots:
            if root["role"] == "unit":
                yield from _renamed_unit(root["path"], source, target)
    if source.home != "/" and target.home != "/":
        yield source.home, target.home


def _renamed_unit(path: str, source: Side, target: Side):
    """A unit is called after its profile, as are the directory of its drop-ins and what lies in that. Its home may be another too."""
    for place in (path, os.path.dirname(path)):
        found = _UNIT.fullmatch(os.path.basename(place))
        if found and found.group("profile") == source.profile:
            profile = f"-{target.profile}" if target.profile else ""
            directory = _moved(os.path.dirname(place), ((source.home, target.home),))
            yield place, f"{directory}/{found.group('name')}{profile}{found.group('end')}"


def _moved(path: str, moves) -> str:
    """A path after the first of the moves that fits."""
    for old, new in moves:
        if inside(path, old):
            return new + path[len(old):]
    return path


def _unmoved(meta: dict, source: Side, target: Side, moves) -> tuple[str, ...]:
    if source.state_dir == target.state_dir:
        return ()
    kept = (root["path"] for root in meta["roots"] if root["role"] in _KEPT_ROLES and root.get("present", True))
    return tuple(dict.fromkeys(path for path in kept if _moved(path, moves) == path))
