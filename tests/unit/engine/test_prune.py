# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prune removes what retention lets go and nothing that a remaining snapshot needs, whatever happens on the way."""
from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import random

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import prune, restore
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import PruneOptions, RetentionOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import crypto, keys, names, repository, verifications
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.retention import DAY, GRACE
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.base import Deletion
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.file import FileStorage
from support.agent import Agent
from support.clock import ManualClock
from support.fault_storage import FaultStorage, Killed, MemoryStorage, refused

STRICT = PruneOptions(RetentionOptions(max_backups=2, max_age_days=0), max_delete_share=1)


def history(agent: Agent, clock: ManualClock, days: int, **options) -> list[str]:
    """A backup a day, each with something new and something gone; then three days pass. The snapshots' ids."""
    rng, made = random.Random(7), []
    for day in range(days):
        agent.write("openclaw.json", json.dumps({"day": day}))
        agent.write(f"sessions/{day}.jsonl", rng.randbytes(3000))
        agent.write("memory.bin", rng.randbytes(300_000))
        made.append(agent.backup(**options).id)
        clock.advance(DAY)
    clock.advance(3 * DAY)
    return made


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def agent(tmp_path, clock):
    """An agent whose repository is in memory."""
    return Agent(tmp_path, MemoryStorage(clock), clock)


def run(agent: Agent, options: PruneOptions = STRICT, storage=None, opened=None) -> prune.PruneResult:
    return prune.execute(prune.plan(storage or agent.storage, options, agent.context, opened), agent.context)


def ids(storage) -> list[str]:
    return [ref.id for ref in repository.list_snapshots(storage)]


def assert_whole(storage) -> None:
    """Every snapshot that the storage lists has all its packs."""
    there = set(repository.list_packs(storage))
    for snapshot_id, header in repository.read_headers(storage, repository.list_snapshots(storage)).items():
        assert set(header.packs) <= there, f"{snapshot_id} lost packs"


def assert_restores(agent: Agent, snapshot_id: str, target) -> None:
    options = restore.RestoreOptions(snapshot=snapshot_id, target=str(target))
    assert restore.execute(restore.plan(agent.open(), options, agent.context), agent.context)


def tamper(storage: MemoryStorage, snapshot_id: str, change) -> None:
    """Replace a snapshot object by change(bytes)."""
    name = names.snapshot_object(snapshot_id)
    data, modified = storage.objects[name]
    storage.objects[name] = change(data), modified


def verify(agent: Agent, snapshot_id: str, level: str = "restore", passed: bool = True) -> str:
    """The record of a verification."""
    return verifications.create(agent.open(), snapshot_id, level, passed, {"host": "staging"}, "what was found")


# --- what goes and what stays

def test_snapshots_and_the_packs_only_they_used_are_gone(agent, clock, tmp_path):
    made = history(agent, clock, 6)
    packs = set(repository.list_packs(agent.storage))
    result = run(agent)
    assert result.removed == made[:4] and ids(agent.storage) == made[4:]
    assert result.packs_removed == len(packs - set(repository.list_packs(agent.storage))) > 0
    assert result.changed and not result.failed and result.bytes_freed > 300_000
    assert_whole(agent.storage)
    for snapshot_id in made[4:]:
        assert_restores(agent, snapshot_id, tmp_path / snapshot_id)


def test_the_plan_says_what_execution_then_does(agent, clock):
    history(agent, clock, 6)
    told = prune.plan(agent.storage, STRICT, agent.context).to_dict()
    before = dict(agent.storage.objects)
    result = run(agent)
    assert told["remove"] == result.removed and told["packs"] == result.packs_removed and told["bytes_freed"] == result.bytes_freed
    assert told["bytes_freed"] == sum(len(data) for name, (data, _modified) in before.items() if name not in agent.storage.objects)
    assert [row["keep"] for row in told["snapshots"]] == [False] * 4 + [True] * 2
    assert all(row["reason"] and row["code"] and row["version"] for row in told["snapshots"])
    json.dumps(told)
    json.dumps(result.to_dict())


