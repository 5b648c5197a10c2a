# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each command of the host tool does what docs/tool.md says, with the engine and a directory."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

REPORT = {"instance", "operation", "status", "exit_code", "error_code", "msg", "hint", "started", "ended"}


def test_init_makes_a_repository_once(host):
    assert host.run("init").status == 0
    assert (host.stored / "repository.json").exists()
    assert host.run("init").status == 4


def test_now_makes_a_snapshot_and_then_finds_nothing_new(host):
    host.run("init")
    first = host.run("now", "--json")
    assert first.status == 0
    assert REPORT | {"snapshot", "omissions", "damaged_databases", "findings", "changed"} <= set(first.json)
    assert (first.json["status"], first.json["changed"]) == ("complete", True)
    second = host.run("now", "--json")
    assert (second.status, second.json["status"], second.json["snapshot"]["id"]) == (4, "unchanged", first.json["snapshot"]["id"])
    assert host.run("now", "--force").status == 0


def test_now_keeps_name_note_and_kind(backed_up):
    assert backed_up.run("now", "--name", "before", "--note", "a remark", "--kind", "pre-update").status == 0
    newest = backed_up.run("list", "--json").json["snapshots"][-1]
    assert (newest["name"], newest["note"], newest["kind"]) == ("before", "a remark", "pre-update")


def test_now_that_lacks_something_says_so(backed_up):
    backed_up.state.config(json.dumps({"agents": {"defaults": {"workspace": "/nowhere/at/all"}}}))
    done = backed_up.run("now", "--json")
    assert (done.status, done.json["status"]) == (3, "omissions")
    assert done.json["omissions"]
    assert backed_up.record("backup")["status"] == "omissions"
    assert "missing:" in backed_up.run("now", "--force").output


def test_a_backup_keeps_what_becomes_of_the_channels_in_a_restore_for_the_page(host):
    host.state.config('{channels: {telegram: {enabled: true}, whatsapp: {}, signal: {enabled: false}}}')
    assert host.run("init").status == 0 and host.run("now").status == 0
    said = [{"channel": "telegram", "survives": "yes"}, {"channel": "whatsapp", "survives": "unknown"}]
    assert host.record("backup")["channels"] == said
    host.configure(storage={"url": f"file://{host.directory}/nowhere"})
    assert host.run("now").status != 0 and host.record("backup")["channels"] == said


def test_scheduled_backups_can_be_switched_off(backed_up):
    backed_up.configure(enabled=False)
    backed_up.add_notes()
    before = backed_up.record("backup")
    assert backed_up.run("now", "--kind", "scheduled").status == 4
    assert backed_up.record("backup") == before
    assert backed_up.run("now").status == 0


def test_list_shows_every_snapshot(backed_up):
    backed_up.add_notes()
    backed_up.run("now")
    done = backed_up.run("list", "--json")
    assert [one["version"] for one in done.json["snapshots"]] == ["v1", "v2"]
    text = backed_up.run("list").output.splitlines()
    assert len(text) == 3 and text[0].startswith("SNAPSHOT")
    assert done.json["snapshots"][1]["id"] in text[2]


def test_list_shows_which_snapshots_were_proven(backed_up):
    assert backed_up.run("list", "--json").json["snapshots"][0]["verified"] is None
    backed_up.run("verify", "--level", "quick")
    assert backed_up.run("list", "--json").json["snapshots"][0]["verified"] is None, "that reads no content"
    backed_up.run("verify", "--level", "restore")
    proof = backed_up.run("list", "--json").json["snapshots"][0]["verified"]
    assert (proof["level"], proof["passed"]) == ("restore", True) and proof["time"].endswith("Z")
    assert "VERIFIED" in backed_up.run("list").output and " restore" in backed_up.run("list").output


def test_list_without_a_snapshot_is_no_failure(host):
    host.run("init")
    assert host.run("list").status == 0


def test_status_shows_what_a_person_asks_for(backed_up):
    done = backed_up.run("status")
    assert done.status == 0
    for name in ("Enabled", "Schedule", "Last backup", "Next backup", "Status", "Storage", "Retention", "Encryption", "Restore test"):
        assert f"{name}:" in done.output
    report = backed_up.run("status", "--json").json
    assert (report["health"], report["snapshots"]) == ("ok", 1)
    assert report["storage"] == f"file://{backed_up.directory}/storage/one"


def test_status_knows_the_last_restore_test(backed_up):
    assert backed_up.run("status", "--json").json["verified"] is None
    backed_up.run("verify", "--level", "restore")
    proof = backed_up.run("status", "--json").json["verified"]
    assert (proof["level"], proof["passed"]) == ("restore", True)
    assert "passed" in backed_up.run("status").output


def test_status_without_the_storage_still_says_since_when_it_fails(backed_up):
    os.rename(backed_up.directory / "storage", backed_up.directory / "elsewhere")
    backed_up.add_notes()
    assert backed_up.run("now").status == 12
    done = backed_up.run("status", "--json")
    assert (done.status, done.json["storage_error"]) == (12, "repository-missing")
    assert done.json["failing_since"] == backed_up.record("backup")["started"]
    text = backed_up.run("status").output
    assert "could not be asked" in text and "Failing since:" in text


