# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Brings a snapshot to a host ahead of its restore, while the gateway it comes from still works elsewhere.

It lies beside the state directory, and the next one uses up the one before: only what has changed is read. The restore in
place uses it up in the end, so that what is left for the time in which no gateway runs is the last difference. Databases are
left as they were stored, with their write-ahead logs: folded in, they would be of no use for the next round.
"""
from __future__ import annotations

import os
import shutil

from . import restore
from .capture.config_file import load_config
from .errors import EngineError
from .ports import Context
from .repository.repository import Repository
from .restore import RestoreOptions, RestoreResult
from .restore_seed import read_record
from .snapshots import find

_SUFFIX = ".prefetched"
_EARLIER = ".earlier"  # the one before, while the next one uses it up


def directory_of(state_dir: str) -> str:
    """Where the prefetched snapshot of an instance lies; its files belong to whom they belonged at capture, itself to root."""
    return os.path.realpath(state_dir) + _SUFFIX


def prefetch(
        repository: Repository, state_dir: str, context: Context,
        snapshot: str = "latest") -> tuple[RestoreResult, restore.RestorePlan]:
    """Bring a snapshot. Nothing to do where this one is there already. Gives what was done, and the plan it followed.

    EngineError: those of a restore, "path-missing" where the directory that holds the state directory is not there.
    """
    place = directory_of(state_dir)
    above = os.path.dirname(place)
    if not os.path.isdir(above):
        raise EngineError(
            "path-missing", f"{above}, which is to hold the state directory, is not there", "Make the user and its home first.")
    options = RestoreOptions(snapshot=snapshot, target=place, check_databases=False, seed=place + _EARLIER)
    _make_way(place, find(repository, snapshot).id)
    made = restore.plan(repository, options, context)
    return restore.execute(made, context), made


def discard(state_dir: str) -> bool:
    """Remove what was prefetched. Gives whether there was anything."""
    place = directory_of(state_dir)
    return any([_remove(place), _remove(place + _EARLIER)])


def config_of(state_dir: str, meta: dict) -> dict:
    """The config in what was prefetched, {} where there is none. meta: of the snapshot's manifest."""
    path = f"{directory_of(state_dir)}{os.path.normpath(meta['instance']['config_path'])}"
    return load_config(path, (os.path.dirname(path),)).data if os.path.isfile(path) else {}


def _make_way(place: str, snapshot: str) -> None:
    """Let the place be free, or hold exactly this snapshot; the seed be a whole restore, or nothing."""
    here = read_record(place)
    if here is not None and here.get("snapshot") == snapshot:
        return
    if here is not None:
        _remove(place + _EARLIER)
        os.rename(place, place + _EARLIER)
        return
    _remove(place)
    if read_record(place + _EARLIER) is None:
        _remove(place + _EARLIER)


def _remove(path: str) -> bool:
    if not os.path.lexists(path):
        return False
    if os.path.islink(path) or not os.path.isdir(path):
        os.unlink(path)
    else:
        shutil.rmtree(path)
    return True
