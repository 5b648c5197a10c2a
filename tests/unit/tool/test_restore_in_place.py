# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""openclaw-backup restore over the live state: shows what it would do, wants the host's name, does it, and can be recovered."""
from __future__ import annotations

import importlib
import io
import os

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.accounts import host_name

NAME = host_name()


@pytest.fixture
def changed(host):
    """An instance that was backed up, and has changed since."""
    host.add_notes("then")
    assert host.run("now", "--init").status == 0
    host.add_notes("now")
    return host


def notes(host) -> str:
    return (host.state.path / "workspace/notes.md").read_text()


def test_a_rehearsal_shows_the_plan_and_changes_nothing(changed):
    done = changed.run("restore", "latest", "--dry-run")
    assert done.status == 0 and "1 replaced" in done.output and f"~ {changed.state.path}/workspace/notes.md" in done.output
    assert "queued messages are held" in done.output
    assert notes(changed) == "now" and not (changed.results / "last-restore.json").exists()
    assert not [path for path in changed.state.path.parent.iterdir() if "restore" in path.name]


def test_a_rehearsal_stages_and_checks_and_leaves_nothing(changed):
    before = sorted(path.name for path in changed.state.path.parent.iterdir())
    done = changed.run("restore", "latest", "--rehearse", "--no-snapshot", "--json")
    assert (done.status, done.json["changed"], done.json["dry_run"]) == (0, False, True) and done.json["files"] > 1
    assert notes(changed) == "now" and not (changed.results / "last-restore.json").exists()
    assert sorted(path.name for path in changed.state.path.parent.iterdir()) == before


def test_it_is_not_done_without_the_name_of_the_host(changed):
    done = changed.run("restore", "latest", "--json")
    assert (done.status, done.json["error_code"]) == (14, "confirmation-missing") and NAME in done.json["hint"]
    done = changed.run("restore", "latest", "--confirm", "another", "--json")
    assert (done.status, done.json["error_code"]) == (14, "confirmation-wrong")
    assert notes(changed) == "now"


def test_it_is_done_with_it_and_not_twice(changed):
    done = changed.run("restore", "latest", "--confirm", NAME, "--json")
    assert done.status == 0 and notes(changed) == "then"
    result = done.json
    assert result["changed"] and result["pre_restore_snapshot"] and result["aside"] and result["plan"]["replaced"] == 1
    assert changed.record("restore")["status"] == "complete"
    again = changed.run("restore", result["plan"]["snapshot"], "--confirm", NAME)
    assert again.status == 4 and "in place already" in again.output
    shown = changed.run("restore", "latest", "--confirm", NAME)  # what it replaced is the newest now
    assert notes(changed) == "now" and "is in place" in shown.output and "lies in" in shown.output


class Terminal(io.StringIO):
    """A person's."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("answer", [NAME, "yes"])
def test_a_person_is_shown_the_plan_and_asked(changed, monkeypatch, answer):
    monkeypatch.setattr("sys.stdin", Terminal(answer + "\n"))
    shown = Terminal()
    monkeypatch.setattr("sys.stderr", shown)
    done = changed.run("restore", "latest")
    assert "To go on, type the name of this host" in shown.getvalue() and "1 replaced" in shown.getvalue()
    assert (done.status, notes(changed)) == ((0, "then") if answer == NAME else (14, "now"))


def test_a_part_of_it(changed):
    (changed.state.path / "workspace/other.md").write_text("stays")
    done = changed.run("restore", "latest", "--path", "workspace/notes.md", "--confirm", NAME, "--no-snapshot", "--keep-aside", "0", "--json")
    assert done.status == 0 and done.json["pre_restore_snapshot"] is None and done.json["aside"] == []
    assert notes(changed) == "then" and (changed.state.path / "workspace/other.md").exists()


def test_recover_ends_what_was_cut_short(changed):
    assert changed.run("recover").status == 4
    ports = importlib.import_module("openclaw_backup_engine.ports")
    child = os.fork()
    if child == 0:
        ports.Context.__dataclass_fields__["checkpoint"].default = None
        original = ports.Context.__init__

        def init(self, *given, **named):
            original(self, *given, **named)
            self.checkpoint = lambda name: os.kill(os.getpid(), 9) if name == "all-swapped" else None
        ports.Context.__init__ = init
        changed.run("restore", "latest", "--confirm", NAME)
        os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert notes(changed) == "then", "half done"
    done = changed.run("recover", "--json")
    assert done.status == 0 and done.json["phase"] == "swapping" and notes(changed) == "now"
    assert changed.record("recover")["status"] == "complete"
    assert changed.run("recover").status == 4


@pytest.fixture
def writing(changed, tmp_path):
    """The host of `changed` with a writer key only; gives it and the private key of an operator, who is elsewhere."""
    keys = importlib.import_module("openclaw_backup_engine.repository.keys")
    private, public = keys.new_operator()
    (tmp_path / "operator.pub").write_text(public)
    assert changed.run("keys", "add", "operator", "--operator-public-file", str(tmp_path / "operator.pub")).status == 0
    assert changed.run("keys", "export-writer", str(tmp_path / "writer")).status == 0
    changed.configure(encryption={"writer_key_file": str(tmp_path / "writer")})
    return changed, private


@pytest.mark.parametrize("command", [("restore", "latest", "--dry-run"), ("restore", "latest", "--confirm", NAME)])
def test_a_writer_key_restores_nothing_and_the_way_out_is_named(writing, command):
    host, _private = writing
    done = host.run(*command, "--json")
    assert (done.status, done.json["error_code"]) == (11, "key-cannot-read") and "--identity-file" in done.json["hint"]
    assert notes(host) == "now"


def test_an_operators_key_is_used_for_one_run_and_is_gone_before_anything_is_restored(writing, tmp_path):
    host, private = writing
    handed = tmp_path / "handed"
    handed.write_text(private)
    done = host.run("restore", "latest", "--dry-run", "--identity-file", str(handed))
    assert done.status == 0 and "1 replaced" in done.output and handed.exists()
    done = host.run("restore", "latest", "--confirm", NAME, "--identity-file", str(handed), "--forget-identity", "--json")
    assert done.status == 0 and done.json["pre_restore_snapshot"] and notes(host) == "then"
    assert not handed.exists()
    kept = [path for path in (*host.results.rglob("*"), *(host.directory / "etc").rglob("*"), *host.state.path.parent.rglob("*"))
            if path.is_file() and private.encode() in path.read_bytes()]
    assert not kept, "the key is left on the host"


def test_the_key_is_gone_too_where_it_opens_nothing(writing, tmp_path):
    host, private = writing
    handed = tmp_path / "handed"
    handed.write_text(private[:-12] + "AAAAAAAAAAA\n")
    done = host.run("restore", "latest", "--confirm", NAME, "--identity-file", str(handed), "--forget-identity", "--json")
    assert done.status == 11 and not handed.exists() and notes(host) == "now"


def test_several_instances_are_never_restored_by_one_command(changed):
    changed.configure("two")
    done = changed.run("restore", "latest", "--all", "--confirm", NAME, "--json")
    assert (done.status, done.json["error_code"]) == (14, "several-instances") and notes(changed) == "now"


def test_a_rehearsal_keeps_no_backup_away_and_waits_for_none(changed):
    lock = importlib.import_module("openclaw_backup_engine.lock")
    held = lock.WriterLock(str(changed.results))
    try:
        assert changed.run("restore", "latest", "--dry-run").status == 0
        assert changed.run("restore", "latest", "--confirm", NAME).status == 15
    finally:
        held.release()
