# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process may die, a request may fail, a clock may jump, another host may come in between: what was committed restores, and
the next run finishes the work without storing anything twice."""
from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import backup
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import RetentionOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import names, writer
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository.repository import list_packs
from support.clock import ManualClock
from support.fault_storage import FaultStorage, Killed, MemoryStorage, refused
from support.rig import Rig
from support.trees import assert_same, describe

DAY = 86400.0


@pytest.fixture
def small_packs(monkeypatch):
    """Many packs of little data."""
    monkeypatch.setattr(writer, "FRAME_BYTES", 16 << 10)
    monkeypatch.setattr(writer, "PACK_BYTES", 64 << 10)


class Town:
    """A tree, a repository at the moment before a run, and as many copies of it as there are ways to die."""

    def __init__(self, directory: Path, files: int = 12) -> None:
        self.clock = ManualClock()
        self.rig = Rig(directory, clock=self.clock)
        self.random = random.Random(7)
        self.facts: dict[str, dict] = {}
        for number in range(files):
            self.write(f"{number}.bin", 40_000)
        self.keep_moment()

    def write(self, name: str, size: int) -> None:
        """New content that nothing else has."""
        (self.rig.source / name).write_bytes(self.random.randbytes(size))

    def keep_moment(self) -> None:
        """Remember what there is, to come back to it."""
        self._objects = dict(self.rig.storage.objects)
        self._cache = self.rig.directory / "kept-cache"
        shutil.rmtree(self._cache, ignore_errors=True)
        if os.path.isdir(self.rig.context.cache_dir):
            shutil.copytree(self.rig.context.cache_dir, self._cache)
        self._now = self.clock.now()

    def go_back(self) -> None:
        """The repository and this host's copies are as they were."""
        self.rig.storage.objects = dict(self._objects)
        shutil.rmtree(self.rig.context.cache_dir, ignore_errors=True)
        if self._cache.exists():
            shutil.copytree(self._cache, self.rig.context.cache_dir)
        self.clock.jump(self._now - self.clock.now())

    def back_up(self, **options) -> backup.BackupResult:
        """A backup that is remembered."""
        self.clock.advance(60)
        facts = describe(self.rig.source)
        result = self.rig.back_up(**options)
        if result.changed:
            self.facts[result.header.id] = facts
        return result

    def all_restore(self, facts_now: dict | None = None) -> None:
        """Every snapshot that there is comes back; one that is not known yet is of now."""
        for snapshot_id in self.rig.snapshot_ids():
            assert_same(self.facts.get(snapshot_id, facts_now), self.rig.restored_source(snapshot_id))
        self.rig.forget_restored()

    def requests(self, work) -> int:
        """How many requests it takes, uninterrupted."""
        storage = FaultStorage(self.rig.storage)
        work(storage)
        self.go_back()
        return storage.requests

    def die_at_each(self, work, whens=("before", "after"), fault=Killed):
        """Let a piece of work die at each of its requests, before and after it has an effect."""
        for at in range(1, self.requests(work) + 1):
            for when in whens:
                self.go_back()
                self.clock.advance(60)
                storage = FaultStorage(self.rig.storage, at, fault, when)
                try:
                    work(storage)
                    died = None
                except (Killed, EngineError) as exc:
                    died = exc
                yield at, when, died


def resume(town: Town, before: set[str]) -> None:
    """The run after: it stores nothing that is there already, and says exactly what it stored."""
    there = list_packs(town.rig.storage)
    committed = set(town.rig.snapshot_ids()) - before
    result = town.back_up()
    made = {pack: item.size for pack, item in list_packs(town.rig.storage).items() if pack not in there}
    chunks = town.rig.stored_chunks()
    assert len(chunks) == len(set(chunks)), "a chunk was stored twice"
    if committed:
        assert not result.changed and not made
    else:
        assert result.changed and result.header.bytes_stored == sum(made.values())
        trailers = town.rig.trailers()
        assert result.header.chunks_new == sum(len(frame.rows.lengths) for pack in made for frame in trailers[pack].frames)
    town.all_restore(describe(town.rig.source))


