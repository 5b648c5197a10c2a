# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Takes an attempt back, from wherever it stopped, as often as is needed: the disk says what is still to be done."""
from __future__ import annotations

import os

from ..errors import EngineError
from ..ports import Context
from . import staging
from .attendant import Attendant
from .journal import STAGED, STAGING, UNDOING, Journal
from .swap import put_away, put_old, synchronise
from .version_step import go_back


def undo(found: Journal, attendant: Attendant, context: Context) -> EngineError | None:
    """Put the old state back, start its gateway if it ran, remove the new state and the journal.

    Returns why the old gateway did not become healthy, if so: its state is back all the same, and recover() starts it once more if
    its service has failed. Raises EngineError
    "restore-place-changed", "gateway-stop-timeout" and OSError when the old state is not back; the journal then stays, and
    the gateway is kept from starting.
    """
    failure = None
    if found.phase not in (STAGING, STAGED):
        _prepare(found, attendant)
        attendant.stop()
        _put_back(found, context)
    go_back(found.version, context)
    _fence(found, attendant)
    attendant.open_gate()
    if found.running:
        context.checkpoint("before-old-start")
        try:
            attendant.start()
        except EngineError as exc:
            failure = exc
    staging.discard(found.staging, context)
    context.checkpoint("before-journal-removal")
    if failure is None:
        found.remove()
    else:
        found.leave_not_started()
    return failure


def _prepare(found: Journal, attendant: Attendant) -> None:
    """What makes an undoing that is cut short safer, and needs room on a disk that may be full: the renames themselves need none.

    The journal already names a phase that is undone in the same way; and the gateway is seen stopped before anything is renamed.
    """
    for step in (lambda: _fence(found, attendant), lambda: found.enter(UNDOING), lambda: attendant.close_gate(found.path)):
        try:
            step()
        except EngineError:
            continue


def _fence(found: Journal, attendant: Attendant) -> None:
    """The fence that was taken away with the old state stands again. Called twice: the first time a full disk may be in its way."""
    if found.fence:
        attendant.put_fence_back(found.fence)


def _put_away_new_names(found: Journal, context: Context) -> None:
    """What a gateway has made, while it worked on the new state, in directories whose content was swapped."""
    ours = {os.path.basename(path) for path in found.staging}
    besides = {os.path.dirname(piece.live): os.path.dirname(piece.beside) for piece in found.pieces}
    for directory, names in found.names.items():
        beside = besides.get(directory)
        for name in sorted(set(os.listdir(directory)) - set(names) - ours) if beside else ():
            put_away(f"{directory}/{name}", f"{beside}/{name}", context.checkpoint)


def _put_back(found: Journal, context: Context) -> None:
    for piece in reversed(found.pieces):
        context.checkpoint("before-undo")
        put_old(piece, context.checkpoint, found.used)
    if found.used:
        _put_away_new_names(found, context)
    for path in reversed(found.made):
        try:
            os.rmdir(path)
        except FileNotFoundError:
            continue
        except OSError:
            break  # somebody has put something there
    for path, modified in found.times.items():
        if os.path.isdir(path):
            os.utime(path, ns=(os.stat(path).st_atime_ns, modified))
    synchronise([os.path.dirname(path) for piece in found.pieces for path in (piece.live, piece.beside)])
    context.checkpoint("old-state-back")