def test_times_that_no_calendar_holds_do_not_stop_a_plan(agent, clock):
    made = history(agent, clock, 3)
    for snapshot_id, modified in zip(made, (-1e12, 0.0, 1e12)):
        name = names.snapshot_object(snapshot_id)
        agent.storage.objects[name] = agent.storage.objects[name][0], modified
    assert len(prune.plan(agent.storage, STRICT, agent.context).to_dict()["snapshots"]) == 3


def test_planning_changes_nothing(agent, clock):
    history(agent, clock, 4)
    before = dict(agent.storage.objects)
    prune.plan(agent.storage, STRICT, agent.context)
    assert agent.storage.objects == before


def test_a_second_prune_has_nothing_to_do_and_asks_for_nothing(agent, clock):
    history(agent, clock, 6)
    run(agent)
    again = prune.plan(agent.storage, STRICT, agent.context)
    asked = agent.storage.traffic.total_requests
    assert not again.changed and not prune.execute(again, agent.context).changed
    assert agent.storage.traffic.total_requests == asked


def test_no_data_moves(agent, clock):
    """Prune reads headers, and neither a pack nor a manifest; and it writes nothing."""
    history(agent, clock, 6)
    seen = FaultStorage(MemoryStorage(clock, agent.storage.objects))
    run(agent, storage=seen)
    assert not [name for verb, name in seen.log if verb == "get" and name.startswith(names.PACKS)]
    assert not [name for verb, name in seen.log if verb == "put"]
    assert seen.traffic.bytes_sent == 0
    assert seen.requests == 6 + 8  # a get for each header; description, 4 listings, snapshots, listing again, packs


def test_the_storages_clock_counts_and_not_the_headers(agent, clock):
    made = history(agent, clock, 6)
    young = names.snapshot_object(made[0])
    agent.storage.objects[young] = (agent.storage.objects[young][0], clock.now() - GRACE + 60)
    assert run(agent).removed == made[1:4]


def test_manual_and_named_ones_go_only_when_asked_for(agent, clock):
    made = history(agent, clock, 2, kind="manual") + history(agent, clock, 1, name="before-trip") + history(agent, clock, 4)
    assert run(agent).removed == made[3:5]
    assert run(agent, PruneOptions(delete=(made[0],))).removed == [made[0]]
    assert run(agent, PruneOptions(delete=("before-trip",)), opened=agent.open()).removed == [made[2]]


def test_two_newest_of_each_scope_stay(agent, clock):
    config = history(agent, clock, 3, scope="config")
    everything = history(agent, clock, 4)
    options = dataclasses.replace(STRICT, retention=RetentionOptions(max_backups=1, max_age_days=1))
    assert run(agent, options).removed == [config[0], *everything[:2]]


def test_the_newest_verified_one_stays(agent, clock):
    made = history(agent, clock, 6)
    verify(agent, made[1])
    verify(agent, made[2], passed=False)
    verify(agent, made[3], level="quick")
    assert run(agent).removed == [made[0], made[2], made[3]]
    with pytest.raises(EngineError) as caught:
        run(agent, PruneOptions(delete=(made[1],)))
    assert caught.value.code == "snapshot-pinned"


def test_a_verification_that_failed_later_pins_nothing(agent, clock):
    made = history(agent, clock, 6)
    verify(agent, made[0])
    verify(agent, made[1])
    clock.advance(60)
    verify(agent, made[1], passed=False)
    assert made[0] not in run(agent).removed


def test_with_a_key_a_forged_verification_moves_no_pin(agent, clock):
    """With a reader's key it does nothing. Without a key it is believed, and one that is noise only keeps a snapshot more."""
    made = history(agent, clock, 6)
    verify(agent, made[0])
    name = names.verification_object(made[2], clock.now())
    forged = {"format": 1, "type": "verification", "repository": agent.open().id, "name": name, "level": "restore", "result": "passed"}
    agent.storage.create(name, [crypto.with_checksum({**forged, "message": "AAAA"})])
    unreadable = names.verification_object(made[3], clock.now())
    agent.storage.create(unreadable, [b"noise"])
    assert {ref.id for ref in prune.plan(agent.storage, STRICT, agent.context).remove} == {made[0], made[1]}
    assert run(agent, opened=agent.open()).removed == made[1:4]


