# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is told what: one failure, one message, by every channel that is set; a dead channel breaks nothing and gives nothing away."""
from __future__ import annotations

import http.server
import importlib
import json
import os
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.fake_gateway import FakeGateway

SECRET = "c0ffee-secret-path"
ROLES = Path(__file__).resolve().parents[3] / "roles"
FAILURE = {
    "operation": "backup", "started": "2026-11-20T02:00:00Z", "ended": "2026-11-20T02:00:09Z", "exit_code": 12, "status": "failed",
    "error_code": "storage-unreachable", "msg": "The storage does not answer", "hint": "Check the network.", "snapshot": None,
    "failing_since": "2026-11-20T02:00:00Z", "last_success": "2026-11-19T02:00:00Z"}


@dataclass
class Web:
    """A server that writes down what it is asked. status: what it answers."""

    url: str = ""
    status: int = 200
    asked: list = field(default_factory=list)

    def bodies(self) -> list[dict]:
        return [json.loads(body) for _path, body in self.asked]

    def paths(self) -> list[str]:
        return [path for path, _body in self.asked]


@pytest.fixture(name="web")
def _web():
    web = Web()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            web.asked.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(web.status)
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    web.url = f"http://127.0.0.1:{server.server_port}/{SECRET}"
    yield web
    server.shutdown()
    server.server_close()


@pytest.fixture(name="told")
def _told(host, web):
    """A host that tells a webhook, and nobody else."""
    (host.directory / "hook").write_text(web.url + "\n")
    host.configure(notify={"openclaw_event": False, "webhook_url_file": str(host.directory / "hook")}, objectives={"max_age": "off"})
    return host


def record(host, **changes) -> None:
    """Leave a result as the tool would."""
    host.results.mkdir(parents=True, exist_ok=True)
    said = {**FAILURE, **changes}
    (host.results / f"last-{said['operation']}.json").write_text(json.dumps(said))


def succeed(host, status="complete", **changes) -> None:
    record(host, status=status, exit_code=0, error_code=None, msg="", hint="", failing_since=None, last_success="2026-11-21T02:00:00Z", **changes)


def test_a_failure_is_told_once_however_often_it_repeats_and_its_end_once(told, web):
    record(told)
    for _time in range(3):
        assert told.run("notify").status in (0, 4)
        record(told, ended="2026-11-20T03:00:00Z")
    assert [body["event"] for body in web.bodies()] == ["failed"]
    assert web.bodies()[0]["error_code"] == "storage-unreachable" and "Check the network" in web.bodies()[0]["text"]
    for _time in range(2):
        succeed(told)
        told.run("notify")
    assert [body["event"] for body in web.bodies()] == ["failed", "recovered"]
    record(told)
    told.run("notify")
    assert [body["event"] for body in web.bodies()][-1] == "failed", "a new failure is a new message"


def test_a_real_failure_of_the_tool_is_told(told, web):
    assert told.run("now").status != 0, "there is no repository yet"
    told.run("notify", "--unit", "openclaw-backup@one.service")
    assert web.bodies()[0]["instance"] == "one" and web.bodies()[0]["error_code"] == told.record("backup")["error_code"]


def test_each_operation_fails_by_itself(told, web):
    record(told)
    record(told, operation="prune")
    told.run("notify")
    succeed(told)
    told.run("notify")
    assert [(body["event"], body["operation"]) for body in web.bodies()] == [("failed", "backup"), ("failed", "prune"), ("recovered", "backup")]


def test_what_no_channel_took_is_told_later(told, web):
    web.status = 500
    record(told)
    done = told.run("notify", "--json")
    assert done.status == 0 and done.json["told"] == []
    web.status = 200
    told.run("notify", "--watch")
    told.run("notify", "--watch")
    assert [body["event"] for body in web.bodies()] == ["failed", "failed"]


def test_a_dead_channel_takes_nothing_from_the_others_and_its_address_is_not_shown(told, web):
    (told.directory / "dead").write_text(f"http://127.0.0.1:9/{SECRET}\n")
    log = told.directory / "log"
    told.configure(notify={
        "openclaw_event": True, "webhook_url_file": str(told.directory / "dead"), "heartbeat_url_file": str(told.directory / "dead"),
        "mail_to": ["root"], "command": ["/bin/sh", "-c", f"cat > {log}; echo $OPENCLAW_BACKUP_EVENT >> {log}"]}, objectives={"max_age": "off"})
    os.environ["OPENCLAW_BACKUP_SENDMAIL_PATH"] = str(told.directory)
    try:
        record(told)
        done = told.run("notify", "--unit", "openclaw-backup@one.service")
    finally:
        del os.environ["OPENCLAW_BACKUP_SENDMAIL_PATH"]
    assert done.status == 0
    assert log.read_text().endswith("failed\n") and json.loads(log.read_text().rpartition("}")[0] + "}")["instance"] == "one"
    for channel in ("heartbeat", "webhook", "mail", "openclaw_event"):
        assert f"Channel {channel} failed" in done.output, done.output
    assert SECRET not in done.output + done.error + (told.results / "notified.json").read_text()


