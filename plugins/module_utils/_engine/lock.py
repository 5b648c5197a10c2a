# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""One writer per instance and host: an advisory lock that the kernel lets go of when the process ends, however it ends."""
from __future__ import annotations

import os

from .errors import EngineError

try:
    import fcntl
except ImportError:  # not a POSIX system; the modules say so
    fcntl = None


class WriterLock:
    """Held from construction to release(). directory None: no lock. what: who may hold it. EngineError "already-running"."""

    def __init__(self, directory: str | None, what: str = "backup") -> None:
        self._descriptor = -1
        if directory is None or fcntl is None:
            return
        try:
            os.makedirs(directory, mode=0o700, exist_ok=True)
            self._descriptor = os.open(os.path.join(directory, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise EngineError(
                "lock-not-taken", f"The lock that keeps two runs apart cannot be made in {directory}: {os.strerror(exc.errno or 0)}",
                "Make that directory writable for this user, or remove what is in its place.") from exc
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            self.release()
            raise EngineError(
                "already-running", f"Another {what} of this instance is running on this host",
                "Wait for it to end; nothing was changed.") from exc

    def release(self) -> None:
        """Let go of the lock."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