def test_a_writer_key_vouches_for_nothing(agent, clock):
    made = history(agent, clock, 1)
    writer = keys.import_writer(keys.export_writer(agent.open().bundle).encode())
    with pytest.raises(EngineError) as caught:
        verifications.create(repository.open_repository(agent.storage, writer, agent.context), made[0], "restore", True, {})
    assert caught.value.code == "key-cannot-read"


def test_old_records_go_and_those_of_what_remains_stay(agent, clock):
    made = history(agent, clock, 30)
    kept, lost = verify(agent, made[-1]), verify(agent, made[0])
    clock.advance(401 * DAY)
    agent.write("openclaw.json", "{}")
    agent.backup()
    result = run(agent)
    assert result.records_removed == 31 - 10 + 1
    assert kept in agent.storage.objects and lost not in agent.storage.objects
    assert len(list(agent.storage.list(names.RUNS))) == 10


# --- explicit deletion

@pytest.mark.parametrize("wanted", ["latest", "v6", "v5"])
def test_a_pinned_one_is_not_removed_by_name_either(agent, clock, wanted):
    made = history(agent, clock, 6)
    with pytest.raises(EngineError) as caught:
        run(agent, PruneOptions(delete=("v1", wanted)))
    assert caught.value.code == "snapshot-pinned" and ids(agent.storage) == made


def test_snapshots_are_asked_for_by_id_position_and_prefix(agent, clock):
    made = history(agent, clock, 6)
    assert run(agent, PruneOptions(delete=(made[0], "v2", made[2][:10]))).removed == made[:3]


def test_what_is_gone_already_is_no_error(agent, clock):
    made = history(agent, clock, 6)
    options = PruneOptions(delete=(made[0],))
    assert run(agent, options).changed
    again = run(agent, options)
    assert not again.changed and again.absent == [made[0]]


def test_asking_by_name_without_a_key_says_so(agent, clock):
    history(agent, clock, 3)
    with pytest.raises(EngineError) as caught:
        run(agent, PruneOptions(delete=("before-trip",)))
    assert caught.value.code == "key-not-given"


@pytest.mark.parametrize("wanted, code", [("v99", "snapshot-missing"), ("20", "key-not-given"), ("2027", "snapshot-ambiguous")])
def test_what_is_unclear_is_refused(agent, clock, wanted, code):
    history(agent, clock, 5)
    with pytest.raises(EngineError) as caught:
        run(agent, PruneOptions(delete=(wanted,)))
    assert caught.value.code == code


# --- refusals

def test_more_than_a_share_at_once_is_refused_with_the_figures(agent, clock):
    made = history(agent, clock, 7)
    with pytest.raises(EngineError) as caught:
        run(agent, dataclasses.replace(STRICT, max_delete_share=0.7))
    details = caught.value.details
    assert caught.value.code == "prune-too-much" and (details["remove"], details["snapshots"], details["max_delete_share"]) == (5, 7, 0.7)
    assert details["result"]["plan"]["remove"] == made[:5]
    assert "5 of 7" in caught.value.message and ids(agent.storage) == made


def test_a_few_may_always_go(agent, clock):
    history(agent, clock, 5)
    assert len(run(agent, dataclasses.replace(STRICT, max_delete_share=0)).removed) == 3


def test_a_place_without_a_repository_is_refused(agent, clock):
    history(agent, clock, 2)
    del agent.storage.objects[names.REPOSITORY]
    with pytest.raises(EngineError) as caught:
        run(agent)
    assert caught.value.code == "repository-missing"


def test_a_repository_of_a_newer_format_is_left_alone(agent, clock):
    history(agent, clock, 5)
    data, modified = agent.storage.objects[names.REPOSITORY]
    value = crypto.without_checksum(data)
    agent.storage.objects[names.REPOSITORY] = crypto.with_checksum({**value, "features": ["shared-packs"]}), modified
    with pytest.raises(EngineError) as caught:
        run(agent)
    assert caught.value.code == "format-unknown"


