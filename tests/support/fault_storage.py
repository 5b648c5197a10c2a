# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storages for tests: one in memory with its own clock, and one that fails or dies at a chosen request."""
from __future__ import annotations

import threading
from typing import Callable, Iterable, Iterator, Sequence

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError, ObjectExists, ObjectMissing
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Clock
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.base import (
    Capabilities, Deletion, ObjectInfo, Storage, Traffic,
)
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.location import check_object_name, check_prefix


class MemoryStorage(Storage):
    """A storage whose clock is handed in and whose objects, name -> (bytes, modified), a test may look at and tamper with."""

    def __init__(self, clock: Clock, objects: dict[str, tuple[bytes, float]] | None = None) -> None:
        """objects: hand in those of another MemoryStorage to be the next process on the same storage."""
        self.url = "memory:///test"
        self.traffic = Traffic()
        self.objects = {} if objects is None else objects
        self._clock = clock
        self._lock = threading.RLock()

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        with self._counted("list"):
            found = [ObjectInfo(name, len(data), modified) for name, (data, modified) in self.objects.items() if name.startswith(prefix)]
        yield from sorted(found, key=lambda item: item.name)

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        check_object_name(name)
        with self._counted("get"):
            if name not in self.objects:
                raise ObjectMissing(name, self.url)
            data = self.objects[name][0][offset:None if length is None else offset + length]
            self.traffic.bytes_received += len(data)
            return data

    def create(self, name: str, parts: Sequence[bytes]) -> None:
        check_object_name(name)
        data = b"".join(parts)
        with self._counted("put"):
            if name in self.objects:
                raise ObjectExists(name, self.url)
            self.objects[name] = (data, self._clock.now())
            self.traffic.bytes_sent += len(data)

    def delete(self, names: Iterable[str]) -> Deletion:
        names = list(names)
        for name in names:
            check_object_name(name)
        with self._counted("delete"):
            for name in names:
                self.objects.pop(name, None)
        return Deletion(names, [])

    def now(self) -> float:
        return self._clock.now()

    def probe(self) -> Capabilities:
        return Capabilities(create_only=True, can_delete=True)

    def _counted(self, verb: str):
        with self._lock:
            self.traffic.requests[verb] = self.traffic.requests.get(verb, 0) + 1
        return self._lock


class Killed(BaseException):
    """Stands for SIGKILL: no handler of the program may catch it and go on."""


def refused() -> EngineError:
    """An error as a storage gives it after its own retries."""
    return EngineError("storage-connection-lost", "the connection keeps breaking off", "Check the network.")


class FaultStorage(Storage):
    """Passes requests on to another storage, counts them from 1, and lets one of them fail.

    at: which one; 0: none. fault: makes the exception. when: "before" its effect, "after" it, or "during" it (half of the
    names of a deletion are gone; the same as "before" for a create, which is all or nothing, and for reading). After a
    Killed everything fails with it: the process is dead, and other threads are, too.
    log: (verb, name or prefix) of each request, in order.
    """

    def __init__(self, inner: Storage, at: int = 0, fault: Callable[[], BaseException] = Killed, when: str = "before") -> None:
        if when not in ("before", "during", "after"):
            raise ValueError(when)
        self._inner = inner
        self._at, self._fault, self._when = at, fault, when
        self._lock = threading.Lock()
        self._dead = False
        self.url, self.traffic = inner.url, inner.traffic
        self.log: list[tuple[str, str]] = []

    @property
    def requests(self) -> int:
        """How many requests there were."""
        return len(self.log)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        yield from self._run("list", prefix, lambda: list(self._inner.list(prefix)))

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        return self._run("get", name, lambda: self._inner.get(name, offset, length))

    def create(self, name: str, parts: Sequence[bytes]) -> None:
        self._run("put", name, lambda: self._inner.create(name, parts))

    def delete(self, names: Iterable[str]) -> Deletion:
        names = list(names)
        return self._run("delete", " ".join(names), lambda: self._inner.delete(names), lambda: self._inner.delete(names[:len(names) // 2]))

    def now(self) -> float:
        return self._inner.now()

    def probe(self) -> Capabilities:
        return self._inner.probe()

    def parallel_transfers(self) -> int:
        return self._inner.parallel_transfers()

    def close(self) -> None:
        self._inner.close()

    def _run(self, verb: str, name: str, request: Callable, half: Callable | None = None):
        with self._lock:
            if self._dead:
                raise Killed()
            self.log.append((verb, name))
            chosen = len(self.log) == self._at
            fault = self._fault() if chosen else None
            if chosen and isinstance(fault, Killed) and self._when != "after":
                self._dead = True
        if not chosen:
            result = request()
            if self._dead:  # killed by another thread meanwhile: the effect is there, the answer is not
                raise Killed()
            return result
        if self._when == "after":
            request()
            self._dead = isinstance(fault, Killed)
        elif self._when == "during" and half:
            half()
        raise fault
