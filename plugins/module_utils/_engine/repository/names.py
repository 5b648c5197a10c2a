# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Snapshot ids and object names.

A snapshot id is UTC time with milliseconds, 2026-11-20T02:30:00.123Z. In object names it is written
20261120T023000.123Z, since network shares and exFAT refuse colons; both forms are accepted wherever an id is.
"""
from __future__ import annotations

import datetime
import functools
import re
import secrets
import sys

from ..errors import EngineError

REPOSITORY = "repository.json"
KEYS = "keys/"
PACKS = "packs/"
SNAPSHOTS = "snapshots/"
RUNS = "runs/"
VERIFICATIONS = "verifications/"

_ID = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d):?(\d\d)\.(\d{3})Z", re.ASCII)
_COMPACT = re.compile(r"\d{8}T\d{6}\.\d{3}Z", re.ASCII)
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_LATEST = 253402300799.999  # the last millisecond of the year 9999
_PACK = re.compile(r"packs/([0-9a-f]{2})/([0-9a-f]{32})")


def require_utf8() -> None:
    """EngineError "locale-not-utf-8" unless this process reads file names as UTF-8, as the format spells them."""
    if sys.getfilesystemencoding().lower().replace("-", "") != "utf8":
        raise EngineError(
            "locale-not-utf-8", f"File names are read as {sys.getfilesystemencoding()} here, so they would not be what they are elsewhere",
            "Set LC_ALL to C.UTF-8, or PYTHONUTF8 to 1.")


def id_of_time(seconds: float) -> str:
    """The snapshot id of a moment given in seconds since 1970 UTC. EngineError "snapshot-id-exhausted" outside the years 1970 to 9999."""
    if not 0 <= seconds <= _LATEST:
        raise EngineError(
            "snapshot-id-exhausted", f"There is no snapshot id for {seconds:.0f} seconds after 1970",
            "Correct this host's clock; if a snapshot of a far future is there, remove it.")
    # In whole milliseconds: a float of seconds turned to a datetime may lose one.
    moment = _EPOCH + datetime.timedelta(milliseconds=int(seconds * 1000 + 0.5))
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def time_of_id(snapshot_id: str) -> float:
    """Seconds since 1970 UTC of a snapshot id in either form. EngineError "snapshot-id-invalid"."""
    match = _ID.fullmatch(snapshot_id)
    if match:
        day, hours, minutes, seconds, milliseconds = match.group(1, 2, 3), *map(int, match.group(4, 5, 6, 7))
        midnight = _midnight(*day)
        if midnight is not None and hours < 24 and minutes < 60 and seconds < 60:
            return ((midnight + (hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds) / 1000
    raise EngineError("snapshot-id-invalid", f"{snapshot_id!r} is not a snapshot id", "Ids look like 2026-11-20T02:30:00.123Z.")


@functools.lru_cache(maxsize=4096)  # a fleet's listing holds a hundred thousand ids of a few hundred days
def _midnight(year: str, month: str, day: str) -> int | None:
    """Seconds since 1970 UTC at which a day began; None if there is no such day."""
    try:
        return int(datetime.datetime(int(year), int(month), int(day), tzinfo=datetime.timezone.utc).timestamp())
    except ValueError:
        return None


def next_id(now: float, newest: str | None) -> str:
    """The id for a new snapshot: now, or one millisecond after the newest where the clock has gone back."""
    if newest is not None:
        now = max(now, time_of_id(newest) + 0.001)
    return id_of_time(now)


def compact(snapshot_id: str) -> str:
    """The form of an id that object names use."""
    return id_of_time(time_of_id(snapshot_id)).replace("-", "").replace(":", "")


def snapshot_object(snapshot_id: str) -> str:
    """The object of a snapshot."""
    return SNAPSHOTS + compact(snapshot_id)


def snapshot_of_object(name: str) -> str | None:
    """The id that an object name below snapshots/ stands for, or None for anything else."""
    tail = name[len(SNAPSHOTS):] if name.startswith(SNAPSHOTS) else ""
    if not _COMPACT.fullmatch(tail):
        return None
    try:
        if time_of_id(tail) < 0:
            return None
    except EngineError:
        return None
    return f"{tail[:4]}-{tail[4:6]}-{tail[6:11]}:{tail[11:13]}:{tail[13:]}"


def random_id() -> str:
    """128 random bits in hexadecimal: repository, pack and slot ids."""
    return secrets.token_hex(16)


def pack_object(pack_id: str) -> str:
    """The object of a pack."""
    return f"{PACKS}{pack_id[:2]}/{pack_id}"


def pack_of_object(name: str) -> str | None:
    """The pack id of an object name, or None for anything else."""
    match = _PACK.fullmatch(name)
    return match.group(2) if match and match.group(2).startswith(match.group(1)) else None


def run_object(run_id: str) -> str:
    """The record of a run. Two runs in one millisecond must not meet: a few random letters follow the time."""
    return f"{RUNS}{compact(run_id)}-{secrets.token_hex(3)}"


def verification_prefix(snapshot_id: str) -> str:
    """Where the verifications of a snapshot are."""
    return f"{VERIFICATIONS}{compact(snapshot_id)}/"


def verification_object(snapshot_id: str, at: float) -> str:
    """The record of one verification, made at this time."""
    return f"{verification_prefix(snapshot_id)}{compact(id_of_time(at))}-{secrets.token_hex(3)}"
