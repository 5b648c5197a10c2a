# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the status of a fleet promises: no bad instance looks fine, and the worst one stands first."""
from __future__ import annotations

import os

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import StorageOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import names, records
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.status import fleet, model
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.status.model import Expected, Objectives, Report
from support.clock import ManualClock
from support.simulated_fleet import DAY, SimulatedInstance, healthy

HOUR = 3600.0
NOW = 1_795_212_000.0


@pytest.fixture(name="storage")
def _storage(tmp_path):
    directory = tmp_path / "storage"
    directory.mkdir()
    return directory


def look(storage, now=NOW, cache=None, **options) -> model.Fleet:
    """A look at a storage by a clock that stands at NOW: the file system's own cannot be asked for a read-only directory."""
    clock = ManualClock(now)
    context = Context(clock=clock, cache_dir=str(cache) if cache else None)
    original = fleet.open_root

    def open_at(options, context):
        opened = original(options, context)
        opened.now = clock.now
        return opened
    fleet.open_root = open_at
    try:
        return fleet.look(StorageOptions(url=f"file://{storage}"), context, **options)
    finally:
        fleet.open_root = original


def only(found: model.Fleet) -> model.InstanceStatus:
    assert len(found.instances) == 1
    return found.instances[0]


def test_a_healthy_instance_is_told_with_all_that_a_person_asks_for(storage):
    healthy(storage, "assistant", NOW)
    status = only(look(storage))
    assert (status.health, status.findings) == ("ok", ())
    assert status.age == pytest.approx(3 * HOUR - 1)
    assert status.backup.bytes == 1_700_000_000 and status.backup.kind == "scheduled" and status.backup.openclaw_version == "2026.9.6"
    assert status.host == "host-assistant"
    assert status.verified.passed and status.verified.duration_s == 95.0
    assert status.growth() > 0
    assert status.snapshots == 30
    assert len(status.strip) == 90 and set(status.strip) == {"backup"}


def test_a_verification_that_could_not_be_made_is_said_and_takes_no_proof_away(storage):
    made = healthy(storage, "assistant", NOW)
    tried = names.verification_object(names.id_of_time(NOW - 3 * HOUR), NOW - HOUR)
    said = {"snapshot": names.id_of_time(NOW - 3 * HOUR), "level": "boot", "result": "not-run", "error_code": "place-full"}
    made.write(tried, records.encode(made.bundle, records.VERIFICATION, tried, said, ""), NOW - HOUR)
    status = only(look(storage))
    assert (status.health, status.reason) == ("unverified", "The last verification could not be made [place-full]")
    assert status.verified.passed and status.verified.recovery_s == 42.0 and len(status.verified.checks) == 7 and status.recoverable
    made.verification(names.id_of_time(NOW - 3 * HOUR), NOW - HOUR / 2, level="boot")
    assert only(look(storage)).health == "ok", "it was made after that"


def test_an_instance_that_stopped_is_stale_since_its_objective_ended(storage):
    SimulatedInstance(storage, "gone").snapshot(NOW - 3 * DAY)
    status = only(look(storage))
    assert status.health == "stale"
    assert status.findings[0].since == pytest.approx(NOW - 3 * DAY + 1 + 26 * HOUR)
    assert status.strip[-3:] == ("none", "none", "open") and status.strip[-4] == "backup" and status.strip[0] == "before"


def test_a_run_that_found_nothing_new_keeps_an_instance_fresh(storage):
    made = SimulatedInstance(storage, "quiet")
    made.run(NOW - HOUR, "unchanged", snapshot=made.snapshot(NOW - 9 * DAY))
    status = only(look(storage))
    assert status.health == "ok"
    assert status.age == pytest.approx(HOUR)
    assert status.strip[-1] == "unchanged"


def test_a_run_that_names_another_snapshot_keeps_nothing_fresh(storage):
    made = SimulatedInstance(storage, "quiet")
    made.snapshot(NOW - 9 * DAY)
    made.run(NOW - HOUR, "unchanged", snapshot=names.id_of_time(NOW - 2 * DAY))
    assert only(look(storage)).health == "stale"


def test_a_clock_that_is_ahead_makes_nothing_look_fresh(storage):
    SimulatedInstance(storage, "ahead").snapshot(NOW + 30 * DAY, stored=NOW - 5 * DAY, recorded=False)
    assert only(look(storage)).health == "stale"