@pytest.mark.parametrize("content", ["", "ftp://example.org/x", f"https://{SECRET} x", "file:///etc/passwd", "\x00"])
def test_what_is_no_address_is_not_asked(told, content):
    (told.directory / "hook").write_text(content)
    record(told)
    done = told.run("notify")
    assert done.status == 0 and "Channel webhook failed" in done.output and SECRET not in done.output


def test_heartbeats_are_sent_for_backups_only(told, web):
    told.configure(notify={"openclaw_event": False, "on_failure": False, "heartbeat_url_file": str(told.directory / "hook")})
    told.run("notify", "--unit", "openclaw-backup@one.service", "--start")
    succeed(told)
    told.run("notify", "--unit", "openclaw-backup@one.service")
    record(told)
    told.run("notify", "--unit", "openclaw-backup@one.service")
    record(told, operation="prune")
    told.run("notify", "--unit", "openclaw-backup-prune@one.service")
    told.run("notify", "--watch")
    assert web.paths() == [f"/{SECRET}/start", f"/{SECRET}", f"/{SECRET}/fail"]


def test_mail_goes_through_sendmail(told):
    sendmail = told.directory / "sendmail"
    sendmail.write_text(f"#!/bin/sh\necho \"$@\" > {told.directory}/arguments\ncat > {told.directory}/mail\n")
    sendmail.chmod(0o755)
    told.configure(notify={"openclaw_event": False, "mail_to": ["ops@example.org", "root"]}, objectives={"max_age": "off"})
    os.environ["OPENCLAW_BACKUP_SENDMAIL_PATH"] = str(told.directory)
    try:
        record(told, msg="first\nBcc: victim@example.org")
        told.run("notify")
    finally:
        del os.environ["OPENCLAW_BACKUP_SENDMAIL_PATH"]
    mail = (told.directory / "mail").read_text()
    head = mail.split("\n\n")[0]
    assert "To: ops@example.org, root" in head and "Subject: Backup of one FAILED" in head
    assert "Bcc" not in head and "storage-unreachable" in mail
    assert (told.directory / "arguments").read_text() == "-i -t\n"


def test_the_agent_itself_is_woken(host):
    gateway = FakeGateway(host.state.path)
    gateway.start()
    try:
        host.state.config(json.dumps({"gateway": {"port": gateway.port, "auth": {"mode": "token", "token": gateway.secret}}}))
        host.configure(objectives={"max_age": "off"})
        record(host)
        done = host.run("notify", "--json")
    finally:
        gateway.stop()
    woken = [parameters for method, parameters in gateway.calls if method == "wake"]
    assert done.json["told"] and woken, (done.output, gateway.calls)
    assert woken[0]["mode"] == "now" and "FAILED" in woken[0]["text"]


def test_a_backup_that_is_too_old_is_told_once_and_so_is_its_end(told, web):
    told.configure(notify={"openclaw_event": False, "webhook_url_file": str(told.directory / "hook")}, objectives={"max_age": "26h"})
    succeed(told)
    record(told, **{**json.loads((told.results / "last-backup.json").read_text()), "last_success": "2020-01-01T00:00:00Z"})
    told.run("notify", "--watch")
    told.run("notify", "--watch")
    assert [body["event"] for body in web.bodies()] == ["stale"]
    record(told, **{**json.loads((told.results / "last-backup.json").read_text()), "last_success": "2100-01-01T00:00:00Z"})
    told.run("notify", "--watch")
    assert [body["event"] for body in web.bodies()] == ["stale", "fresh"]


def test_a_failure_that_makes_it_old_is_one_message(told, web):
    told.configure(notify={"openclaw_event": False, "webhook_url_file": str(told.directory / "hook")}, objectives={"max_age": "26h"})
    record(told, last_success="2020-01-01T00:00:00Z")
    told.run("notify")
    told.run("notify", "--watch")
    assert [body["event"] for body in web.bodies()] == ["failed"]


def test_an_instance_that_was_never_backed_up_becomes_too_old(told, web):
    told.configure(notify={"openclaw_event": False, "webhook_url_file": str(told.directory / "hook")}, objectives={"max_age": "1h"})
    told.run("notify", "--watch")
    assert web.bodies() == []
    os.utime(told.results / "first-seen", (1e9, 1e9))
    told.run("notify", "--watch")
    assert [body["event"] for body in web.bodies()] == ["stale"]


