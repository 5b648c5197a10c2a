# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What a restore in place is about to do, kept beside the state directory so that recover() can finish or undo it.

`<state directory>.restore/journal.json` exists while an attempt is not over. To rename it to `kept-<id>.json` is what
commits the attempt: from then on it says where the old state lies, and until when.
"""
# pylint: disable=unidiomatic-typecheck  # what was written down is distrusted: a bool is no number here
from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict, dataclass, field

from ..capture.accounts import current_user_id
from ..errors import EngineError
from .swap import Piece, synchronise

STAGING, STAGED, SWAPPING, SWAPPED, UNDOING = "staging", "staged", "swapping", "swapped", "undoing"
PHASES = (STAGING, STAGED, SWAPPING, SWAPPED, UNDOING)
NAME, KEPT = "journal.json", "kept-"
NOT_STARTED = "not-started.json"  # what was undone, and left the gateway of the old state failed
_LIMIT = 64 << 20  # bytes
_FORMAT = 1


def directory_of(state_dir: str) -> str:
    """Where what concerns restores of a state directory is kept: beside it, so that it is there when the state is not."""
    return state_dir.rstrip("/") + ".restore"


@dataclass
class Journal:
    """One attempt. directory: where it is kept. staging: directories that hold the new state, and the old one later.

    made: directories that were made for what is new. times: directory → its mtime before, where a piece lies in it. names:
    directory that stays → what was in it. used: a gateway is started on the new state. running: the gateway is to be started
    when all is undone. until: when the old state may go, in seconds since 1970. version: what is needed to go back to the
    OpenClaw that was installed before. fence: what was around the gateway, and is to be again when all is undone.
    """

    directory: str
    id: str
    state_dir: str
    repository: str
    snapshot: str
    phase: str = STAGING
    staging: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    times: dict[str, int] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)
    used: bool = False
    pieces: list[Piece] = field(default_factory=list)
    running: bool = False
    until: float = 0.0
    version: dict | None = None
    fence: dict | None = None

    @property
    def path(self) -> str:
        """Of the journal, while the attempt is not over."""
        return f"{self.directory}/{NAME}"

    @property
    def kept_name(self) -> str:
        """What the journal is called once the attempt is committed."""
        return f"{KEPT}{self.id}.json"

    def enter(self, phase: str) -> None:
        """Note a phase before its first step. EngineError "restore-place-not-writable"; then it is not entered."""
        before, self.phase = self.phase, phase
        try:
            self.save()
        except EngineError:
            self.phase = before
            raise

    def save(self) -> None:
        """Write it so that a power cut leaves the one before or this one."""
        values = {name: value for name, value in asdict(self).items() if name != "directory"}
        write_json(f"{self.directory}/{NAME}", {"format": _FORMAT, **values})

    def commit(self) -> None:
        """The new state is the state. In one step."""
        os.rename(self.path, f"{self.directory}/{self.kept_name}")
        forget_not_started(self.directory)
        synchronise([self.directory])

    def leave_not_started(self) -> None:
        """Nothing is left of the attempt but that its end is to be made up for: a rename, since the disk may be full."""
        try:
            os.rename(self.path, f"{self.directory}/{NOT_STARTED}")
        except FileNotFoundError:
            return
        synchronise([self.directory])

    def remove(self) -> None:
        """Nothing is left of the attempt."""
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            return
        synchronise([self.directory])


def forget_not_started(directory: str) -> None:
    """The gateway runs, or somebody else has seen to it."""
    try:
        os.unlink(f"{directory}/{NOT_STARTED}")
    except FileNotFoundError:
        return


def make_directory(path: str) -> None:
    """Make the directory for the journal, or accept the one of an earlier restore. EngineError "restore-place-not-writable"."""
    try:
        os.mkdir(path, 0o755)
        os.chmod(path, 0o755)  # whoever starts the gateway must see that the journal is there; what is in it is not for them
        synchronise([os.path.dirname(path)])
    except FileExistsError:
        _check_own(path, os.lstat(path), stat.S_ISDIR)
    except OSError as exc:
        raise _not_writable(path, exc) from exc


def write_json(path: str, value: dict) -> None:
    """Replace a file beside the journal, durably. EngineError "restore-place-not-writable"."""
    try:
        descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as stream:
            json.dump(value, stream)
            stream.flush()
            os.fsync(descriptor)
        os.rename(path + ".new", path)
    except OSError as exc:
        raise _not_writable(path, exc) from exc
    synchronise([os.path.dirname(path)])


def read_json(path: str) -> dict | None:
    """A file beside the journal; None where there is none. EngineError "restore-journal-unusable"."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as exc:
        raise _unusable(path, os.strerror(exc.errno or 0)) from exc
    with os.fdopen(descriptor, "rb") as stream:
        _check_own(path, os.fstat(descriptor), stat.S_ISREG)
        _check_own(os.path.dirname(path), os.lstat(os.path.dirname(path)), stat.S_ISDIR)
        try:
            value = json.loads(stream.read(_LIMIT).decode("utf-8", "surrogateescape"))
        except (ValueError, RecursionError) as exc:
            raise _unusable(path, "it is not JSON") from exc
    if type(value) is not dict:
        raise _unusable(path, "it is no JSON object")
    return value


def load(directory: str) -> Journal | None:
    """The journal of an attempt that is not over. EngineError "restore-journal-unusable"."""
    return _load(directory, NAME)


def load_kept(directory: str) -> list[Journal]:
    """Those of attempts that were committed, oldest first. EngineError "restore-journal-unusable"."""
    try:
        names = sorted(name for name in os.listdir(directory) if name.startswith(KEPT) and name.endswith(".json"))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [found for name in names if (found := _load(directory, name)) is not None]


def _load(directory: str, name: str) -> Journal | None:
    path = f"{directory}/{name}"
    value = read_json(path)
    if value is None:
        return None
    texts, lists = ("id", "state_dir", "repository", "snapshot", "phase"), ("staging", "made")
    try:
        if value.pop("format") != _FORMAT or value["phase"] not in PHASES or any(type(value[key]) is not str for key in texts):
            raise ValueError
        pieces = [Piece(**item) for item in value.pop("pieces")]
        paths = [*(path for key in lists for path in value[key]), *value["times"], *value["names"]]
        paths += [one for piece in pieces for one in (piece.live, piece.beside)]
        if any(type(one) is not str or not one.startswith("/") or os.path.normpath(one) != one for one in paths):
            raise ValueError
        if any(type(number) not in (int, type(None)) for piece in pieces for number in (piece.old, piece.new)):
            raise ValueError
        return Journal(directory=directory, pieces=pieces, **value)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise _unusable(path, "it is not what this version writes") from exc


def _check_own(path: str, found: os.stat_result, kind) -> None:
    """What tells root to rename files must not have been written by anybody else."""
    if not kind(found.st_mode) or found.st_uid not in (0, current_user_id()) or found.st_mode & 0o022:
        raise _unusable(path, "somebody else may have written it")


def _unusable(path: str, why: str) -> EngineError:
    return EngineError(
        "restore-journal-unusable", f"{path} cannot be used: {why}",
        "If a restore was under way, look at what lies beside the state directory; then move this out of the way.", {"path": path})


def _not_writable(path: str, exc: OSError) -> EngineError:
    return EngineError(
        "restore-place-not-writable", f"{path} cannot be written: {os.strerror(exc.errno or 0)}",
        "Run this as root, or let the user who runs it write to the directory that holds the state directory.", {"path": path})
