# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Leaves the state of long work in a small file, which an action plugin reads while the module runs."""
from __future__ import annotations

import dataclasses
import json
import os
import threading

from ._engine.ports import Clock, Progress, ProgressState

INTERVAL = 0.5  # seconds between two writes


class ProgressFile(Progress):
    """Writes the latest state to a file of this user's, at most every INTERVAL seconds, by rename. Failures are ignored.

    The content is one JSON object: the fields of ProgressState, pid, and elapsed: seconds since the work began.
    """

    def __init__(self, path: str, clock: Clock | None = None) -> None:
        self._path = path
        self._clock = clock or Clock()
        self._start = self._clock.elapsed()
        self._last: float | None = None
        self._lock = threading.Lock()
        self._write(ProgressState("start"))  # so that whoever waits knows the process

    def report(self, state: ProgressState) -> None:
        """Take note of the state, unless another thread is at it or the last note is fresh."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            now = self._clock.elapsed()
            if self._last is None or now - self._last >= INTERVAL:
                self._last = now
                self._write(state)
        finally:
            self._lock.release()

    def _write(self, state: ProgressState) -> None:
        elapsed = round(self._clock.elapsed() - self._start, 3)
        content, new = {**dataclasses.asdict(state), "pid": os.getpid(), "elapsed": elapsed}, self._path + ".new"
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            try:
                os.write(descriptor, json.dumps(content).encode())
            finally:
                os.close(descriptor)
            os.replace(new, self._path)
        except OSError:
            return
