# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A snapshot is proven by bringing it back; each fault is found by the check that is meant for it; nothing is left behind."""
from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.proof import inside, place, prove
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.proof.model import CHECKS, ProofOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import records, verifications
from support.backup_host import BackupHost
from support.fake_host import database
from support.fake_staging import FakeStaging

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="what is restored is given to a user that nobody is, which takes root")
SESSIONS = "CREATE TABLE session_nodes (session_key TEXT, archived_at INTEGER, status TEXT, entry_json TEXT)"
ROWS = "INSERT INTO session_nodes VALUES ('a', NULL, 'done', '{}'), ('b', NULL, 'done', '{}'), ('old', 1, 'done', '{}')"


class Staging:
    """A host that was backed up, and a staging host for it."""

    def __init__(self, directory: Path, monkeypatch) -> None:
        self.host = BackupHost(directory)
        self.fake = FakeStaging(directory)
        self.fake.gateway.sessions = 2
        self.context = replace(self.host.context, run=self.fake.run)
        (directory / "scratch").mkdir()
        self.options = ProofOptions(str(directory / "places"), place=str(directory / "scratch"), programs=str(self.fake.install()))
        monkeypatch.setattr(inside, "open_connection", self.fake.connect)
        state = self.host.state
        self.host.configure(gateway={"mode": "local"}, meta={"lastTouchedVersion": "2026.9.6"})
        state.workspace()
        state.database_first()
        agent = state.path / "agents/main/agent/openclaw-agent.sqlite"
        agent.unlink()
        self.agent = database(agent, SESSIONS, ROWS)
        self.first = self.back_up()

    def back_up(self) -> str:
        return self.host.back_up(force=True)["snapshot"]["id"]

    def prove(self, **options) -> dict:
        """The result, of a failure too, which is then in "error"."""
        made = prove.plan(self.host.repository(), replace(self.options, **options), self.context)
        try:
            return prove.execute(made, self.context).to_dict()
        except EngineError as exc:
            return {**exc.details, "error": exc}

    def records(self, snapshot: str) -> list[dict]:
        """What was recorded about a snapshot, authenticated, oldest first."""
        repository, found = self.host.repository(), []
        for item in sorted(repository.storage.list("verifications/"), key=lambda item: item.name):
            if verifications.snapshot_of(item.name) == snapshot:
                fields, message = records.decode(repository.bundle, records.VERIFICATION, item.name, repository.storage.get(item.name))
                found.append({**fields, "message": message})
        return found

    def left(self) -> list[str]:
        """What lies in the places of proofs."""
        directories = (self.options.place, self.options.registry)
        return [name for directory in directories if os.path.isdir(directory) for name in os.listdir(directory)]


@pytest.fixture
def staging(tmp_path, monkeypatch):
    made = Staging(tmp_path, monkeypatch)
    yield made
    made.fake.gateway.stop()
    assert made.left() == []


def results(found: dict) -> dict[str, str]:
    return {check["name"]: check["result"] for check in found["checks"]}


def test_a_good_snapshot_passes_every_check_and_is_recorded(staging):
    found = staging.prove()
    assert found["ok"], found
    assert found["good"] and found["newest_good"] == staging.first
    assert [check["name"] for check in found["checks"]] == list(CHECKS)
    assert {name for name, result in results(found).items() if result != "passed"} == {"freshness"}  # no limit was given
    assert (found["agents"], found["sessions"], found["openclaw"]) == (1, 2, "2026.9.6")
    assert found["recovery_s"] > 0
    record = staging.records(staging.first)[-1]
    assert (record["level"], record["result"], record["openclaw"]) == ("boot", "passed", "2026.9.6")
    assert record["recovery_ms"] > 0 and record["host"] and record["checks"][0]["name"] == CHECKS[0]


