# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Databases are captured while real processes write to them: sound, of one moment, and nobody is kept waiting.

40 captures in the short form, 1,000 in the full one.
"""
from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.rig import Rig, below

PROGRAM = Path(__file__).with_name("database_writer.py")
_specification = importlib.util.spec_from_file_location("database_writer", PROGRAM)
database_writer = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(database_writer)

LONGEST_WAIT = 0.1  # seconds that a capture may keep a writer waiting


class Process:
    """A running database_writer.py."""

    def __init__(self, paths: list[Path], **options) -> None:
        given = json.dumps({"paths": [str(path) for path in paths], **options})
        self._process = subprocess.Popen([sys.executable, str(PROGRAM), given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout.readline() == "ready\n"

    def ask(self) -> dict:
        """What was measured since the last time."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def stop(self) -> int:
        """End it in peace; its exit status."""
        self._process.stdin.close()
        self._process.stdout.close()
        return self._process.wait(60)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


@dataclass
class Group:
    """Databases that one process writes to, one after the other."""

    paths: list[Path]
    mode: str
    options: dict


def groups_in(directory: Path) -> list[Group]:
    """A busy gateway and its neighbours: three databases that depend on each other, one that is never left alone, one whose WAL
    is all there is of it. Of the older kind, beside the directory: another."""
    chain = [directory / name for name in ("state/first.sqlite", "agents/second.sqlite", "agents/third.sqlite")]
    made = [
        Group(chain, "wal", {"pause": 0.0005}),
        Group([directory / "busy.db"], "wal", {"pause": 0.0, "autocheckpoint": 40}),
        Group([directory / "young.db"], "wal", {"pause": 0.05, "autocheckpoint": 0, "maintain": False}),
        Group([directory.with_name("old") / "old.db"], "delete", {"pause": 0.003}),
    ]
    for number, group in enumerate(made):
        group.options["seed"] = number
        for path in group.paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            database_writer.create(str(path), group.mode, page_size=(4096, 1024, 4096, 512)[number], rows=(1500, 300, 10, 1500)[number])
    return made


@contextmanager
def running(groups: list[Group]):
    """The writers of all groups, and a metronome as the last."""
    processes = [Process(group.paths, mode=group.mode, **group.options) for group in groups] + [Process([], mode="")]
    try:
        yield processes
    except BaseException:
        for process in processes:
            process.kill()
        raise
    else:
        assert [process.stop() for process in processes] == [0] * len(processes)


def check_copies(rig: Rig, groups: list[Group], since: list[int]) -> bool:
    """Restore the newest snapshot: every database is sound and not older than its capture. Whether all are of one moment."""
    target = rig.restore()
    exact = rig.manifest()[1].meta["moment_exact"]
    for group, least in zip(groups, since):
        counters = [database_writer.check(str(below(target, path))) for path in group.paths]
        assert counters[0] >= least, "what was committed before the capture began is in it"
        if exact:
            assert all(0 <= before - after <= 1 for before, after in zip(counters, counters[1:])), (counters, "not of one moment")
    rig.forget_restored()
    return exact


def test_captures_under_writers_are_sound_of_one_moment_and_hold_nobody_up(memory_directory, full):
    """Two of three captures take the WAL databases only: with one of the older kind among them, the moment is not exact."""
    rounds, captures = (25, 40) if full else (1, 40)
    exact = 0
    calm, commits, waits = [], [], []
    for turn in range(rounds):
        rig = Rig(memory_directory / str(turn))
        groups = groups_in(rig.source)
        with running(groups) as processes:
            time.sleep(1)
            for capture in range(captures):
                older = capture % 3 == 0
                taken = groups if older else groups[:-1]
                rig.roots = [rig.source, rig.source.with_name("old")] if older else [rig.source]
                calm.append(_worst_commit(processes))
                since = [process.ask()["counter"] for process in processes[:-1]]
                result = rig.back_up(force=True)
                noise = processes[-1].ask()["worst_pause"]
                measured = [process.ask() for process in processes[:-1]]
                assert not result.omissions and not result.damaged_databases
                waits.append(max(0.0, max(found["worst_wait"] for found in measured) - noise))
                commits.append(max(found["worst_commit"] for found in measured))
                exact += check_copies(rig, taken, since)
                time.sleep(0.05)
    _report(rounds * captures, exact, waits, calm, commits)
    assert exact >= 0.6 * rounds * captures
    assert _nearly_all(waits) <= LONGEST_WAIT
    assert _nearly_all(commits) <= LONGEST_WAIT + _nearly_all(calm)


def _worst_commit(processes: list[Process]) -> float:
    """The longest that a transaction took since the processes were asked before; a pause in which nobody backs up comes first."""
    return max(process.ask()["worst_commit"] for process in processes[:-1])


def _nearly_all(values: list[float]) -> float:
    """What nine of ten values do not exceed: a shared machine stalls now and then, whatever runs on it."""
    return sorted(values)[int(len(values) * 0.9)]


def _report(captures: int, exact: int, waits: list[float], calm: list[float], commits: list[float]) -> None:
    """For docs/performance.md."""
    print(f"\n{captures} captures, {exact} of one moment")
    measured = {"longest wait for a lock": waits, "longest commit without a capture": calm, "longest commit during one": commits}
    for what, values in measured.items():
        print(f"{what}: {_nearly_all(values) * 1000:.0f} ms in nine of ten, {max(values) * 1000:.0f} ms in all")
