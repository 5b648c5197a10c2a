# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What touches the world and is handed in: the clock, progress, the environment, running a command."""
from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field
from typing import Callable, Mapping


class Clock:
    """The wall clock and a stopwatch. Tests hand in their own."""

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC, by this host's clock."""
        return time.time()

    def elapsed(self) -> float:
        """Seconds of a clock that never jumps; only differences mean something."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


@dataclass
class ProgressState:
    """What a person wants to see of long work. Bytes and files count content, not what is stored."""

    phase: str = ""
    bytes_done: int = 0
    bytes_total: int = 0
    files_done: int = 0
    files_total: int = 0
    bytes_stored: int = 0


class Progress:
    """Receives ProgressState now and then, from any thread. This one ignores it."""

    def report(self, state: ProgressState) -> None:
        """Take note of the state; must be quick and must not raise."""


@dataclass(frozen=True)
class CommandResult:
    """What a command gave back. output and error are text, decoded leniently."""

    code: int
    output: str
    error: str


Runner = Callable[..., CommandResult]  # runner(argv: list[str], timeout: float) -> CommandResult


Connector = Callable[[str, int, float], socket.socket]


def no_checkpoint(_name: str) -> None:
    """Between two steps of a restore in place nothing happens."""


def open_connection(host: str, port: int, timeout: float) -> socket.socket:
    """A TCP connection. timeout: seconds that anything on it may take. OSError."""
    return socket.create_connection((host, port), timeout)


@dataclass
class Context:
    """Everything that the operations take from their front end.

    cache_dir: a directory of this user's for copies of repository objects and the writer's lock; disposable. None: no
        cache, and the writer's lock is not taken.
    environment: the process environment (credentials of the storage, OPENCLAW_*).
    run: runs a command, or None where the front end allows none.
    connect: opens a connection to a gateway on this host.
    checkpoint: called with a name between the steps of a restore in place; tests let a process fail or die there.
    recover_command: what ends a restore in place of this instance if this process dies; none: only the next boot or person does.
    """

    clock: Clock = field(default_factory=Clock)
    progress: Progress = field(default_factory=Progress)
    environment: Mapping[str, str] = field(default_factory=dict)
    cache_dir: str | None = None
    run: Runner | None = None
    connect: Connector = open_connection
    checkpoint: Callable[[str], None] = no_checkpoint
    recover_command: tuple[str, ...] = ()
