# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Leaves the state of long work in a small file, which an action plugin on the controller reads while the work goes on."""
from __future__ import annotations

import dataclasses
import json
import os
import threading

from .ports import Clock, Progress, ProgressState

VARIABLE = "OPENCLAW_BACKUP_PROGRESS_FILE"  # of the environment: where that file is to be
INTERVAL = 0.5  # seconds between two writes


class ProgressFile(Progress):
    """Writes the latest state to a file of this user's, at most every INTERVAL seconds, by rename. Failures are ignored.

    The content is one JSON object: the fields of ProgressState, pid, and elapsed: seconds since the work began.
    label: put before each phase, where one process works on several things one after the other.
    """

    def __init__(self, path: str, clock: Clock | None = None, label: str = "") -> None:
        self._path, self._label = path, f"{label}: " if label else ""
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
        content = {**dataclasses.asdict(state), "phase": self._label + state.phase, "pid": os.getpid(), "elapsed": elapsed}
        new = self._path + ".new"
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