@pytest.mark.parametrize("parent", [False, True], ids=["first", "incremental"])
def test_a_backup_that_is_killed_at_any_request_loses_nothing_and_is_resumed(tmp_path, small_packs, parent):
    town = Town(tmp_path)
    if parent:
        town.back_up()
        for number in range(4):
            town.write(f"{number}.bin", 50_000)
        town.write("new.bin", 30_000)
        (town.rig.source / "11.bin").unlink()
        town.keep_moment()
    before, deaths = set(town.rig.snapshot_ids()), 0
    for _at, _when, died in town.die_at_each(town.rig.back_up):
        deaths += isinstance(died, Killed)
        town.all_restore(describe(town.rig.source))
        resume(town, before)
    assert deaths >= 14


def test_a_backup_whose_requests_fail_says_so_and_is_resumed(tmp_path, small_packs):
    town = Town(tmp_path)
    town.back_up()
    for number in range(4):
        town.write(f"{number}.bin", 50_000)
    town.keep_moment()
    before = set(town.rig.snapshot_ids())
    for _at, _when, died in town.die_at_each(town.rig.back_up, fault=refused):
        assert died is None or isinstance(died, EngineError) and died.code == "storage-connection-lost"
        if died is None:
            assert len(town.rig.snapshot_ids()) > len(before)
        town.all_restore(describe(town.rig.source))
        resume(town, before)


def test_a_backup_may_be_killed_again_and_again(tmp_path, small_packs):
    """Each attempt gets a little further, and nothing is stored twice."""
    town = Town(tmp_path)
    attempts = 0
    while not town.rig.snapshot_ids():
        attempts += 1
        town.clock.advance(60)
        try:
            town.rig.back_up(FaultStorage(town.rig.storage, at=6 + attempts))
        except Killed:
            pass
    assert attempts > 3
    resume(town, set())


def test_an_unfinished_run_is_not_picked_up_after_a_day(tmp_path, small_packs):
    """A prune may delete its packs at any moment then."""
    town = Town(tmp_path)
    for later, adopted in ((23 * 3600, True), (25 * 3600, False)):
        town.go_back()
        with pytest.raises(Killed):
            town.rig.back_up(FaultStorage(town.rig.storage, at=10))
        left = set(list_packs(town.rig.storage))
        assert left
        town.clock.advance(later)
        result = town.back_up()
        assert bool(set(result.header.packs) & left) == adopted
        town.all_restore()


def test_a_prune_that_is_killed_at_any_request_leaves_whole_snapshots_and_is_finished_by_the_next(tmp_path, small_packs):
    town = Town(tmp_path, files=3)
    for day in range(6):
        town.write(f"{day % 3}.bin", 70_000)
        town.back_up(kind="scheduled")
        town.clock.advance(DAY)
    town.clock.advance(3 * DAY)
    town.keep_moment()
    options = {"retention": RetentionOptions(max_backups=3, max_age_days=0), "max_delete_share": 1.0}
    town.rig.prune(**options)
    finished = set(town.rig.storage.objects)
    assert len(town.rig.snapshot_ids()) == 3 and len(finished) < len(town._objects)
    town.go_back()
    deaths = 0
    for _at, _when, died in town.die_at_each(lambda storage: town.rig.prune(storage, **options), ("before", "during", "after")):
        deaths += died is not None
        town.all_restore()
        result = town.rig.prune(**options)
        assert not result.failed and set(town.rig.storage.objects) == finished
        town.all_restore()
    assert deaths >= 10


# --- real processes

CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
import runpy
from pathlib import Path
runpy.run_path(sys.argv[1] + "/unit/conftest.py")
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import backup
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import writer
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.file import FileStorage
from support.rig import Rig
writer.PACK_BYTES, backup.COMPACTION_BUDGET = 1 << 20, 0
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
directory = Path(sys.argv[2])
rig = Rig(directory, FileStorage(str(directory / "storage"), Context(), initialise=True))
print("ready", flush=True)
sys.stdin.readline()
rig.back_up()
print("done", flush=True)
"""


def start_backup(directory: Path) -> subprocess.Popen:
    """A process that is about to back up."""
    tests = str(Path(__file__).resolve().parents[1])
    child = subprocess.Popen([sys.executable, "-c", CHILD, tests, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "ready\n"
    return child


def let_go(child: subprocess.Popen) -> None:
    child.wait()
    child.stdin.close()
    child.stdout.close()


def test_a_process_that_is_killed_at_any_moment_leaves_whole_snapshots_in_a_directory(tmp_path, monkeypatch, full):
    """With SIGKILL, at random moments between the start and the end. Without self-compaction, which stores again on purpose."""
    monkeypatch.setattr(backup, "COMPACTION_BUDGET", 0)
    from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
    from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.file import FileStorage
    source, dice, longest, kills = tmp_path / "source", random.Random(5), 0.5, 0
    source.mkdir()
    rig, facts = None, {}
    turns = iter(range(1000))
    while kills < (120 if full else 6):
        turn = next(turns)  # a child that ends before its kill does not count
        for number in range(dice.randrange(1, 4)):
            (source / f"{dice.randrange(20)}-{number}").write_bytes(dice.randbytes(dice.choice((1000, 3_000_000))))
        child = start_backup(tmp_path)
        started = time.monotonic()
        child.stdin.write("\n")
        child.stdin.flush()
        if turn % 3 == 2:  # now and then it may finish, so that there is a parent
            assert child.stdout.readline() == "done\n"
            longest = max(0.2, time.monotonic() - started)
        else:
            time.sleep(dice.uniform(0, longest))
            kills += child.poll() is None
            child.send_signal(signal.SIGKILL)
        let_go(child)
        rig = rig or Rig(tmp_path, FileStorage(str(tmp_path / "storage"), Context()))
        for snapshot_id in set(rig.snapshot_ids()) - set(facts):
            facts[snapshot_id] = describe(source)
        for snapshot_id in dice.sample(sorted(facts), min(2, len(facts))):
            assert_same(facts[snapshot_id], rig.restored_source(snapshot_id))
        rig.forget_restored()
    assert facts
    result = rig.back_up()
    assert_same(source, rig.restored_source(result.header.id))
    chunks = rig.stored_chunks()
    assert len(chunks) == len(set(chunks)), "a chunk was stored twice"


# --- two at once

class WaitingStorage(FaultStorage):
    """Lets the uploads of packs wait until it is told that they may go on."""

    def __init__(self, inner) -> None:
        super().__init__(inner)
        self.reached, self.go_on = threading.Event(), threading.Event()

    def create(self, name, parts) -> None:
        if name.startswith(names.PACKS):
            self.reached.set()
            assert self.go_on.wait(60)
        super().create(name, parts)


def test_of_two_backups_on_one_host_the_second_is_told_that_the_first_is_running(rig):
    (rig.source / "a").write_text("one")
    waiting, results = WaitingStorage(rig.storage), []
    first = threading.Thread(target=lambda: results.append(rig.back_up(waiting)))
    first.start()
    assert waiting.reached.wait(60)
    with pytest.raises(EngineError) as caught:
        rig.back_up()
    assert caught.value.code == "already-running"
    waiting.go_on.set()
    first.join()
    assert results[0].changed and rig.snapshot_ids() == [results[0].header.id]
    assert not rig.back_up().changed
    assert_same(rig.source, rig.restored_source())


def test_a_plan_that_another_backup_overtook_still_makes_a_whole_snapshot(rig):
    (rig.source / "a").write_text("one")
    rig.back_up()
    (rig.source / "a").write_text("two")
    planned = rig.plan()
    (rig.source / "b").write_text("three")
    second = rig.back_up()
    late = backup.execute(planned, rig.context)
    assert rig.snapshot_ids()[-1] == late.header.id > second.header.id
    for snapshot_id in rig.snapshot_ids():
        rig.restore(snapshot_id)


class InterruptedStorage(FaultStorage):
    """Does something else right before the snapshot is created."""

    def __init__(self, inner, work) -> None:
        super().__init__(inner)
        self._work = work

    def list(self, prefix):
        if prefix == names.PACKS and ("list", names.PACKS) in self.log:
            self._work()  # the plan has looked at all packs; this is the look before the commit
        return super().list(prefix)


def test_packs_that_disappear_during_a_backup_prevent_the_snapshot_and_are_stored_again(tmp_path, small_packs):
    town = Town(tmp_path)
    town.back_up()
    town.write("new.bin", 100_000)

    def lose():
        name = next(name for name in town.rig.storage.objects if name.startswith(names.PACKS))
        del town.rig.storage.objects[name]
    with pytest.raises(EngineError) as caught:
        town.back_up(storage=InterruptedStorage(town.rig.storage, lose))
    assert caught.value.code == "pack-missing" and len(town.rig.snapshot_ids()) == 1
    result = town.back_up()
    assert_same(town.rig.source, town.rig.restored_source(result.header.id))


def test_a_prune_in_the_middle_of_a_backup_takes_nothing_that_it_needs(tmp_path, small_packs):
    """Neither what it has just uploaded, nor what an unfinished run had left the day before, nor the parent's."""
    town = Town(tmp_path)
    for _day in range(4):
        town.write("0.bin", 30_000)
        town.back_up(kind="scheduled")
        town.clock.advance(3 * DAY)
    for number in range(8):
        town.write(f"new-{number}.bin", 40_000)
    before, pruned = set(list_packs(town.rig.storage)), []

    def die():
        raise Killed()

    with pytest.raises(Killed):
        town.rig.back_up(InterruptedStorage(town.rig.storage, die))
    left = set(list_packs(town.rig.storage)) - before
    town.clock.advance(23 * 3600)

    def prune():
        town.clock.advance(20 * 3600)
        pruned.append(town.rig.prune(retention=RetentionOptions(max_backups=1, max_age_days=1), max_delete_share=1.0))
    result = town.back_up(storage=InterruptedStorage(town.rig.storage, prune))
    assert pruned[0].removed and left <= set(result.header.packs)
    town.all_restore()


