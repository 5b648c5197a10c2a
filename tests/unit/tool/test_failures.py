# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong has its own exit status, a code, a sentence and a hint, is kept for others to see, and is never a traceback."""
from __future__ import annotations

import fcntl
import importlib
import json
import signal

import pytest


def assert_fails(done, status: int, code: str) -> None:
    assert done.status == status, done.output + done.error
    assert f"[{code}]" in done.error
    assert "Traceback" not in done.error + done.output
    assert len(done.error.strip().splitlines()) == 2  # what failed, and what to do


def test_a_wrong_key(host, tmp_path):
    for name in ("right", "wrong"):
        (tmp_path / name).write_text(f"the {name} passphrase\n")
    host.configure(encryption={"passphrase_file": str(tmp_path / "right")})
    host.run("init")
    host.configure(encryption={"passphrase_file": str(tmp_path / "wrong")})
    assert_fails(host.run("now"), 11, "wrong-key")
    assert host.record("backup")["error_code"] == "wrong-key"
    assert host.run("status").status == 11


def test_a_storage_that_is_not_there(backed_up):
    backed_up.configure(storage={"url": f"file://{backed_up.directory}/unmounted"})
    assert_fails(backed_up.run("now"), 12, "repository-missing")


def test_a_server_that_does_not_listen(backed_up, tmp_path):
    (tmp_path / "id").write_text("id")
    (tmp_path / "secret").write_text("secret")
    backed_up.configure(storage={
        "url": "s3://bucket/prefix", "endpoint": "http://127.0.0.1:1", "access_key_id_file": str(tmp_path / "id"),
        "secret_access_key_file": str(tmp_path / "secret")})
    assert_fails(backed_up.run("list"), 12, "storage-connection-refused")


def test_a_damaged_repository(backed_up):
    (backed_up.stored / "repository.json").write_text("{}")
    (backed_up.results / "cache").rename(backed_up.results / "old")
    assert_fails(backed_up.run("list"), 13, "repository-damaged")


@pytest.mark.parametrize("settings, said", [
    ({"storage": {"ulr": "file:///x"}}, "Did you mean storage.url?"),
    ({"retentoin": {}}, "Did you mean retention?"),
    ({"enabled": "yes"}, "enabled is not true or false"),
    ({"retention": {"max_backups": "7"}}, "retention.max_backups is not a whole number"),
    ({"exclude": [1]}, "exclude is not a list of texts"),
    ({"storage": []}, "storage is not a table"),
    ({"storage": {}}, "has no storage.url"),
])
def test_a_configuration_with_a_mistake(host, settings, said):
    host.configure(**settings)
    done = host.run("now")
    assert_fails(done, 14, "configuration-invalid")
    assert said in done.error
    assert host.record("backup")["status"] == "failed"


def test_a_configuration_that_is_no_json5(host):
    host.configure().write_text('{ storage: { url: "file:///x" ')
    assert_fails(host.run("now"), 14, "configuration-invalid")


def test_a_file_that_is_about_another_instance(host):
    path = host.configure()
    path.rename(path.with_name("two.json"))
    assert_fails(host.run("now"), 14, "configuration-invalid")


def test_wrong_usage(host):
    assert host.run("nonsense").status == 14
    assert host.run("now", "--kind", "nonsense").status == 14
    assert host.run("list", "--all", "--instance", "one").status == 14


def test_another_run_holds_the_lock(backed_up):
    with open(backed_up.results / "lock", "w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert_fails(backed_up.run("now"), 15, "already-running")
        assert_fails(backed_up.run("prune", "--wait", "0.1"), 15, "already-running")
        assert backed_up.run("list").status == 0
    assert backed_up.run("now").status == 4


def test_no_instance(host):
    host.configure().unlink()
    assert_fails(host.run("list"), 16, "instance-not-configured")
    assert_fails(host.run("list", "--instance", "two"), 16, "instance-not-configured")


def test_an_instance_without_state(backed_up):
    backed_up.configure(state_dir=str(backed_up.directory / "nowhere"))
    assert_fails(backed_up.run("now"), 16, "instance-missing")


def test_several_instances_need_a_name(host):
    host.configure("two")
    assert_fails(host.run("list"), 14, "several-instances")


def test_a_snapshot_that_is_not_there(backed_up, tmp_path):
    assert_fails(backed_up.run("restore", "v9", "--target", str(tmp_path / "x")), 16, "snapshot-missing")


def test_a_wrong_query(backed_up):
    done = backed_up.run("list", "--query", "snapshots[")
    assert (done.status, done.json["error_code"]) == (14, "query-invalid")


def test_one_failure_does_not_keep_the_others_waiting(backed_up):
    backed_up.configure("two", storage={"url": f"file://{backed_up.directory}/unmounted"})
    backed_up.configure("three", storage={})
    backed_up.add_notes()
    done = backed_up.run("now", "--all", "--json")
    assert done.status == done.json["exit_code"] == 10
    assert {one["instance"]: one["exit_code"] for one in done.json["instances"]} == {"one": 0, "two": 12, "three": 14}


def test_failures_in_a_row_have_one_beginning(backed_up, monkeypatch):
    records = importlib.import_module("openclaw_backup_tool.records")
    directory = str(backed_up.results)
    for started, status in (("1", "complete"), ("2", "failed"), ("3", "failed")):
        records.write(directory, {"operation": "backup", "started": started, "ended": started, "status": status, "exit_code": 0})
    found = backed_up.record("backup")
    assert (found["failing_since"], found["last_success"], found["started"]) == ("2", "1", "3")
    records.write(directory, {"operation": "backup", "started": "4", "ended": "4", "status": "unchanged", "exit_code": 4})
    found = backed_up.record("backup")
    assert (found["failing_since"], found["last_success"]) == (None, "4")


def test_a_fault_of_the_tool_itself_is_one_sentence(backed_up, monkeypatch):
    monkeypatch.setattr(importlib.import_module("openclaw_backup_engine.snapshots"), "list_infos", lambda *_: 1 / 0)
    assert_fails(backed_up.run("list"), 10, "internal-fault")


@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_a_failure_that_is_kept(backed_up, monkeypatch, kill):
    backup = importlib.import_module("openclaw_backup_engine.backup")
    monkeypatch.setattr(backup, "execute", lambda *_: signal.raise_signal(kill))
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)  # those who run tests on several processors ignore it
    try:
        done = backed_up.run("now")
    finally:
        signal.signal(signal.SIGINT, ours)
    assert done.status == 130
    assert "Traceback" not in done.error
    assert json.loads((backed_up.results / "last-backup.json").read_text())["error_code"] == "interrupted"
    monkeypatch.undo()
    assert backed_up.run("now").status == 4  # the lock was let go of