def test_an_old_snapshot_that_was_copied_here_today_is_still_old(storage):
    SimulatedInstance(storage, "copied").snapshot(NOW - 40 * DAY, stored=NOW - HOUR, recorded=False)
    assert only(look(storage)).health == "stale"


def test_a_snapshot_of_the_config_alone_does_not_make_the_instance_fresh(storage):
    made = SimulatedInstance(storage, "partial")
    made.snapshot(NOW - 4 * DAY)
    made.snapshot(NOW - HOUR, scope="config", bytes=4000)
    status = only(look(storage))
    assert status.health == "stale" and "part" in status.reason
    assert status.backup.scope == "everything"


def test_failures_are_counted_from_the_first_after_the_last_backup(storage):
    made = SimulatedInstance(storage, "failing")
    made.run(NOW - 30 * HOUR, "failure", error_code="storage-full")
    made.snapshot(NOW - 20 * HOUR)
    made.run(NOW - 10 * HOUR, "failure", error_code="storage-full")
    made.run(NOW - 5 * HOUR, "failure", error_code="wrong-key")
    status = only(look(storage))
    assert status.health == "failing" and "wrong-key" in status.reason
    assert status.failing_since == pytest.approx(NOW - 10 * HOUR)


def test_a_success_ends_a_failure(storage):
    made = SimulatedInstance(storage, "recovered")
    made.run(NOW - 30 * HOUR, "failure", error_code="storage-full")
    made.snapshot(NOW - 20 * HOUR)
    status = only(look(storage))
    assert status.health == "ok" and status.failing_since is None


def test_a_day_with_nothing_but_failures_shows_in_the_strip(storage):
    made = SimulatedInstance(storage, "failing")
    made.snapshot(NOW - 5 * DAY)
    made.run(NOW - 3 * DAY, "failure", error_code="storage-full")
    made.snapshot(NOW - 1 * DAY)
    assert only(look(storage)).strip[-6:] == ("backup", "none", "failed", "none", "backup", "open")


def test_an_expected_instance_that_never_arrived_is_shown(storage):
    healthy(storage, "here", NOW, snapshots=2, days=2)
    found = look(storage, expected=[Expected("missing", "host-7")])
    assert [(row.instance, row.health, row.host) for row in found.instances] == [("missing", "never", "host-7"), ("here", "ok", "host-here")]


def test_a_repository_without_a_snapshot_was_never_backed_up(storage):
    SimulatedInstance(storage, "empty").describe(NOW)
    assert only(look(storage)).health == "never"


def test_a_damaged_newest_snapshot_is_bad_although_it_is_fresh(storage):
    made = SimulatedInstance(storage, "damaged")
    made.snapshot(NOW - 20 * HOUR)
    newest = made.snapshot(NOW - HOUR)
    made.write(names.snapshot_object(newest), b"", NOW - HOUR)
    status = only(look(storage))
    assert status.health == "damaged"
    assert status.backup.id == names.id_of_time(NOW - 20 * HOUR)


def test_a_failed_verification_is_bad_until_a_newer_one_passes(storage):
    made = SimulatedInstance(storage, "rotten")
    snapshot = made.snapshot(NOW - HOUR)
    made.verification(snapshot, NOW - 1800, passed=False)
    assert only(look(storage)).health == "damaged"
    made.verification(snapshot, NOW - 900)
    assert only(look(storage)).health == "ok"


def test_a_quick_verification_proves_nothing(storage):
    made = SimulatedInstance(storage, "unproven")
    made.snapshot(NOW - 50 * DAY)
    made.verification(made.snapshot(NOW - HOUR), NOW - HOUR, level="quick")
    assert only(look(storage)).health == "unverified"


def test_a_new_instance_has_its_time_to_be_verified(storage):
    SimulatedInstance(storage, "new").snapshot(NOW - HOUR)
    assert only(look(storage)).health == "ok"


def test_omissions_need_attention(storage):
    SimulatedInstance(storage, "incomplete").snapshot(NOW - HOUR, omissions=3)
    found = look(storage)
    assert only(found).health == "incomplete" and found.severity == "attention"
    assert only(found).strip[-1] == "incomplete"


