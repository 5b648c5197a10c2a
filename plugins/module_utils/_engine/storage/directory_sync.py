# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Directory fsync shared by threads: those who wait at the same time are served by one call."""
from __future__ import annotations

import errno
import os
import threading
from dataclasses import dataclass

# Some file systems (FUSE, SMB) cannot fsync a directory; their rename and link are as durable as they will ever be.
_NOT_POSSIBLE = (errno.EINVAL, errno.EBADF, errno.ENOSYS, errno.ENOTSUP)


@dataclass
class _Turn:
    started: int = 0
    finished: int = 0
    running: bool = False
    waiting: int = 0
    error: OSError | None = None


class DirectorySync:
    """Makes changes of directories durable.

    A caller needs an fsync that *starts* after its change. All callers that arrive while one fsync of a directory runs
    share the next one.
    """

    def __init__(self) -> None:
        self._turns: dict[tuple[int, int], _Turn] = {}
        self._changed = threading.Condition()

    def sync(self, directory: int) -> None:
        """Return when every change made so far in the directory (an open descriptor) is durable. OSError."""
        status = os.fstat(directory)
        key = (status.st_dev, status.st_ino)
        with self._changed:
            turn = self._turns.setdefault(key, _Turn())
            turn.waiting += 1
            wanted = turn.started + 1
            try:
                while turn.finished < wanted:
                    if turn.running:
                        self._changed.wait()
                    else:
                        self._run(turn, directory)
                if turn.error:
                    raise turn.error
            finally:
                turn.waiting -= 1
                if not turn.waiting:
                    self._turns.pop(key, None)

    def _run(self, turn: _Turn, directory: int) -> None:
        turn.running = True
        turn.started += 1
        self._changed.release()
        error = None
        try:
            os.fsync(directory)
        except OSError as exc:
            error = None if exc.errno in _NOT_POSSIBLE else exc
        finally:
            self._changed.acquire()
            turn.running = False
            turn.finished = turn.started
            turn.error = turn.error or error  # an fsync that failed once proves nothing when it is repeated
            self._changed.notify_all()