def test_the_sandbox_has_no_network_no_rights_and_the_restored_tree_as_its_root(staging):
    staging.prove()
    booted = next(argv for argv in staging.fake.commands if argv[0] == "systemd-run" and "--wait" not in argv)
    for wanted in ("PrivateNetwork=yes", "NoNewPrivileges=yes", "PrivateDevices=yes", "RestrictNamespaces=yes", "LimitCORE=0",
                   "CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_SETPCAP", f"MemoryMax={3 << 30}"):
        assert f"--property={wanted}" in booted
    root = next(word for word in booted if word.startswith("--property=RootDirectory="))
    assert root.rpartition("=")[2].startswith(staging.options.place)
    assert "--bounding-set=-all" in booted and int(booted[booted.index("--reuid") + 1]) >= 1_900_000_000
    assert not [word for word in booted if "secret" in word]


def break_pack(staging) -> None:
    packs = sorted((staging.host.repository_directory / "packs").rglob("*"))
    next(path for path in packs if path.is_file()).unlink()


def flip_bit(staging) -> None:
    path = next(path for path in sorted((staging.host.repository_directory / "packs").rglob("*")) if path.is_file())
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)


def damage_database(staging) -> None:
    content = bytearray(staging.agent.read_bytes())
    content[4096 + 8:4096 + 100] = b"\xff" * 92
    staging.agent.write_bytes(content)
    staging.back_up()


def lose_agents_database(staging) -> None:
    for path in staging.agent.parent.glob("openclaw-agent.sqlite*"):
        path.unlink()
    (staging.agent.parent / "note.txt").write_text("an agent was here")
    staging.back_up()


def lose_an_agent(staging) -> None:
    """With all that it had: only the control database still knows that there was one."""
    shutil.rmtree(staging.agent.parent.parent)
    staging.back_up()


def break_config(staging) -> None:
    staging.fake.config = {"valid": False, "issues": [{"message": "gateway.bind: no such place"}]}


def die_at_boot(staging) -> None:
    staging.fake.dies, staging.fake.log = 78, "starting\n\x1b[31mError: the database\x1b[39m is from the future\nbye\n"


def forget_a_session(staging) -> None:
    staging.fake.gateway.sessions = 1


def forget_an_agent(staging) -> None:
    staging.fake.gateway.agents = ["another"]


FAULTS = {
    break_pack: ("repository", "it is not there"), flip_bit: ("data", ""), damage_database: ("databases", "when it was captured"),
    lose_agents_database: ("content", "of agent main"), lose_an_agent: ("content", "has no database of agent main"),
    break_config: ("openclaw", "gateway.bind: no such place"),
    die_at_boot: ("boot", "status 78): Error: the database is from the future"), forget_a_session: ("boot", "1 sessions"),
    forget_an_agent: ("boot", "main among them")}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_found_by_the_check_that_is_meant_for_it(staging, fault):
    check, words = FAULTS[fault]
    fault(staging)
    found = staging.prove(older=0)
    assert found["error"].code == "verification-failed"
    assert f"Check {check} of {found['snapshot']['id']} failed" in found["error"].message
    assert words in found["error"].message
    assert results(found)[check] == "failed"
    assert staging.records(found["snapshot"]["id"])[-1]["result"] == "failed"
    assert words in staging.records(found["snapshot"]["id"])[-1]["message"]


@pytest.mark.parametrize("status, deaths, good", [(1, 1, True), (1, 2, False), (78, 1, False)])
def test_a_gateway_is_started_once_more_where_its_own_service_would_do_so(staging, status, deaths, good):
    staging.fake.dies, staging.fake.times, staging.fake.log = status, deaths, "Gateway failed to start: too slow\n"
    found = staging.prove(older=0)
    assert found["ok"] is good
    assert [note for note in found["notes"] if "started twice: it ended while it started (status 1): Gateway failed" in note] or status == 78


def test_after_a_failure_older_snapshots_are_tried_and_the_newest_good_one_is_named(staging):
    damage_database(staging)
    newest = staging.back_up()
    found = staging.prove()
    assert found["error"].code == "verification-failed"
    assert found["newest_good"] == staging.first and staging.first in found["error"].hint
    assert [one["good"] for one in found["older"]] == [False, True]
    assert staging.records(newest)[-1]["result"] == "failed" and staging.records(staging.first)[-1]["result"] == "passed"


