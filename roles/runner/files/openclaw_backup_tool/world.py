# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the engine may touch of the world when this tool runs it: commands, the environment, progress on a terminal."""
from __future__ import annotations

import os
import pwd
import subprocess
import sys
import threading

from openclaw_backup_engine.ports import Clock, CommandResult, Progress, ProgressState
from openclaw_backup_engine.progress_file import VARIABLE, ProgressFile

from .text import size

_INTERVAL = 0.1  # seconds between two pictures
_WIDTH = 24


def run_command(argv: list, timeout: float = 60.0) -> CommandResult:
    """Run a command without a shell and without input. Code 124: it took too long. Code 127: it is not there."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return CommandResult(124, "", f"{argv[0]} took longer than {timeout:g} s")
    except OSError as exc:
        return CommandResult(127, "", os.strerror(exc.errno or 0))
    return CommandResult(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def default_state_directory() -> str:
    """Where results and copies of repository objects are kept, below it a directory for each instance."""
    if os.geteuid() == 0:
        return "/var/lib/openclaw-backup"
    base = os.environ.get("XDG_STATE_HOME") or os.path.join(pwd.getpwuid(os.geteuid()).pw_dir, ".local", "state")
    return os.path.join(base, "openclaw-backup")


class ProgressBar(Progress):
    """Draws one line on a terminal, a few times a second, over itself."""

    def __init__(self, stream, clock: Clock | None = None) -> None:
        self._stream, self._clock = stream, clock or Clock()
        self._lock = threading.Lock()
        self._last = 0.0
        self._drawn = False

    def report(self, state: ProgressState) -> None:
        """Draw, unless another thread is at it or the last picture is fresh."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            now = self._clock.elapsed()
            if now - self._last >= _INTERVAL:
                self._last = now
                self._draw(state)
        finally:
            self._lock.release()

    def _draw(self, state: ProgressState) -> None:
        words = [f"{state.phase or 'working':<8}"]
        done, total = (state.bytes_done, state.bytes_total) if state.bytes_total else (state.files_done, state.files_total)
        if total:
            share = min(1.0, done / total)
            filled = int(share * _WIDTH)
            words.append(f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {share:4.0%}")
        words.append(f"{size(state.bytes_done)} of {size(state.bytes_total)}" if state.bytes_total else size(state.bytes_done))
        if state.files_total:
            words.append(f"{state.files_done:,} of {state.files_total:,} files")
        self._stream.write("\r\x1b[K" + "  ".join(words))
        self._stream.flush()
        self._drawn = True

    def clear(self) -> None:
        """Take the line away."""
        with self._lock:
            if self._drawn:
                self._stream.write("\r\x1b[K")
                self._stream.flush()
                self._drawn = False


def progress_for(wanted: bool, label: str = "") -> Progress:
    """A bar where somebody looks, a file where a controller asks for one, else nothing. label: which of several this is."""
    if os.environ.get(VARIABLE):
        return ProgressFile(os.environ[VARIABLE], label=label)
    return ProgressBar(sys.stderr) if wanted and sys.stderr.isatty() else Progress()
