# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The throw-away place that a snapshot is restored into: in memory, or in a directory that is named.

Before anything is made, a small file in the registry says where it will be and which units may run there; whoever uses the
place holds that file's lock, which the kernel lets go of when the process ends, however it ends. So a later run, and a unit at
boot, know what a kill has left, and remove it: sweep().
"""
from __future__ import annotations

import json
import os
import secrets
import shutil

from ..errors import EngineError
from ..ports import Context

try:
    import fcntl
except ImportError:  # not a POSIX system; the modules say so
    fcntl = None

MEMORY_PLACES = "/run/openclaw-verify"
UNIT = "openclaw-verify-"  # what the names of the units in a place begin with; the place's id and a word follow
RESERVE = 1 << 30  # bytes of memory that the host keeps, beside what the place and its gateway may take
_MEMINFO = "/proc/meminfo"
_NEW = ".new"
_WRITTEN_WITHIN = 60.0  # seconds in which an entry is written


def room_for(content: int) -> int:
    """The bytes that a place needs for a snapshot with so much content: releases copy databases when they migrate them."""
    return content * 3 // 2 + (512 << 20)


class Place:
    """A place, from construction until remove(). root: a directory in it, not made yet, for the restored tree.

    needed: bytes, as room_for() gives them. EngineError "place-too-small", "place-not-made", and those of sweep().
    """

    def __init__(self, directory: str | None, registry: str, needed: int, gateway_memory: int, context: Context) -> None:
        sweep(registry, context)
        self._context = context
        self.id = secrets.token_hex(4)
        self.in_memory = directory is None
        self.path = f"{MEMORY_PLACES}/{self.id}" if directory is None else f"{directory.rstrip('/')}/openclaw-verify-{self.id}"
        _check_room(directory, needed, gateway_memory)
        self._entry = os.path.join(registry, f"{self.id}.json")
        try:
            self._descriptor = _register(self._entry, {"path": self.path, "id": self.id, "in_memory": self.in_memory})
        except OSError as exc:
            raise _not_made(registry, os.strerror(exc.errno or 0)) from exc
        try:
            self._make(needed)
        except BaseException:
            self.remove()
            raise

    @property
    def root(self) -> str:
        return f"{self.path}/root"

    def unit(self, word: str) -> str:
        """The name of a unit that belongs to this place, and ends with it."""
        return f"{UNIT}{self.id}-{word}.service"

    def _make(self, needed: int) -> None:
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            os.mkdir(self.path, 0o700)
        except OSError as exc:
            raise _not_made(self.path, os.strerror(exc.errno or 0)) from exc
        if self.in_memory:
            options = f"size={needed},mode=0700,nosuid,nodev"
            for more in (",noswap", ""):  # older kernels than 6.4 do not know it
                done = self._context.run(["mount", "-t", "tmpfs", "-o", options + more, "openclaw-verify", self.path], timeout=30.0)
                if not done.code:
                    break
            else:
                raise _not_made(self.path, done.error.strip()[:200] or f"mount ended with {done.code}")

    def remove(self) -> None:
        """End what runs in it, and remove it. EngineError "place-not-removed"."""
        try:
            _remove(self._entry, self.path, self.id, self._context)
        finally:
            os.close(self._descriptor)  # what could not be removed is the next run's


def sweep(registry: str, context: Context) -> list[str]:
    """Remove every place whose owner is gone, and give their paths. EngineError "place-not-removed"."""
    removed = []
    _forget_unwritten(registry, context)
    for name in sorted(_names(registry, ".json")):
        entry = os.path.join(registry, name)
        try:
            descriptor = os.open(entry, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue
        try:
            if not _locked(descriptor):
                continue  # somebody is at work there
            found = _read(descriptor)
            if found is None:
                os.unlink(entry)  # it was never written whole, so nothing was made yet
                continue
            _remove(entry, *found, context)
            removed.append(found[0])
        except OSError as exc:
            raise _not_removed(entry, os.strerror(exc.errno or 0)) from exc
        finally:
            os.close(descriptor)
    return removed


def _names(registry: str, end: str) -> list[str]:
    try:
        return [name for name in os.listdir(registry) if name.endswith(end)]
    except FileNotFoundError:
        return []


def _forget_unwritten(registry: str, context: Context) -> None:
    """Remove entries that a kill kept from being written, by their age: nothing was made for them yet."""
    for name in _names(registry, _NEW):
        entry = os.path.join(registry, name)
        try:
            if context.clock.now() - os.lstat(entry).st_mtime > _WRITTEN_WITHIN:
                os.unlink(entry)
        except FileNotFoundError:
            continue


def _register(entry: str, value: dict) -> int:
    """Write an entry that is on the disk before anything else is, and keep it locked. OSError."""
    os.makedirs(os.path.dirname(entry), mode=0o700, exist_ok=True)
    new = entry + _NEW  # no sweep looks at it before it is locked and whole
    descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.write(descriptor, json.dumps(value).encode())
    os.fsync(descriptor)
    os.rename(new, entry)
    directory = os.open(os.path.dirname(entry), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return descriptor


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read(descriptor: int) -> tuple[str, str] | None:
    """(path, id) of an entry; None for one that was not written whole."""
    try:
        value = json.loads(os.pread(descriptor, 1 << 16, 0))
        path, place_id = value["path"], value["id"]
    except (ValueError, KeyError, TypeError):
        return None
    # Both names end with the id: nothing else is ever removed.
    whole = isinstance(path, str) and isinstance(place_id, str) and place_id.isalnum() and path.startswith("/")
    return (path, place_id) if whole and path.endswith((f"/{place_id}", f"/openclaw-verify-{place_id}")) else None


def _remove(entry: str, path: str, place_id: str, context: Context) -> None:
    """Units first, then what they used, the entry last. EngineError "place-not-removed"."""
    stop_units(f"{UNIT}{place_id}-*.service", context)
    for _attempt in range(3):
        if not os.path.ismount(path):
            break
        context.run(["umount", path], timeout=30.0)
    else:
        context.run(["umount", "--lazy", path], timeout=30.0)
    try:
        if os.path.ismount(path):
            raise _not_removed(path, "it is still mounted")
        if os.path.lexists(path):
            shutil.rmtree(path)
        os.unlink(entry)
    except FileNotFoundError:
        pass
    except OSError as exc:
        raise _not_removed(path, os.strerror(exc.errno or 0)) from exc


def stop_units(pattern: str, context: Context) -> None:
    """End units at once: nothing that they hold is to be kept."""
    context.run(["systemctl", "kill", "--signal=SIGKILL", pattern], timeout=30.0)
    context.run(["systemctl", "stop", pattern], timeout=60.0)
    context.run(["systemctl", "reset-failed", pattern], timeout=30.0)


def _check_room(directory: str | None, needed: int, gateway_memory: int) -> None:
    if directory is None:
        free, wanted, hint = _memory_free(), needed + gateway_memory + RESERVE, (
            "Name a directory on an encrypted disk as the place of proofs, or give this host more memory.")
        where = "This host's memory"
    else:
        try:
            found = os.statvfs(directory)
        except OSError as exc:
            raise _not_made(directory, os.strerror(exc.errno or 0)) from exc
        free, wanted, hint, where = found.f_bavail * found.f_frsize, needed, "Make room there, or name another directory.", directory
    if free < wanted:
        raise EngineError(
            "place-too-small", f"{where} has {free:,} bytes free, and to prove this snapshot takes {wanted:,}", hint,
            {"free": free, "needed": wanted})


def _memory_free() -> int:
    """The bytes that processes could take without swapping."""
    with open(_MEMINFO, encoding="ascii") as stream:
        for line in stream:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return 0


def _not_made(path: str, reason: str) -> EngineError:
    return EngineError(
        "place-not-made", f"The throw-away place {path} cannot be made: {reason}",
        "Proofs are made by root on a staging host with systemd; see that the directory exists.")


def _not_removed(path: str, reason: str) -> EngineError:
    return EngineError(
        "place-not-removed", f"The throw-away place {path} cannot be removed: {reason}",
        "It holds an agent's data in plain: remove it by hand, then run openclaw-backup verify --clean-up.", {"path": path})