def test_what_keeps_older_snapshots_from_being_tried_hides_nothing(staging, monkeypatch):
    damage_database(staging)
    rooms = iter([1, 1 << 60])
    monkeypatch.setattr(prove, "room_for", lambda content: next(rooms))
    found = staging.prove()
    assert found["error"].code == "verification-failed" and "Check databases" in found["error"].message
    assert "could not be tried" in found["notes"][0] and found["newest_good"] is None


def test_of_snapshots_that_hold_a_part_the_newest_whole_one_is_proven(staging):
    part = staging.host.back_up(force=True, scope="config")["snapshot"]["id"]
    assert staging.prove()["snapshot"]["id"] == staging.first
    with pytest.raises(EngineError, match="holds only a part"):
        staging.prove(snapshot=part)


def test_a_snapshot_that_is_too_old_fails_and_stays_proven(staging):
    found = staging.prove(max_age=60, last_good=staging.host.repository().storage.now() - 3600)
    assert results(found)["freshness"] == "failed" and "1h old" in found["error"].message
    assert found["good"] and found["older"] == []
    assert staging.records(staging.first)[-1]["result"] == "passed"


NOT_RUN = {
    "place-too-small": lambda staging, monkeypatch: monkeypatch.setattr(place, "room_for", lambda content: 1 << 60) or monkeypatch.setattr(
        prove, "room_for", lambda content: 1 << 60),
    "openclaw-too-old": lambda staging, monkeypatch: setattr(staging.fake, "schema", 19),
    "openclaw-missing": lambda staging, monkeypatch: (
        setattr(staging, "options", replace(staging.options, programs="/nowhere")),
        monkeypatch.setattr("ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.proof.programs.COMMAND_DIRECTORIES", ()),
        setattr(staging, "context", replace(staging.context, environment={}))),
}


@pytest.mark.parametrize("code", NOT_RUN)
def test_a_proof_that_cannot_be_made_is_a_failure_with_a_record_and_no_word_about_the_snapshot(staging, monkeypatch, code):
    NOT_RUN[code](staging, monkeypatch)
    found = staging.prove()
    assert found["error"].code == code
    assert found["older"] == []
    record = staging.records(staging.first)[-1]
    assert (record["result"], record["error_code"]) == ("not-run", code)
    repository = staging.host.repository()
    assert verifications.newest_passed(repository.storage, repository.storage.list("verifications/"), [staging.first], repository.bundle) == []


def test_what_a_kill_left_is_removed_by_the_next_run(staging, monkeypatch):
    monkeypatch.setattr(place.Place, "remove", lambda self: os.close(self._descriptor))  # as if the process were gone
    staging.prove()
    assert len(staging.left()) == 2
    secret = [path for path in Path(staging.options.place).rglob("openclaw.json")]
    assert secret  # it lies there in plain
    monkeypatch.undo()
    monkeypatch.setattr(inside, "open_connection", staging.fake.connect)
    assert [Path(path).parent for path in place.sweep(staging.options.registry, staging.context)] == [Path(staging.options.place)]
    assert staging.left() == []


def test_an_entry_that_a_kill_kept_from_being_written_goes_once_it_is_old(staging):
    os.makedirs(staging.options.registry)
    entry = Path(staging.options.registry, "abc.json.new")
    entry.write_text("{")
    place.sweep(staging.options.registry, staging.context)
    assert entry.exists(), "somebody may be writing it"
    os.utime(entry, (0, 0))
    place.sweep(staging.options.registry, staging.context)
    assert not entry.exists()


def test_a_place_that_somebody_uses_is_left_alone(staging):
    used = place.Place(staging.options.place, staging.options.registry, 1, 0, staging.context)
    assert place.sweep(staging.options.registry, staging.context) == []
    assert os.path.isdir(used.path)
    used.remove()