def test_two_hosts_that_write_at_the_same_millisecond_do_not_overwrite_each_other(tmp_path):
    clock = ManualClock()
    storage = MemoryStorage(clock)
    one, other = Rig(tmp_path / "one", storage, clock), Rig(tmp_path / "other", storage, clock)
    for rig in (one, other):
        (rig.source / "file").write_bytes(os.urandom(100_000))
    plans = [one.plan(), other.plan()]
    first = backup.execute(plans[0], one.context)
    with pytest.raises(EngineError) as caught:
        backup.execute(plans[1], other.context)
    assert caught.value.code == "object-exists"
    assert_same(one.source, one.restored_source())
    second = other.back_up()
    assert second.header.id > first.header.id and second.header.bytes_stored == 0, "its packs were there already"
    assert_same(other.source, other.restored_source(second.header.id))
    assert_same(one.source, one.restored_source(first.header.id))


# --- clocks

JUMPS = {"a year back": -365 * DAY, "ten years ahead": 3650 * DAY, "an hour back": -3600.0, "to 1970": None}


@pytest.mark.parametrize("jump", JUMPS)
def test_whatever_this_hosts_clock_says_snapshots_stay_in_order(tmp_path, jump):
    """And the storage's clock alone decides how old something is."""
    host, there = ManualClock(), ManualClock()
    rig = Rig(tmp_path, MemoryStorage(there), host)
    facts = {}
    for turn in range(8):
        (rig.source / f"{turn}").write_bytes(os.urandom(5000))
        result = rig.back_up(kind="scheduled")
        facts[result.header.id] = describe(rig.source)
        assert rig.snapshot_ids() == list(facts)
        there.advance(DAY)
        host.jump((-host.now() if JUMPS[jump] is None else JUMPS[jump]) if turn in (2, 4) else DAY)
        if turn == 5:  # somebody puts it right
            host.jump(there.now() - host.now())
    for snapshot_id, expected in facts.items():
        assert_same(expected, rig.restored_source(snapshot_id))
    assert rig.prune(retention=RetentionOptions(max_age_days=100, max_backups=0)).removed == []
    removed = rig.prune(retention=RetentionOptions(max_age_days=5, max_backups=0)).removed
    assert removed == list(facts)[:len(removed)] and 0 < len(removed) < 4
    assert_same(rig.source, rig.restored_source())


def test_an_unfinished_run_is_picked_up_whatever_this_hosts_clock_says(tmp_path, small_packs):
    host, there = ManualClock(), ManualClock()
    rig = Rig(tmp_path, MemoryStorage(there), host)
    for number in range(12):
        (rig.source / f"{number}").write_bytes(os.urandom(40_000))
    with pytest.raises(Killed):
        rig.back_up(FaultStorage(rig.storage, at=10))
    left = set(list_packs(rig.storage))
    host.jump(3650 * DAY)
    assert left and left <= set(rig.back_up().header.packs)


def test_a_clock_that_jumps_during_a_backup_does_no_harm(tmp_path, small_packs):
    class Jumping(ManualClock):
        def now(self) -> float:
            self.jump(random.choice((-3600.0, 3600.0, 5.0)))
            return super().now()

    clock = Jumping()
    rig = Rig(tmp_path, MemoryStorage(ManualClock()), clock)
    made = []
    for turn in range(6):
        (rig.source / f"{turn}").write_bytes(os.urandom(100_000))
        made.append(rig.back_up().header.id)
    assert made == sorted(set(made)) == rig.snapshot_ids()
    assert_same(rig.source, rig.restored_source())
