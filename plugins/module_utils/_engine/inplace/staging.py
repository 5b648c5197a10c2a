# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The new state, beside the live one: restored, edited, on the disk for good. The gateway runs meanwhile."""
from __future__ import annotations

import os
import shutil

from .. import restore
from ..capture.paths import inside
from ..capture.sqlite import SIDECARS
from ..errors import EngineError
from ..ports import Context
from ..restore_seed import RECORD
from ..restore_tree import target_error
from .ground import let_through
from .plan import InPlacePlan
from .swap import Piece, inode_of, synchronise_file_systems


def restore_parts(made: InPlacePlan, context: Context) -> list[restore.RestoreResult]:
    """Write all parts. EngineError of restore.execute()."""
    results = []
    for staging, part in made.parts.items():
        context.checkpoint("before-part")
        results.append(restore.execute(part, context))
        os.unlink(f"{staging}/{RECORD}")
        let_through(staging, made.ground.roots)
    context.checkpoint("parts-restored")
    return results


def settle(made: InPlacePlan) -> None:
    """Make room for what the old state has and the new one has not, and let all of it survive a power cut. EngineError "target-…"."""
    try:
        for path in made.may_be_swapped:
            os.makedirs(os.path.dirname(made.beside(path)), mode=0o700, exist_ok=True)
        synchronise_file_systems(made.stagings)
    except OSError as exc:
        raise target_error(exc, next(iter(made.parts))) from exc


def make_parents(made: InPlacePlan) -> list[str]:
    """The directories that are missing above what comes, outermost first. Nothing is made."""
    missing: dict[str, None] = {}
    for path in made.swapped:
        above, chain = os.path.dirname(path), []
        while not os.path.lexists(above):
            chain.append(above)
            above = os.path.dirname(above)
        missing.update(dict.fromkeys(reversed(chain)))
    return list(missing)


def make_directory(made: InPlacePlan, path: str) -> None:
    """Make one of them, as the snapshot has it, else as the instance's user would. OSError."""
    target = made.placement.target
    mode, uid, gid = made.directories.get(path, (0o700, target.uid, target.gid))
    if not inside(path, target.home) and path not in made.directories:
        above = os.stat(os.path.dirname(path))
        mode, uid, gid = above.st_mode & 0o1777, above.st_uid, above.st_gid
    os.mkdir(path, 0o700)
    if os.geteuid() == 0:
        os.chown(path, uid, gid)
    os.chmod(path, mode & 0o3777)


def find_pieces(made: InPlacePlan) -> list[Piece]:
    """The pieces with the inode numbers of what is there now, when nothing writes any more. EngineError "target-…"."""
    found = []
    for path in [*made.swapped, *_late(made)]:
        beside = made.beside(path)
        try:
            os.makedirs(os.path.dirname(beside), mode=0o700, exist_ok=True)
            piece = Piece(path, beside, inode_of(path), inode_of(beside))
        except OSError as exc:
            raise target_error(exc, beside) from exc
        if piece.old is not None or piece.new is not None:
            found.append(piece)
    return found


def _late(made: InPlacePlan) -> list[str]:
    """What came since the plan was made, in directories whose content is swapped, and beside databases."""
    known, found = set(made.swapped) | set(made.fixed), []
    for directory in made.fixed:
        for item in os.scandir(directory):
            path, is_directory = item.path, item.is_dir(follow_symlinks=False)
            if path in known or path in made.live.rows or path in made.live.kept or not made.selected(path):
                continue
            if made.live.reason(path, is_directory) is None:
                found.append(path)
    beside = [path + suffix for path in made.swapped for suffix in SIDECARS if os.path.lexists(path + suffix)]
    return [*found, *(path for path in beside if path not in known and path not in found)]


def discard(directories, context: Context) -> None:
    """Remove staging directories with all that is in them. EngineError "restore-not-removed"."""
    for path in directories:
        context.checkpoint("before-removal")
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            continue
        except OSError as exc:
            raise EngineError(
                "restore-not-removed", f"{path} cannot be removed: {os.strerror(exc.errno or 0)}",
                "Remove it by hand; nothing uses it.", {"path": path}) from exc
