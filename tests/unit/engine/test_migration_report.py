# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a move: figures add up, nothing that was not reached is claimed, and a person is told what to do."""
from __future__ import annotations

import json

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.report import migration

CHANNEL = {"channel": "whatsapp", "accounts": ["default"], "survives": "usually", "why": "It moves.", "if_not": "Link it again."}
FACTS = {
    "instance": "assistant", "from": "old", "to": "new", "outcome": "moved", "now": 1_800_000_100.0,
    "source": {"ground": {"versions": {"openclaw": "2026.9.6", "node": "24.1.0"}}, "channels": [CHANNEL]},
    "target": {"ground": {"versions": {"openclaw": "2026.9.6"}}, "channels": [], "problems": [],
               "snapshot": {"id": "a", "created": "2027-01-15T07:00:00Z", "moves": [["/home/a", "/home/b"]]}},
    "times": {"began": 100.0, "healthy": 120.25}, "left": {"fence_s": 3.04, "backup": {"took_s": 2.5}},
    "rounds": [{"backup": {"changed": True, "snapshot": {"id": "a", "bytes": 9, "bytes_stored": 5_000_000}},
                "prefetch": {"bytes_read": 6_000_000}, "backup_s": 2.0, "prefetch_s": 3.0}],
    "last": {"changed": True, "snapshot": {"id": "b", "bytes": 9, "bytes_stored": 1_000}, "omissions": [{"path": "/x", "reason": "gone"}]},
    "restored": {"took_s": 11.0, "start_s": 8.2, "edits": {
        "changes": [{"kind": "held", "path": "state/openclaw.sqlite", "field": "delivery_queue_entries", "before": "pending", "after": "held"},
                    {"kind": "path", "path": "openclaw.json", "field": "x", "before": "/home/a", "after": "/home/b"}],
        "unmapped": [{"path": "openclaw.json", "field": "y", "value": "/mnt/old", "reason": "nothing is there"}]}, "notes": ["a remark"]},
    "after": {"ground": {"health": {"channels_failing": ["whatsapp:default"]}}},
}


def made(**changes) -> dict:
    return migration.report({**FACTS, **changes})


def test_the_downtime_and_its_parts():
    found = made()
    assert found["downtime_s"] == 20.2 and found["downtime_parts"] == {
        "stop_s": 3.0, "last_backup_s": 2.5, "restore_s": 2.8, "start_s": 8.2, "between_s": 3.7}
    assert any("Downtime: 20.2 s" in line for line in migration.lines(found))
    assert json.loads(json.dumps(found)) == found


def test_people_read_all_of_it():
    text = "\n".join(migration.lines(made()))
    for words in ("new runs", "Round 1: 5.0 MB stored in 2 s, 6.0 MB read in 3 s", "Last difference: 1.0 kB", "Moved: /home/a → /home/b",
                  "Missing: /x: gone", "Held back: state/openclaw.sqlite delivery_queue_entries: pending → held", "Paths rewritten: 1", "/mnt/old (nothing is there)", "a remark", "login survives: usually; seen: failing", "move the entry of assistant",
                  "migrate_rollback", "OpenClaw 2026.9.6, Node 24.1.0 → OpenClaw 2026.9.6, Node unknown"):
        assert words in text.replace("now runs on new", "new runs"), words


@pytest.mark.parametrize("outcome", ["came-back", "unsure", "stopped", "taken-back", "impossible", "nothing-to-do", "rehearsed", "about-to-move",
                                     "not-back", "not-taken-back"])
def test_what_was_not_reached_is_not_claimed(outcome):
    found = migration.report({
        "instance": "assistant", "from": "old", "to": "new", "outcome": outcome, "times": {"began": 1.0, "fenced": 2.0},
        "failure": {"step": "last backup", "msg": "the storage is gone", "hint": "Look.", "error_code": "storage-timeout"}})
    text = "\n".join(migration.lines(found))
    assert found["downtime_s"] is None and "Downtime: " not in text
    assert "the storage is gone [storage-timeout]" in text
    assert ("Look at both hosts" in text) is (outcome == "unsure") and ("unfence" in text) is (outcome in ("unsure", "not-back"))


def test_a_rehearsal_tells_what_to_expect():
    text = "\n".join(migration.lines(made(outcome="rehearsed", times={}, restored={"took_s": 4.0, "start_s": 0.0})))
    assert "Downtime to expect: 9 s for the last difference, as the last round and the staging took here" in text
    text = "\n".join(migration.lines(made(outcome="about-to-move", times={}, restored=None)))
    assert "Downtime to expect: 5 s for the last difference, as the last round took here" in text


def test_the_way_back_has_parts_too():
    found = migration.report({
        "instance": "assistant", "from": "old", "to": "new", "outcome": "taken-back", "times": {"began": 1.0, "healthy": 12.0},
        "left": {"fence_s": 2.0}, "returned": {"start_s": 8.0}})
    assert (found["downtime_s"], found["downtime_parts"]) == (11.0, {"stop_s": 2.0, "start_s": 8.0, "between_s": 1.0})


def test_a_host_that_is_gone_takes_something_with_it():
    found = made(source={}, last=None, source_gone=True, now=1_800_000_000.0)
    assert found["loss_window_s"] == 1_800_000_000.0 - 1_799_996_400.0
    assert any("Lost: what happened since snapshot a, 1h ago" in line for line in migration.lines(found))
    assert made()["loss_window_s"] is None


def test_what_others_wrote_moves_no_cursor():
    found = made(failure={"step": "x", "msg": "\x1b[31mred", "hint": ""})
    assert all("\x1b" not in line for line in migration.lines(found))