@pytest.mark.parametrize("share", [-0.1, 1.1, "half", True, float("nan")])
def test_a_share_that_means_nothing_is_refused(agent, share):
    with pytest.raises(EngineError) as caught:
        run(agent, PruneOptions(max_delete_share=share))
    assert caught.value.code == "option-invalid"


# --- damage, forgery

@pytest.mark.parametrize("damage", [
    lambda data: b"", lambda data: data[:100], lambda data: b"x" + data[1:], lambda data: data[:-1], lambda data: data + b"x",
    lambda data: data.replace(b'"kind":"scheduled"', b'"kind":"scheduleD"'),
    lambda data: data.replace(b'"format":1', b'"format":2'),
])
def test_one_unreadable_header_spares_every_pack_and_the_snapshot(agent, clock, damage):
    made = history(agent, clock, 6)
    tamper(agent.storage, made[1], damage)
    packs = set(repository.list_packs(agent.storage))
    result = run(agent)
    assert result.removed == [made[0], made[2], made[3]]
    assert result.packs_removed == 0 and set(repository.list_packs(agent.storage)) == packs
    assert made[1] in result.packs_spared
    assert run(agent, PruneOptions(delete=(made[1],))).packs_removed > 0
    assert_whole(agent.storage)


def test_a_snapshot_of_another_repository_is_not_counted(agent, clock, tmp_path):
    made = history(agent, clock, 4)
    other = Agent(tmp_path / "other", MemoryStorage(clock), clock)
    foreign = history(other, clock, 2)
    for snapshot_id in foreign:
        name = names.snapshot_object(snapshot_id)
        agent.storage.objects[name] = other.storage.objects[name]
    made_plan = prune.plan(agent.storage, STRICT, agent.context)
    assert [ref.id for ref in made_plan.remove] == made[:2]
    assert [row["id"] for row in made_plan.to_dict()["damaged"]] == foreign


def forged(agent: Agent, clock: ManualClock, count: int) -> list[str]:
    """Snapshots by somebody who may write to the storage and has no key: whole headers, bodies of noise."""
    found = []
    header = repository.read_headers(agent.storage, repository.list_snapshots(agent.storage)[-1:]).popitem()[1]
    for _number in range(count):
        snapshot_id = names.next_id(clock.now(), ids(agent.storage)[-1])
        line = crypto.with_checksum({**dataclasses.asdict(header), "id": snapshot_id, "packs": []})
        agent.storage.create(names.snapshot_object(snapshot_id), [line, b"\n", os.urandom(header.body_bytes)])
        found.append(snapshot_id)
        clock.advance(DAY)
    return found


def test_with_a_key_forged_snapshots_push_out_nothing(agent, clock):
    made = history(agent, clock, 4)
    junk = forged(agent, clock, 9)
    clock.advance(3 * DAY)
    assert set(made) <= {ref.id for ref in prune.plan(agent.storage, STRICT, agent.context).remove}, "without a key they would"
    result = run(agent, opened=agent.open())
    assert result.removed == made[:2] and set(junk) <= set(ids(agent.storage))
    assert result.packs_removed == 0 and result.packs_spared


def test_a_key_of_another_repository_is_refused(agent, clock, tmp_path):
    history(agent, clock, 3)
    other = Agent(tmp_path / "other", MemoryStorage(clock), clock)
    with pytest.raises(EngineError) as caught:
        run(agent, opened=other.open())
    assert caught.value.code == "repository-replaced"


def test_a_writer_key_is_enough_to_check(agent, clock):
    history(agent, clock, 4)
    writer = keys.import_writer(keys.export_writer(agent.open().bundle).encode())
    opened = repository.open_repository(agent.storage, writer, agent.context)
    assert len(run(agent, opened=opened).removed) == 2


# --- together with backups

def test_packs_younger_than_48_hours_stay(agent, clock):
    history(agent, clock, 3)
    agent.storage.create(names.pack_object("ab" * 16), [b"of a running backup"])
    clock.advance(GRACE - 60)
    run(agent)
    assert names.pack_object("ab" * 16) in agent.storage.objects
    clock.advance(60)
    assert run(agent).packs_removed == 1
    assert names.pack_object("ab" * 16) not in agent.storage.objects