def test_status_of_a_failure_that_only_this_host_knows(backed_up):
    backed_up.configure(state_dir=str(backed_up.directory / "nowhere"))
    assert backed_up.run("now").status == 16
    backed_up.configure()
    done = backed_up.run("status", "--json")
    assert (done.status, done.json["health"]) == (10, "failing")
    assert done.json["failing_since"]


def test_status_of_an_instance_without_backup(host):
    host.run("init")
    done = host.run("status", "--json")
    assert (done.status, done.json["health"]) == (10, "never")


def test_a_backup_that_is_too_old_is_stale(backed_up):
    backed_up.configure(objectives={"max_age": "1s"})
    done = backed_up.run("status", "--json")
    while done.status == 0:
        done = backed_up.run("status", "--json")
    assert (done.status, done.json["health"]) == (10, "stale")


@pytest.mark.parametrize("level", ["quick", "data", "restore"])
def test_verify_passes_on_a_sound_repository(backed_up, level):
    done = backed_up.run("verify", "--level", level, "--json")
    assert (done.status, done.json["ok"], done.json["level"]) == (0, True, level)
    assert backed_up.record("verify")["status"] == "complete"


def test_verify_fails_on_a_missing_pack(backed_up):
    next((backed_up.stored / "packs").rglob("*/*")).unlink()
    done = backed_up.run("verify", "--json")
    assert (done.status, done.json["error_code"]) == (13, "verification-failed")
    assert done.json["details"]["problems"]
    assert "it is not there" in backed_up.run("verify").output


def test_restore_brings_everything_back(backed_up):
    target = backed_up.directory / "restored"
    done = backed_up.run("restore", "latest", "--target", str(target), "--json")
    assert done.status == 0
    assert (target / str(backed_up.state.path).lstrip("/") / "openclaw.json").read_text() == "{}"
    assert backed_up.run("restore", "latest", "--target", str(target)).status == 4
    assert backed_up.record("restore")["status"] == "unchanged"


def test_restore_brings_a_part_back(backed_up):
    target = backed_up.directory / "restored"
    assert backed_up.run("restore", "v1", "--target", str(target), "--path", "openclaw.json").status == 0
    assert [path.name for path in target.rglob("*") if path.is_file() and not path.name.startswith(".")] == ["openclaw.json"]
    other = backed_up.directory / "other"
    assert backed_up.run("restore", "v1", "--target", str(other), "--component", "nonsense").status == 14


def test_prune_shows_first_and_removes_then(backed_up):
    for number in range(4):
        backed_up.add_notes(str(number))
        backed_up.run("now", "--kind", "scheduled")
    for age, path in enumerate(sorted((backed_up.stored / "snapshots").iterdir(), reverse=True)):
        os.utime(path, (time.time() - (age + 3) * 86400,) * 2)  # the storage's clock counts
    backed_up.configure(retention={"max_backups": 2})
    rehearsal = backed_up.run("prune", "--dry-run", "--json")
    assert rehearsal.status == 0 and len(rehearsal.json["removed"]) == 2
    assert len(backed_up.run("list", "--json").json["snapshots"]) == 5
    assert not (backed_up.results / "last-prune.json").exists()
    done = backed_up.run("prune", "--json")
    assert (done.status, done.json["removed"]) == (0, rehearsal.json["removed"])
    assert backed_up.run("prune").status == 4


def test_prune_removes_what_is_named(backed_up):
    for number in range(3):
        backed_up.add_notes(str(number))
        backed_up.run("now")
    assert backed_up.run("prune", "--delete", "v1").status == 0
    assert len(backed_up.run("list", "--json").json["snapshots"]) == 3


def test_keys_are_added_listed_and_removed(backed_up, tmp_path):
    (tmp_path / "passphrase").write_text("a long enough passphrase\n")
    assert [slot["label"] for slot in backed_up.run("keys", "--json").json["slots"]] == ["first"]
    assert backed_up.run("keys", "add", "second", "--passphrase-file", str(tmp_path / "passphrase")).status == 0
    assert backed_up.run("keys", "add", "second", "--passphrase-file", str(tmp_path / "passphrase")).status == 4
    backed_up.configure(encryption={"passphrase_file": str(tmp_path / "passphrase")})
    assert backed_up.run("keys", "remove", "first").status == 0
    assert backed_up.run("keys", "remove", "nonsense").status == 14
    assert "second" in backed_up.run("keys", "list").output
    assert backed_up.run("now", "--force").status == 0


def test_a_writer_key_backs_up_and_restores_nothing(backed_up, tmp_path):
    assert backed_up.run("keys", "export-writer", str(tmp_path / "writer")).status == 0
    assert (tmp_path / "writer").stat().st_mode & 0o777 == 0o600
    backed_up.configure(encryption={"writer_key_file": str(tmp_path / "writer")})
    assert backed_up.run("now", "--force").status == 0
    assert backed_up.run("restore", "latest", "--target", str(tmp_path / "restored")).status == 11


