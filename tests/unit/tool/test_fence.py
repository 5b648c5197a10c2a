# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fence is shown wherever somebody looks, keeps scheduled backups away and lets others be made."""
from __future__ import annotations


def test_a_fence_is_put_up_shown_and_taken_away(backed_up):
    assert backed_up.run("status", "--json").json["fence"] is None
    done = backed_up.run("fence", "--reason", "a bigger machine", "--moved-to", "vps-08", "--json")
    assert (done.status, done.json["fence"]["moved_to"]) == (0, "vps-08")
    again = backed_up.run("fence")
    assert again.status == 4 and "not prevented: whatever starts it" in again.output
    assert "Fenced:" in backed_up.run("status").output
    for text in (backed_up.run("status").output, backed_up.run("doctor").output):
        assert "vps-08" in text and "a bigger machine" in text
    done = backed_up.run("unfence", "--json")
    assert (done.status, done.json["fence"]) == (0, None)
    assert backed_up.run("unfence").status == 4
    assert "Fenced:" not in backed_up.run("status").output and "vps-08" not in backed_up.run("doctor").output


def test_a_fenced_instance_is_backed_up_by_order_and_not_by_schedule(backed_up):
    backed_up.run("fence", "--moved-to", "vps-08")
    backed_up.add_notes()
    scheduled = backed_up.run("now", "--kind", "scheduled")
    assert scheduled.status == 4 and "vps-08" in scheduled.output
    assert backed_up.run("now", "--kind", "migration").status == 0
    assert [one["kind"] for one in backed_up.run("list", "--json").json["snapshots"]] == ["manual", "migration"]


def test_the_last_backup_is_made_behind_the_fence(backed_up):
    backed_up.add_notes()
    done = backed_up.run("fence", "--moved-to", "vps-08", "--last-backup", "moved to vps-08", "--json")
    made = done.json
    assert (done.status, made["changed"], made["backup"]["snapshot"]["kind"]) == (0, True, "migration")
    assert made["fence"]["moved_to"] == "vps-08" and made["fence_s"] >= 0 and made["backup"]["took_s"] > 0
    assert "vps-08" in backed_up.run("fence", "--last-backup", "again").output
    assert [one["kind"] for one in backed_up.run("list", "--json").json["snapshots"]] == ["manual", "migration"]


def test_nothing_is_fenced_where_the_storage_does_not_answer(backed_up):
    backed_up.stored.parent.rename(backed_up.directory / "elsewhere")
    done = backed_up.run("fence", "--last-backup", "moved", "--json")
    assert done.status >= 10 and done.json["error_code"]
    assert backed_up.run("status", "--json").json["fence"] is None


def test_what_was_cut_short_is_named_by_doctor(backed_up):
    marker = backed_up.directory / "journal"
    marker.write_text("")
    (backed_up.directory / "home" / ".openclaw.gate-restore.json").write_text(
        f'{{"reason": "a restore is half done", "marker": "{marker}", "remembered": {{}}}}')
    done = backed_up.run("doctor")
    assert done.status == 10 and "a restore is half done" in done.output and "recover" in done.output
