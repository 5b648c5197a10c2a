# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a command and measure it: wall time, processor time and memory of the whole process tree."""
from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass

SAMPLE_SECONDS = 0.02


@dataclass(frozen=True)
class Usage:
    """What a command took: seconds, and bytes of resident memory at the peak of the tree, sampled every 20 ms; never less than
    the kernel's own high-water mark of any one process.
    """

    wall: float
    cpu: float
    memory: int
    output: str = ""


class CommandFailed(Exception):
    """A measured command did not succeed: the figures would mean nothing."""


def run(command: list[str], environment: dict[str, str], directory: str | None = None, accepted: tuple[int, ...] = (0,)) -> Usage:
    """Run a command to its end. Its error output is kept for the message when its exit status is not accepted."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        begun = time.perf_counter()
        process = subprocess.Popen(command, env=environment, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                                   start_new_session=True)
        sampler = _Sampler(process.pid)
        sampler.start()
        try:
            _pid, status, used = os.wait4(process.pid, 0)
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)  # its session is its own: an interrupt does not reach it
            raise
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        sampler.finish()
        output.seek(0)
        errors.seek(0)
        said = output.read().decode(errors="replace")
        if process.returncode not in accepted:
            problem = errors.read().decode(errors="replace")[-3000:] + said[-1000:]
            raise CommandFailed(f"{' '.join(command)}\nended with {process.returncode}:\n{problem}")
    return Usage(wall, used.ru_utime + used.ru_stime, sampler.peak, said)


def sync_seconds(directory: str) -> float:
    """How long it takes until everything written below a directory's file system is on the disk."""
    begun = time.perf_counter()
    subprocess.run(["sync", "-f", directory], check=True)
    return time.perf_counter() - begun


def drop_page_cache() -> None:
    """Forget cached file content, so that the next reader goes to the disk. Needs root."""
    subprocess.run(["sync"], check=True)
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as switch:
        switch.write("3\n")


class _Sampler(threading.Thread):
    """Follows the resident memory of a command and its descendants, also those that begin a session of their own."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._done, self.peak = threading.Event(), 0
        self._session, self._members = pid, {pid}
        self._strangers: set[int] = set()  # seen before, and of somebody else: not asked again

    def run(self) -> None:
        while not self._done.wait(SAMPLE_SECONDS):
            self._find_members()
            sizes = [_resident(pid) for pid in self._members]
            self.peak = max(self.peak, sum(now for now, _highest in sizes), max((highest for _now, highest in sizes), default=0))

    def finish(self) -> None:
        """No more samples."""
        self._done.set()
        self.join()

    def _find_members(self) -> None:
        present = {int(name) for name in os.listdir("/proc") if name.isdecimal()}
        for pid in sorted(present - self._members - self._strangers):
            parent, session = _relations(pid)
            (self._members if parent in self._members or session == self._session else self._strangers).add(pid)
        self._members &= present


def _relations(pid: int) -> tuple[int, int]:
    """A process's parent and session."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stream:
            fields = stream.read().rpartition(")")[2].split()
        return int(fields[1]), int(fields[3])
    except (OSError, IndexError):
        return 0, 0


def _resident(pid: int) -> tuple[int, int]:
    """Bytes of resident memory of a process: now, and at its highest so far."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as stream:
            fields = dict(line.split(":", 1) for line in stream if line.startswith(("VmRSS", "VmHWM")))
        return int(fields["VmRSS"].split()[0]) * 1024, int(fields["VmHWM"].split()[0]) * 1024
    except (OSError, KeyError):
        return 0, 0
