# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The entries of a snapshot as they will be on this host: other paths, other owners, some roots left out."""
from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Callable, Iterator

from ..capture.paths import ancestors, inside
from ..placement import Placement
from ..repository.manifest import HARD_LINK, Entry, Manifest
from ..restore_selection import Choice
from .ground import Ground

_OF_THE_HOST = ("unit", "environment")


@dataclass(frozen=True)
class Roots:
    """kept: path at capture → whether it is a directory there. left_out: what is not swapped, and why."""

    kept: dict[str, bool]
    left_out: tuple[dict, ...]

    def hold(self, path: str) -> bool:
        """Whether a path of the snapshot lies in a root that is restored."""
        return path in self.kept or any(place in self.kept for place in ancestors(path))


def choose_roots(meta: dict, directories: set[str], service_files: bool, placement: Placement) -> Roots:
    """Which roots of a snapshot are restored in place.

    directories: those paths of roots that are directories in the snapshot. Not swapped whole: what holds more than the
    instance. Not restored unless asked for: files of the service outside of the state directory.
    """
    present = [root for root in meta["roots"] if root.get("present", True)]
    kept: dict[str, bool] = {}
    left: list[dict] = []
    for root in present:
        if _holds_more(root, present, placement):
            left.append(_left(root, "it holds more than this instance, and is not swapped whole"))
        elif root["role"] not in _OF_THE_HOST or service_files:
            kept[root["path"]] = root["path"] in directories
    for root in present:
        if root["role"] in _OF_THE_HOST and not service_files and not any(inside(root["path"], path) for path in kept):
            left.append(_left(root, "files of the service are restored only when asked for"))
    return Roots(kept, tuple(left))


def _left(root: dict, reason: str) -> dict:
    return {"path": root["path"], "role": root["role"], "reason": reason}


def _holds_more(root: dict, roots: list[dict], placement: Placement) -> bool:
    """Whether a root is "/", a home, an extra path around another root's directory, or anything around the state."""
    path = root["path"]
    if path in ("/", placement.source.home) or placement.path(path) in ("/", placement.target.home):
        return True
    others = [other for other in roots if other["path"] != path]
    if root["role"] == "extra":
        return any(inside(os.path.dirname(other["path"]), path) for other in others)
    return root["role"] != "state" and any(other["role"] == "state" and inside(other["path"], path) for other in others)


class PlacedChoice:
    """Like Choice, with entries as they will be here. selected: says of a captured path whether it is in this part."""

    def __init__(self, manifest: Manifest, what: str, selected: Callable[[str], bool], placement: Placement, ground: Ground) -> None:
        self._choice = Choice(manifest, what, selected)
        self.selected, self._placement, self._ground = selected, placement, ground

    def entries(self) -> Iterator[tuple[Entry, bytes]]:
        """They, with their lines. EngineError "repository-damaged"."""
        for entry, line in self._choice.entries():
            placed = self._place(entry)
            yield (entry, line) if placed is entry else (placed, placed.to_line().encode())

    def _place(self, entry: Entry) -> Entry:
        path, (uid, gid) = self.path(entry.path), self._placement.owner(entry.uid, entry.gid)
        target = self.path(entry.target) if entry.type == HARD_LINK else entry.target
        database = entry.database
        if database and "part_of" in database:
            database = {**database, "part_of": self.path(database["part_of"])}
        if (path, uid, gid, target, database) == (entry.path, entry.uid, entry.gid, entry.target, entry.database):
            return entry
        return replace(entry, path=path, uid=uid, gid=gid, target=target, database=database)

    def path(self, captured: str) -> str:
        """Where a captured path really goes."""
        return self._ground.final(self._placement.path(captured))