def test_managing_keys_makes_no_repository(host, tmp_path):
    (tmp_path / "passphrase").write_text("a long enough passphrase\n")
    assert host.run("keys", "add", "second", "--passphrase-file", str(tmp_path / "passphrase")).status == 12
    assert not host.stored.exists()


def test_a_pipe_that_closes_is_no_traceback(backed_up):
    command = [
        sys.executable, "-I", str(backed_up.tool), "list", "--json", "--config", str(backed_up.directory / "etc"), "--state",
        str(backed_up.directory / "var")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        error = process.stderr.read()
    assert (process.returncode, error) == (141, b"")


def test_ls_shows_what_is_in_a_snapshot(backed_up):
    state = str(backed_up.state.path)
    assert [one["path"] for one in backed_up.run("ls", "latest", "--json").json["entries"]] == [state]
    entries = {one["path"]: one for one in backed_up.run("ls", "latest", ".", "--json").json["entries"]}
    assert entries[f"{state}/openclaw.json"]["size"] == 2
    assert entries[f"{state}/credentials"]["type"] == "directory"
    assert f"{state}/credentials/whatsapp" not in entries
    everything = backed_up.run("ls", "v1", "--recursive", "--json").json["entries"]
    assert f"{state}/credentials/whatsapp/default/creds.json" in [one["path"] for one in everything]
    assert [one["path"] for one in backed_up.run("ls", "v1", "openclaw.json", "--json").json["entries"]] == [f"{state}/openclaw.json"]
    assert backed_up.run("ls", "v1", "nowhere").status == 16
    assert f"{state}/openclaw.json" in backed_up.run("ls", "v1", state).output


def test_diff_shows_what_changed_between_two_snapshots(backed_up):
    state = backed_up.state.path
    backed_up.add_notes("one")
    (state / "openclaw.json").write_text('{ "a": 1 }')
    (state / "credentials/whatsapp/default/creds.json").unlink()
    backed_up.run("now")
    done = backed_up.run("diff", "v1", "v2", "--json")
    found = {one["path"]: one for one in done.json["differences"]}
    assert found[f"{state}/workspace/notes.md"]["change"] == "added"
    assert found[f"{state}/credentials/whatsapp/default/creds.json"]["change"] == "removed"
    assert found[f"{state}/openclaw.json"] == {
        "path": f"{state}/openclaw.json", "change": "changed", "what": ["content", "time"], "size_before": 2, "size_after": 10}
    assert done.json["counts"] == {"added": 2, "changed": 1, "removed": 1}  # added: the workspace itself, too
    assert backed_up.run("diff", "v2", "v2", "--json").json["differences"] == []
    assert f"+ {state}/workspace/notes.md" in backed_up.run("diff", "v1").output


def test_now_makes_the_first_repository_when_asked_to_and_no_second_one(host):
    assert host.run("now").status == 12
    assert host.run("now", "--init").status == 0
    assert host.run("now", "--init").status == 4
    os.rename(host.directory / "storage", host.directory / "elsewhere")
    host.add_notes()
    assert host.run("now", "--init").status == 12
    assert not (host.directory / "storage").exists()


def test_doctor_finds_nothing_wrong_with_what_works(backed_up):
    done = backed_up.run("doctor", "--json")
    assert done.status == 0
    assert {one["check"] for one in done.json["findings"]} == {
        "packages", "instance", "gateway", "storage", "key", "room", "timer"}
    assert not [one for one in done.json["findings"] if one["level"] == "error"]
    assert "0 errors" in backed_up.run("doctor").output
    assert not list((backed_up.stored / "probes").iterdir())


@pytest.mark.parametrize("settings, check", [
    ({"state_dir": "/nowhere"}, "instance"),
    ({"encryption": {"passphrase_file": "/nowhere/passphrase"}}, "key"),
    ({"encryption": {"passphrase_file": "no-such-credential"}}, "secrets"),
    ({"storage": {"url": "file:///nowhere/at/all"}}, "storage"),
])
def test_doctor_names_what_is_wrong_and_looks_on(backed_up, settings, check):
    backed_up.configure(**settings)
    done = backed_up.run("doctor", "--json")
    wrong = {one["check"]: one for one in done.json["findings"] if one["level"] == "error"}
    assert check in wrong and wrong[check]["hint"]
    assert done.status >= 10
    assert {"packages", "room", "timer"} <= {one["check"] for one in done.json["findings"]}


def test_doctor_sees_a_secret_that_others_can_read(backed_up, tmp_path):
    (tmp_path / "key").write_text("x" * 40)
    (tmp_path / "key").chmod(0o644)
    backed_up.configure(encryption={"key_file": str(tmp_path / "key")})
    found = [one for one in backed_up.run("doctor", "--json").json["findings"] if one["check"] == "secrets"]
    assert found[0]["level"] == "warning" and "chmod 600" in found[0]["hint"]


def test_doctor_refuses_a_storage_inside_the_source(backed_up):
    backed_up.configure(storage={"url": f"file://{backed_up.state.path}/backups"})
    codes = [one["error_code"] for one in backed_up.run("doctor", "--json").json["findings"]]
    assert "destination-inside-source" in codes
