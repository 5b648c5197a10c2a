# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""A limit on bytes per second, shared by all transfers of a storage."""
from __future__ import annotations

import threading

from ..ports import Clock


class RateLimit:
    """A token bucket: bytes are granted at a steady rate, with a quarter of a second's worth as reserve.

    Thread-safe and fair: each caller reserves its place in time, then waits for it without holding a lock.
    """

    def __init__(self, bytes_per_second: int, clock: Clock) -> None:
        """bytes_per_second: above 0."""
        self._rate = float(bytes_per_second)
        self._reserve = 0.25
        self._clock = clock
        self._lock = threading.Lock()
        self._granted_until = clock.elapsed() - self._reserve

    @property
    def piece(self) -> int:
        """Bytes to ask for at once, so that the flow stays even."""
        return max(1024, min(64 << 10, int(self._rate * self._reserve)))

    def take(self, count: int) -> None:
        """Return when count more bytes may be sent."""
        with self._lock:
            now = self._clock.elapsed()
            self._granted_until = max(self._granted_until, now - self._reserve) + count / self._rate
            wait = self._granted_until - now
        if wait > 0:
            self._clock.sleep(wait)