@pytest.mark.parametrize("step", ["validate", "preflight", "--service-type=exec", "stop"])
def test_an_interruption_leaves_nothing(staging, step):
    staging.fake.die_at = step
    with pytest.raises(KeyboardInterrupt):
        try:
            staging.prove()
        finally:
            staging.fake.die_at = ""
            place.sweep(staging.options.registry, staging.context)
    assert staging.left() == []


STEPS = ("mkdir", "rename", "open", "unlink", "rmdir", "chown", "symlink", "fsync")


def prove_until(staging, step: int) -> int:
    """Let a process of its own prove, and be killed at its step-th change of the disk or command. The number of steps; 0 if it was killed."""
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        taken = itertools.count(1)

        def counted(function):
            def call(*arguments, **options):
                if next(taken) == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*arguments, **options)
            return call
        try:
            for name in STEPS:
                setattr(os, name, counted(getattr(os, name)))
            staging.context = replace(staging.context, run=counted(staging.fake.run))
            staging.prove()
            os.write(tell, str(next(taken) - 1).encode())
        finally:
            os._exit(0)
    os.close(tell)
    os.waitpid(child, 0)
    with open(told, encoding="ascii") as stream:
        return int(stream.read() or 0)


def test_a_kill_at_any_step_leaves_nothing_after_the_next_run(staging):
    in_plain = 0
    for step in itertools.count(1, 4):
        if prove_until(staging, step):
            break
        in_plain += any(Path(staging.options.place).rglob("openclaw.json"))
        place.sweep(staging.options.registry, staging.context)
        assert [name for name in staging.left() if not name.endswith(".new")] == [], step
        shutil.rmtree(staging.options.registry, ignore_errors=True)
    assert in_plain > 20, "nearly no kill came while there was something to remove"


@pytest.mark.parametrize("entry", [b"", b"{", b'{"path": "/etc", "id": "abc"}', b'{"path": "/etc/../abc", "id": 5}'])
def test_an_entry_that_was_not_written_whole_removes_nothing(staging, entry):
    os.makedirs(staging.options.registry, exist_ok=True)
    Path(staging.options.registry, "abc.json").write_bytes(entry)
    assert place.sweep(staging.options.registry, staging.context) == []


def test_a_link_in_the_state_leads_nowhere(staging, tmp_path):
    """A hostile state: links where the sandbox is made, and where SQLite would write its log."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (staging.host.state.path / "state" / "openclaw.sqlite-journal.x").symlink_to(victim)
    os.symlink(victim, staging.host.state.path / "workspace" / "passwd")
    staging.back_up()
    assert staging.prove()["ok"]
    assert victim.read_text() == "precious" and victim.stat().st_uid == 0


def test_the_environment_is_that_of_the_units_but_for_what_is_ours(staging):
    (staging.host.state.path / "gateway.systemd.env").write_text("LAB_KEY='it''s'\nOPENCLAW_GATEWAY_TOKEN=x\n")
    (staging.host.state.path / ".env").write_text('ANOTHER="a b"\nPATH=/evil\n')
    staging.back_up()
    seen = {}
    run = staging.fake.run

    def note(argv, timeout=60.0):
        for word in argv:
            if word.startswith("--property=EnvironmentFile="):
                seen["text"] = Path(word.rpartition("=")[2]).read_text()
        return run(argv, timeout)
    staging.context = replace(staging.context, run=note)
    assert staging.prove()["ok"]
    assert 'ANOTHER="a b"' in seen["text"] and "/evil" not in seen["text"] and "OPENCLAW_GATEWAY_TOKEN" not in seen["text"]
    assert 'OPENCLAW_SKIP_CHANNELS="1"' in seen["text"] and f'OPENCLAW_STATE_DIR="{staging.host.state.path}"' in seen["text"]


def test_json_of_a_result_is_json(staging):
    json.dumps(staging.prove())
    with sqlite3.connect(staging.agent) as connection:
        assert connection.execute("SELECT count(*) FROM session_nodes").fetchone()[0] == 3  # the original is as it was
