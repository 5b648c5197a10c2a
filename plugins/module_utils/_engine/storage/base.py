# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What the engine asks of a storage. Every object is written once, never changed, and deleted whole."""
from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Iterable, Iterator, Sequence


@dataclass(frozen=True)
class ObjectInfo:
    """One object of a listing. modified: seconds since 1970 UTC by the storage's clock, never by ours."""

    name: str
    size: int
    modified: float


@dataclass
class Traffic:
    """What a storage was asked for so far. requests counts every attempt, by verb."""

    requests: dict[str, int] = field(default_factory=dict)
    bytes_sent: int = 0
    bytes_received: int = 0
    retries: int = 0

    @property
    def total_requests(self) -> int:
        return sum(self.requests.values())


@dataclass(frozen=True)
class Deletion:
    """What a deletion did. Names that did not exist count as deleted. failed: (name, reason)."""

    deleted: list[str]
    failed: list[tuple[str, str]]


@dataclass(frozen=True)
class Capabilities:
    """What a probe found that this storage really does.

    create_only: a second create of one name is refused by the storage itself, atomically.
    can_delete: these credentials may delete.
    """

    create_only: bool
    can_delete: bool


class Storage(ABC):
    """The objects below one root: the repository of one instance. Names are relative, joined by "/"; none continues
    another ("a" and "a/b"), since a directory could not hold both.

    Thread-safe. Errors: EngineError with a code of the table in docs/troubleshooting.md, after the storage's own
    retries; ObjectMissing and ObjectExists where an operation says so. Nothing here logs or swallows an error.
    """

    url: str  # where, for people: never holds a secret
    traffic: Traffic

    @abstractmethod
    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose name begins with prefix, in name order. An absent root gives nothing."""

    def list_after(self, prefix: str, after: str) -> Iterator[ObjectInfo]:
        """Those of list(prefix) whose names sort after this text, which begins with the prefix. Spares the others where it can."""
        return (item for item in self.list(prefix) if item.name > after)

    def list_children(self) -> list[str]:
        """The names of the directories right below the root, as far as they could begin an object name."""
        return sorted({item.name.split("/")[0] for item in self.list("") if "/" in item.name})

    @abstractmethod
    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes of an object: length of them from offset, fewer only where the object ends. ObjectMissing."""

    @abstractmethod
    def create(self, name: str, parts: Sequence[bytes]) -> None:
        """Store the joined parts as a new object, durably, all or nothing. ObjectExists if the name is taken."""

    @abstractmethod
    def delete(self, names: Iterable[str]) -> Deletion:
        """Delete objects, many per request where the storage can."""

    @abstractmethod
    def now(self) -> float:
        """Seconds since 1970 UTC by the storage's clock, as of its latest answer."""

    @abstractmethod
    def probe(self) -> Capabilities:
        """Find out what the storage and these credentials really do, with a throw-away object."""

    def parallel_transfers(self) -> int:
        """How many transfers at once are worth it."""
        return 2

    def close(self) -> None:
        """Let go of connections."""