class Meanwhile(FaultStorage):
    """Calls something right after the first deletion."""

    def __init__(self, inner, happens) -> None:
        super().__init__(inner)
        self._happens = happens

    def delete(self, names):  # pylint: disable=redefined-outer-name
        result = super().delete(names)
        happens, self._happens = self._happens, None
        if happens:
            happens()
        return result


def test_a_snapshot_made_during_a_prune_protects_its_packs(agent, clock):
    made = history(agent, clock, 5)
    late = {}

    def commit():
        """Bring back a snapshot that needs only old packs, as a slow backup may commit one."""
        snapshot_id = names.next_id(clock.now(), made[-1])
        header = repository.read_headers(agent.storage, repository.list_snapshots(agent.storage)).popitem()[1]
        packs = list(repository.list_packs(agent.storage))
        line = crypto.with_checksum({**dataclasses.asdict(header), "id": snapshot_id, "packs": packs})
        agent.storage.create(names.snapshot_object(snapshot_id), [line, b"\n", bytes(header.body_bytes)])
        late[snapshot_id] = packs

    result = run(agent, storage=Meanwhile(agent.storage, commit))
    assert len(late) == 1 and result.packs_removed == 0 and result.removed == made[:3]
    assert_whole(agent.storage)


class Interrupted(FaultStorage):
    """Calls something before one of the requests."""

    def __init__(self, inner, at: int, happens) -> None:
        super().__init__(inner)
        self._request, self._happens = at, happens

    def _run(self, verb, name, request, half=None):
        happens = None
        with self._lock:
            if len(self.log) + 1 >= self._request:
                happens, self._happens = self._happens, None
            if happens:
                happens()
        return super()._run(verb, name, request, half)


def unfinished(agent: Agent, clock: ManualClock) -> None:
    """A backup that dies after it uploaded a pack, long enough ago to be adopted just yet."""
    agent.write("memory.bin", random.Random(8).randbytes(300_000))
    storage = FaultStorage(MemoryStorage(clock, agent.storage.objects))
    requests = 0
    while not any(verb == "put" for verb, _name in storage.log):
        requests += 1
        storage = FaultStorage(MemoryStorage(clock, agent.storage.objects), at=requests, when="after")
        with pytest.raises(Killed):
            agent.backup(storage=storage)
    clock.advance(23 * 3600)


def test_a_prune_at_any_moment_of_a_backup_takes_nothing_from_it(agent, clock, tmp_path):
    history(agent, clock, 6)
    unfinished(agent, clock)
    start, now = dict(agent.storage.objects), clock.now()
    counted = FaultStorage(MemoryStorage(clock, dict(start)))
    agent.backup(storage=counted)
    assert counted.requests > 10
    for k in range(1, counted.requests + 1):
        clock.jump(now - clock.now())
        left = MemoryStorage(clock, dict(start))

        def happens(left=left):
            clock.advance(24 * 3600)  # the backup is slow
            assert run(agent, storage=left).packs_removed

        made = agent.backup(storage=Interrupted(left, k, happens))
        assert_whole(left)
        agent.storage = left
        assert_restores(agent, made.id, tmp_path / str(k))


def test_a_backup_at_any_moment_of_a_prune_is_whole(agent, clock, tmp_path):
    history(agent, clock, 6)
    agent.write("memory.bin", random.Random(8).randbytes(300_000))
    start = dict(agent.storage.objects)
    counted = FaultStorage(MemoryStorage(clock, dict(start)))
    run(agent, storage=counted)
    for k in range(1, counted.requests + 1):
        left, made = MemoryStorage(clock, dict(start)), []
        run(agent, storage=Interrupted(left, k, lambda left=left, made=made: made.append(agent.backup(storage=left))))
        assert_whole(left)
        agent.storage = left
        assert_restores(agent, made[0].id, tmp_path / str(k))