def test_objectives_are_each_instances_own_where_it_has_them(storage):
    for name in ("hourly", "daily"):
        SimulatedInstance(storage, name).snapshot(NOW - 5 * HOUR)
    found = look(storage, expected=[Expected("hourly", objectives=Objectives(max_age=7200))])
    assert {row.instance: row.health for row in found.instances} == {"hourly": "stale", "daily": "ok"}
    assert not look(storage, objectives=Objectives(0, 0)).count("bad")


def test_what_a_host_says_is_heard(storage):
    for name in ("a", "b", "c", "d"):
        SimulatedInstance(storage, name).snapshot(NOW - HOUR)
    found = look(storage, reports=[
        Report("a", "h1", next_run=NOW + 60), Report("b", "h2", failing_since=NOW - 600, error_code="storage-unreachable", message="No route"),
        Report("c", "h3", reachable=False), Report("d", "h4", enabled=False), Report("", "h9", reachable=False)])
    rows = {row.instance: row for row in found.instances}
    assert rows["a"].next_run == NOW + 60 and rows["a"].health == "ok"
    assert rows["b"].health == "failing" and "No route" in rows["b"].reason
    assert rows["c"].health == "unreachable"
    assert rows["d"].health == "disabled"
    assert rows["h9"].health == "unknown"


def test_disabled_is_no_excuse_for_damage_but_for_age(storage):
    SimulatedInstance(storage, "off").snapshot(NOW - 20 * DAY)
    assert only(look(storage, reports=[Report("off", enabled=False)])).health == "disabled"


def test_the_one_that_needs_a_person_most_stands_first(storage):
    SimulatedInstance(storage, "ok").snapshot(NOW - HOUR)
    SimulatedInstance(storage, "old").snapshot(NOW - 3 * DAY)
    SimulatedInstance(storage, "older").snapshot(NOW - 9 * DAY)
    SimulatedInstance(storage, "never").describe(NOW)
    found = look(storage)
    assert [row.instance for row in found.instances] == ["never", "older", "old", "ok"]
    assert found.worst == "never" and found.severity == "bad"


def test_directories_of_others_are_no_instances(storage):
    healthy(storage, "assistant", NOW, snapshots=1, days=1)
    (storage / "lost+found").mkdir()
    (storage / "photos" / "2026").mkdir(parents=True)
    (storage / "photos" / "2026" / "cat.jpg").write_bytes(b"cat")
    assert only(look(storage)).instance == "assistant"


def test_an_empty_storage_is_no_healthy_fleet(storage):
    with pytest.raises(EngineError) as caught:
        look(storage)
    assert caught.value.code == "repository-missing"


def test_a_repository_that_cannot_be_read_is_bad_and_hides_no_other(storage):
    healthy(storage, "fine", NOW, snapshots=1, days=1)
    (storage / "closed").mkdir()
    (storage / "closed" / "runs").symlink_to("/")
    (storage / "closed" / "snapshots").write_bytes(b"no directory")
    found = look(storage, expected=[Expected("closed")])
    assert [row.instance for row in found.instances] == ["closed", "fine"]


def test_a_second_look_reads_only_what_is_new(storage, tmp_path):
    made = healthy(storage, "assistant", NOW)
    first = look(storage, cache=tmp_path / "cache")
    second = look(storage, cache=tmp_path / "cache")
    assert second.requests <= 3 < first.requests
    assert second.instances == first.instances
    made.snapshot(NOW - HOUR)
    third = look(storage, cache=tmp_path / "cache")
    assert third.requests <= 6
    assert third.instances[0].age == pytest.approx(HOUR - 1)


@pytest.mark.parametrize("content", [b"", b"{", b'{"version":1,"facts":[]}', b'{"version":1,"facts":{"assistant/x":3}}'])
def test_a_damaged_memory_is_no_error(storage, tmp_path, content):
    healthy(storage, "assistant", NOW, snapshots=2, days=2)
    cache = tmp_path / "cache"
    look(storage, cache=cache)
    (path,) = cache.iterdir()
    path.write_bytes(content)
    assert only(look(storage, cache=cache)).health == "ok"
    assert oct(os.stat(path).st_mode & 0o777) == "0o600"