def test_what_is_switched_off_is_not_too_old_and_tells_nobody(told, web):
    told.configure(enabled=False, notify={"openclaw_event": False, "webhook_url_file": str(told.directory / "hook")}, objectives={"max_age": "1h"})
    told.run("notify", "--watch")
    os.utime(told.results / "first-seen", (1e9, 1e9))
    told.run("notify", "--watch")
    told.configure(notify={"on_failure": False, "openclaw_event": False, "webhook_url_file": str(told.directory / "hook")})
    record(told)
    told.run("notify")
    assert web.bodies() == []


def test_omissions_are_told_once_until_a_backup_is_complete_again(told, web):
    for status in ("omissions", "omissions", "unchanged", "complete", "complete"):
        succeed(told, status)
        told.run("notify")
    assert [body["event"] for body in web.bodies()] == ["incomplete", "complete"]


@pytest.mark.parametrize("how", ["oom-kill", "signal", "timeout"])
def test_a_run_that_was_killed_is_a_failure_although_it_left_no_result(told, web, monkeypatch, how):
    succeed(told)
    monkeypatch.setenv("MONITOR_SERVICE_RESULT", how)
    told.run("notify", "--unit", "openclaw-backup@one.service")
    assert web.bodies()[0]["error_code"] == "killed"
    assert told.record("backup")["status"] == "failed" and told.record("backup")["last_success"] == "2026-11-21T02:00:00Z"


@pytest.mark.parametrize("template", ["schedule/templates/service.j2", "verify/templates/openclaw-backup-proof@.service.j2"])
def test_systemd_says_how_a_run_ended(told, template):
    """It says so only to a unit that one list of the run's unit starts: each list has a unit of its own to tell, and both are understood."""
    lists = re.findall(r"^(On\w+)=openclaw-backup-notify@(.+)\.service$", (ROLES / template).read_text(), re.M)
    assert [name for name, _unit in lists] == ["OnFailure", "OnSuccess"] and lists[0][1] != lists[1][1]
    succeed(told)
    for _name, unit in lists:
        assert told.run("notify", "--unit", unit.replace("%n", "openclaw-backup@one.service")).status == 4


def test_metrics_are_written_for_the_exporter(told):
    directory = told.directory / "textfile"
    directory.mkdir()
    told.configure(notify={"openclaw_event": False, "on_failure": False, "metrics_dir": str(directory)})
    record(told)
    told.run("notify")
    path = directory / "openclaw-backup-one.prom"
    assert 'openclaw_backup_host_failing{openclaw_instance="one",operation="backup"} 1' in path.read_text()
    assert 'openclaw_backup_host_last_exit_code{openclaw_instance="one",operation="backup"} 12' in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o644


def test_units_of_others_are_refused(told):
    assert told.run("notify", "--unit", "ssh.service").status == 14


def test_a_lost_memory_costs_one_message(told, web):
    record(told)
    told.run("notify")
    (told.results / "notified.json").write_text("{")
    told.run("notify")
    assert len(web.asked) == 2, str(told.run("notify"))


def test_instances_are_listed(host):
    host.configure("two", enabled=False)
    done = host.run("--all", "instances", "--json")
    assert [(one["instance"], one["enabled"], one["discovered"]) for one in done.json["instances"]] == [("one", True, False), ("two", False, False)]


def test_directories_with_live_databases_are_those_of_the_user_alone(host):
    """The config names a workspace that belongs to somebody else: a service must not be let write there for its sake."""
    own, foreign = host.directory / "own", host.directory / "foreign"
    for directory in (own, foreign):
        directory.mkdir()
    if os.geteuid() == 0:
        os.chown(foreign, 12345, -1)
    else:
        foreign = "/usr/share"
    (host.state.path / "openclaw.json").write_text(json.dumps({"agents": {
        "defaults": {"workspace": str(foreign)}, "entries": {"b": {"workspace": str(own)}, "c": {"workspace": str(host.state.path / "c")}}}}))
    (host.state.path / "c").mkdir()
    found = host.run("instances", "--json", "--instance", "one").json
    assert found["directories"] == sorted([str(own), str(host.state.path)])
    host.configure("gone", state_dir=str(host.directory / "nowhere"))
    assert host.run("instances", "--json", "--instance", "gone").json["directories"] == []


def test_next_runs_are_those_of_the_roles_units(tool):
    timers = importlib.import_module("openclaw_backup_tool.timers")
    from ansible_collections.openclaw_ops.backup.plugins.filter.timers import UNITS
    assert timers.UNITS == {operation: unit + "@{}.timer" for operation, unit in UNITS.items()}
