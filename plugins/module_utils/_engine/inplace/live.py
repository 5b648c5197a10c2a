# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What is on the disk where a snapshot goes: what a restore may replace, and what it leaves alone.

What a backup leaves out, a restore leaves alone: caches, logs, what patterns exclude, another instance's workspace. Only
locks, temporary files and half-built databases of the processes that were stopped go with the old state. The installed OpenClaw
and its Node stay, too, where they lie in the state: what they are is the matter of the option version.
"""
from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Callable

from ..capture import walk
from ..capture.paths import inside
from ..gateway.installation import Installation
from ..gateway.version_switch import FETCHED
from .ground import Ground

ANOTHER, PROGRAM = "another-instance", "installed-program"
# Rules of default_exclusions.py for what belongs to processes that no longer run.
OF_PROCESSES = ("locks", "temporary-files", "unfinished-databases")


@dataclass
class Live:
    """rows: what may be replaced, by path, in walk order. kept: path → the rule for which it stays. reason(): the rules asked."""

    rows: dict[str, walk.Row] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    reason: Callable[[str, bool], "str | None"] = lambda path, is_directory: None


def look(ground: Ground, rules: walk.Rules, foreign: tuple[str, ...] = (), program: Installation | None = None) -> Live:
    """Walk the roots as a backup with these rules would. Opens no file. Notes boundaries between file systems in ground.

    foreign: paths of another instance. program: what runs this one.
    """
    found = Live(kept={path: ANOTHER for path in foreign})
    stays = tuple(path for path in (program.places if program else ()) if any(inside(path, root) for root in ground.roots))

    def reason(path: str, is_directory: bool) -> str | None:
        if any(inside(path, place) for place in stays) or path.rpartition("/")[2].startswith(FETCHED):
            found.kept[path] = PROGRAM
            return PROGRAM
        why = rules.reason(path, is_directory)
        if why in OF_PROCESSES:
            return None
        if why is not None and not (is_directory and rules.descend(path)):
            found.kept[path] = why
        return why

    found.reason = reason
    existing = [root for root in ground.roots if os.path.lexists(root)]
    scan = walk.walk(existing, walk.Rules(reason, lambda path: path not in found.kept and rules.descend(path), rules.cut))
    devices: dict[str, int] = {}
    for row in scan.rows():
        found.rows[row.path] = row
        if row.is_directory:
            devices[row.path] = row.device
            above = devices.get(os.path.dirname(row.path))
            if above is not None and above != row.device:
                ground.note(row.path)
    for path in scan.specials:  # sockets and the like: of processes that no longer run
        try:
            found.rows[path] = walk.row_of(path, os.lstat(path))
        except OSError:
            continue
    return found


def belongs_elsewhere(path: str, live: Live) -> bool:
    """Whether a path of the snapshot lies in what is another instance's here, or the installed program's."""
    return any(inside(path, other) for other, why in live.kept.items() if why in (ANOTHER, PROGRAM))


def add_later_drop_ins(live: Live, files: list[str], captured: set[str]) -> None:
    """The unit is restored: drop-ins that came after the snapshot would go on changing what it says, and are replaced by nothing.

    files: of the service that is here. captured: the paths of this host that the snapshot brings.
    """
    for path in files:
        above = os.path.dirname(path)
        if above.endswith(".d") and above[:-2] in captured and path not in captured and os.path.isfile(path) and not os.path.islink(path):
            live.rows[path] = walk.row_of(path, os.lstat(path))
