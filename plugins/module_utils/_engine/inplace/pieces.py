# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The smallest set of paths which, swapped whole, change what a restore wants to change and nothing else."""
from __future__ import annotations

from typing import Callable, Iterable, Mapping

from ..capture.paths import ancestors, inside
from ..capture.sqlite import database_of
from ..capture.walk import order_key
from ..errors import EngineError
from ..repository.manifest import DIRECTORY
from .ground import Ground
from .live import Live


def find(captured: Mapping[str, str], unselected: Iterable[str], live: Live, ground: Ground,
         selected: Callable[[str], bool]) -> tuple[list[str], list[str]]:
    """(pieces, directories that stay while their content is swapped), in walk order.

    captured: path on this host → type, of the entries that are restored. unselected: other paths of the snapshot.
    selected: says of a path on this host whether it belongs to what is restored. EngineError "restore-place-kept".
    """
    replaced = {path: row.is_directory for path, row in live.rows.items() if selected(path) or sidecar_of(path, captured)}
    others = [path for path in live.rows if path not in replaced]
    blocked = set(ground.boundaries)
    for path in (*unselected, *others, *(path for path in live.kept if path not in captured), *ground.boundaries):
        for place in ancestors(path):
            if place in blocked and path not in ground.boundaries:
                break
            blocked.add(place)
    pieces: list[str] = []
    fixed: list[str] = []
    for path in sorted({*captured, *replaced}, key=order_key):
        if pieces and inside(path, pieces[-1]):
            continue
        if path not in blocked or path not in live.rows:
            if path not in blocked or captured.get(path) != DIRECTORY:
                pieces.append(path)
            continue
        if not live.rows[path].is_directory or captured.get(path, DIRECTORY) != DIRECTORY:
            raise EngineError(
                "restore-place-kept", f"{path} cannot be replaced: something in it or at its place stays",
                "Move it out of the way, or restore a part that does not need this path.", {"path": path})
        fixed.append(path)
    return pieces, fixed


def sidecar_of(path: str, captured: Mapping[str, str]) -> bool:
    """Whether SQLite would lay an old file over a database that is restored."""
    return database_of(path) in captured