def test_backups_go_on_after_a_prune(agent, clock, tmp_path):
    history(agent, clock, 6)
    run(agent)
    agent.write("new.txt", "new")
    header = agent.backup()
    assert header.chunks_reused > 0
    assert_restores(agent, header.id, tmp_path / "restored")


# --- storages that refuse or die

class Locked(FaultStorage):
    """Refuses to delete some objects, as an object lock does."""

    def __init__(self, inner, locked) -> None:
        super().__init__(inner)
        self._locked = locked

    def delete(self, names):  # pylint: disable=redefined-outer-name
        names = list(names)
        done = super().delete([name for name in names if name not in self._locked])
        return Deletion(done.deleted, [(name, "it is locked") for name in names if name in self._locked])


def test_what_may_not_be_deleted_is_reported_and_is_no_success(agent, clock):
    made = history(agent, clock, 6)
    locked = names.snapshot_object(made[1])
    with pytest.raises(EngineError) as caught:
        run(agent, storage=Locked(agent.storage, {locked}))
    result = caught.value.details["result"]
    assert caught.value.code == "prune-incomplete" and result["failed"] == [{"object": locked, "reason": "it is locked"}]
    assert result["removed"] == [made[0], made[2], made[3]] and result["packs_removed"] > 0
    assert_whole(agent.storage)
    assert run(agent).removed == [made[1]]


def test_a_storage_that_fails_on_the_way_tells_what_was_done(agent, clock):
    made = history(agent, clock, 6)
    storage = FaultStorage(MemoryStorage(clock, agent.storage.objects))
    made_plan = prune.plan(storage, STRICT, agent.context)
    storage = FaultStorage(made_plan.storage, at=2, fault=refused)
    made_plan.storage = storage
    with pytest.raises(EngineError) as caught:
        prune.execute(made_plan, agent.context)
    assert caught.value.code == "storage-connection-lost" and caught.value.details["result"]["removed"] == made[:4]
    assert_whole(agent.storage)


@pytest.mark.parametrize("when", ["before", "during", "after"])
def test_a_prune_killed_at_any_request_leaves_whole_snapshots_and_the_next_one_finishes(agent, clock, when):
    made = history(agent, clock, 8)
    start = dict(agent.storage.objects)
    counted = FaultStorage(MemoryStorage(clock, dict(start)))
    run(agent, storage=counted)
    for k in range(1, counted.requests + 1):
        objects = dict(start)
        with pytest.raises(Killed):
            run(agent, storage=FaultStorage(MemoryStorage(clock, objects), at=k, when=when))
        left = MemoryStorage(clock, objects)
        assert set(made[6:]) <= set(ids(left)), f"killed at request {k}"
        assert_whole(left)
        run(agent, storage=left)
        assert ids(left) == made[6:]
        named = {pack for header in repository.read_headers(left, repository.list_snapshots(left)).values() for pack in header.packs}
        assert set(repository.list_packs(left)) == named


def test_a_prune_of_a_directory_deletes_its_files(tmp_path):
    root = tmp_path / "repository"
    clock = ManualClock()
    agent = Agent(tmp_path, FileStorage(str(root), Context(clock=clock), initialise=True), clock)
    made = []
    for day in range(6):
        agent.write("memory.bin", hashlib.sha256(b"%d" % day).digest() * 10_000)
        made.append(agent.backup().id)
        clock.advance(60)
    # The file system's clock is real: let the objects age by setting back their times.
    days = {names.compact(snapshot_id): 8 - number for number, snapshot_id in enumerate(made)}
    for path in root.rglob("*"):
        if path.is_file():
            os.utime(path, (path.stat().st_mtime - days.get(path.name, 9) * DAY,) * 2)
    result = run(agent)
    assert result.removed == made[:4] and result.packs_removed > 0
    assert sorted(path.name for path in (root / "snapshots").iterdir()) == [names.compact(snapshot_id) for snapshot_id in made[4:]]
    assert_whole(agent.storage)
    for snapshot_id in made[4:]:
        assert_restores(agent, snapshot_id, tmp_path / "restored" / snapshot_id)
    assert not prune.plan(agent.storage, STRICT, agent.context).changed
