# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An agent that is being written to all the time moves to another host and back. What was committed is there, never do both gateways
run, and a move that fails in the middle leaves the old one as it was.

One story in one test, since each gateway that starts costs ten seconds: set-up, rehearsal, move, a reboot of the old host, a second
play, the way back, a move that fails after the fence, and one from a host that is gone. A watcher looks on throughout.
"""
from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hosts.lab import faults, places
from hosts.lab.gateway import HostedGateway
from hosts.lab.host import Host

pytestmark = pytest.mark.long

INSTANCE = "assistant"
DOWN_AT_MOST = 120.0  # seconds: a gateway that starts on a slow machine, not one that waits for a copy
WRITER = """
import os, sqlite3, sys, time
base = sqlite3.connect(sys.argv[1], isolation_level=None)
base.execute("PRAGMA journal_mode=WAL")
base.execute("PRAGMA synchronous=FULL")
base.execute("CREATE TABLE IF NOT EXISTS said (n INTEGER PRIMARY KEY)")
said = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
n = base.execute("SELECT max(n) FROM said").fetchone()[0] or 0
while True:
    n += 1
    base.execute("INSERT INTO said VALUES (?)", (n,))
    os.pwrite(said, b"%20d" % n, 0)
    time.sleep(0.002)
"""
# It stops before the gateway does, and starts after it.
WRITER_UNIT = """
[Unit]
BindsTo={unit}
After={unit}
[Service]
ExecStart=/usr/bin/python3 /home/agent/writer.py {database} /home/agent/said
[Install]
WantedBy={unit}
"""
COUNT = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT count(*), max(n) FROM said').fetchone())"


class Watcher:
    """Looks at the processes of both hosts, without asking either, until it is stopped. both: moments in which both gateways ran."""

    def __init__(self, hosts: list[Host]) -> None:
        self._hosts, self._go_on = hosts, True
        self.looks, self.both, self.seen = 0, [], set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self._go_on:
            running = [host.name for host in self._hosts if self._runs(host)]
            self.looks += 1
            self.seen.update(running)
            if len(running) > 1:
                self.both.append(time.time())
            time.sleep(0.02)

    @staticmethod
    def _runs(host: Host) -> bool:
        """Whether anything is in the control group of its gateway's unit."""
        for path in host.cgroup.glob("machine/payload/user.slice/user-*.slice/user@*.service/app.slice/openclaw-gateway.service/cgroup.procs"):
            try:
                if path.read_text(encoding="ascii").strip():
                    return True
            except OSError:
                continue
        return False

    def stop(self) -> None:
        """No more looks."""
        self._go_on = False
        self._thread.join()


class Move:
    """Two hosts, the playbooks, and a gateway that may be on either."""

    def __init__(self, old: Host, new: Host, models, s3, directory: Path) -> None:
        self.old, self.new, self._directory = old, new, directory
        self.gateways = {host: HostedGateway(host, models=models.url) for host in (old, new)}
        user = s3.root
        variables = {
            "openclaw_backup_storage": {
                "url": f"s3://{s3.add_bucket()}/agents", "endpoint": s3.endpoint, "access_key_id_file": "key-id", "secret_access_key_file": "key"},
            "openclaw_backup_encryption": {"passphrase_file": "phrase"},
            "openclaw_backup_secrets": {"key-id": user.key_id, "key": user.secret, "phrase": "correct-horse-battery-staple"},
            "openclaw_backup_instances": [{"name": INSTANCE, "user": "agent"}],
            "openclaw_backup_schedule": {"backup": "1d", "prune": "off", "verify": "off"}}
        (directory / "inventory.json").write_text(json.dumps({"all": {"hosts": {old.name: variables, new.name: {
            "openclaw_backup_storage": variables["openclaw_backup_storage"], "openclaw_backup_init": False,
            "openclaw_backup_secrets": {"unrelated": "x"}}}}}))

    def play(self, playbook: str, works: bool = True, **variables) -> tuple[str, dict]:
        """Run a playbook; its output and its report."""
        report = self._directory / "report.json"
        report.unlink(missing_ok=True)
        given = {"openclaw_from": self.old.name, "openclaw_to": self.new.name, "openclaw_confirm": self.new.name,
                 "openclaw_report": str(report), "openclaw_hosts": f"{self.old.name},{self.new.name}", **variables}
        began = time.monotonic()
        done = subprocess.run(
            [places.CHECKOUT / "tools" / "in-collection.sh", Path(sys.executable).parent / "ansible-playbook", "-i", self.old.lab.inventory,
             "-i", self._directory / "inventory.json", "-e", json.dumps(given), f"openclaw_ops.backup.{playbook}"],
            capture_output=True, text=True, timeout=900, check=False)
        print(f"{playbook}: {time.monotonic() - began:.0f} s")
        assert (done.returncode == 0) is works, done.stdout[-9000:] + done.stderr[-2000:]
        made = json.loads(report.read_text()) if report.exists() else {}
        for line in done.stdout.splitlines()[-60:]:
            print("   ", line)
        return done.stdout, made

    def tool(self, host: Host, *arguments: str) -> dict:
        """The tool's report."""
        return json.loads(host.inside("openclaw-backup", "--json", "--instance", INSTANCE, *arguments, check=False, timeout=300).stdout)

    def database(self, host: Host) -> str:
        return f"{self.gateways[host].workspace}/said.sqlite"

    def committed(self, host: Host) -> int:
        """The last number of which the writer there was told that it is committed."""
        return int(host.inside("cat", "/home/agent/said").stdout)

    def rows(self, host: Host) -> tuple[int, int]:
        """How many rows there are, and the last one."""
        text = host.as_user("agent", "python3", "-c", COUNT, self.database(host)).stdout
        return tuple(int(word) for word in text.strip(" ()\n").split(","))

    def prepare(self, host: Host, state: bool) -> None:
        """Unit and writer; with state, a gateway that runs."""
        gateway = self.gateways[host]
        host.write("/home/agent/writer.py", WRITER, owner="agent")
        host.write("/home/agent/.config/systemd/user/writer.service", WRITER_UNIT.format(unit=gateway.unit, database=self.database(host)), "agent")
        if state:
            gateway.install()
            gateway.wait_until_ready()
            gateway.command("agent", "--agent", "main", "--message", "remember the blue door", "--json", timeout=180)
            gateway.systemctl("enable", "--now", "writer.service")
        else:
            gateway.install_unit()


@pytest.fixture
def move(spare_host, models, s3, tmp_path):
    made = Move(spare_host("debian12"), spare_host("debian13"), models, s3, tmp_path)
    made.prepare(made.old, state=True)
    made.prepare(made.new, state=False)
    watcher = Watcher([made.old, made.new])
    made.watcher = watcher
    yield made
    watcher.stop()


def test_an_agent_moves_and_comes_back(move):
    move.play("site")
    assert move.tool(move.old, "now")["status"] in ("complete", "omissions")
    a_rehearsal_leaves_nothing(move)
    it_moves(move)
    the_old_one_stays_down(move)
    the_way_back(move)
    a_move_that_fails_comes_back(move)
    from_a_host_that_is_gone(move)
    assert move.watcher.looks > 500 and move.watcher.seen == {move.old.name, move.new.name}
    assert not move.watcher.both, f"both gateways ran {len(move.watcher.both)} times"


def traces(host: Host) -> list[str]:
    """What a rehearsal could leave."""
    return host.inside(
        "sh", "-c", "ls -A /etc/openclaw-backup/instances /etc/credstore /etc/credstore.encrypted /var/lib/openclaw-backup /home/agent "
        "2>/dev/null; cat /etc/openclaw-backup/credentials.json").stdout.split()


def a_rehearsal_leaves_nothing(move) -> None:
    before, process = traces(move.new), move.gateways[move.old].process()
    _output, report = move.play("rehearse")
    assert report["outcome"] == "rehearsed" and len(report["rounds"]) >= 1 and report["rounds"][0]["bytes_read"] > 100_000
    assert not [one for one in report["problems"] if one["level"] == "error"]
    assert traces(move.new) == before and move.gateways[move.old].process() == process


def it_moves(move) -> None:
    output, report = move.play("migrate")
    assert report["outcome"] == "moved" and report["downtime_s"] < DOWN_AT_MOST
    print("measured:", report["downtime_s"], report["downtime_parts"], report["rounds"], report["last_backup"])
    assert "Downtime:" in output and report["versions"]["to"]["openclaw"] == report["versions"]["from"]["openclaw"]
    nothing_is_lost(move, move.old, move.new)
    assert move.tool(move.new, "now")["status"] in ("complete", "omissions", "unchanged")
    assert f"openclaw-backup@{INSTANCE}.timer" in move.new.inside("systemctl", "list-timers", "--all", "--no-pager").stdout
    assert not move.new.inside("sh", "-c", "ls -d /home/agent/.openclaw.prefetched* 2>/dev/null", check=False).stdout


def nothing_is_lost(move, source: Host, target: Host) -> None:
    """Every number that was committed is in the database over there, none is missing in between, and the session too."""
    committed, (count, last) = move.committed(source), move.rows(target)
    assert committed > 100 and last >= committed and count == last, (committed, count, last)
    gateway = move.gateways[target]
    assert gateway.probe("readyz")["ready"] and not move.gateways[source].process()
    assert "agent:main" in gateway.command("sessions", "--json", "--all-agents", "--limit", "all").stdout


def the_old_one_stays_down(move) -> None:
    gateway = move.gateways[move.old]
    faults.reboot(move.old)
    gateway.systemctl("start", gateway.unit, check=False)
    assert gateway.process() == 0 and move.gateways[move.new].process()
    scheduled = move.tool(move.old, "now", "--kind", "scheduled")
    assert scheduled["skipped"] and move.new.name in scheduled["msg"]
    assert move.play("migrate")[1]["outcome"] == "nothing-to-do"
    assert gateway.process() == 0


def the_way_back(move) -> None:
    before = move.committed(move.old)
    _output, report = move.play("migrate_rollback")
    print("measured:", report["downtime_s"])
    assert report["outcome"] == "taken-back" and report["downtime_s"] < DOWN_AT_MOST
    move.gateways[move.old].wait_until_ready()
    assert move.gateways[move.new].process() == 0
    assert move.rows(move.old)[1] >= before
    assert move.tool(move.old, "now", "--kind", "scheduled")["status"] != "failed"


def a_move_that_fails_comes_back(move) -> None:
    """The new gateway does not start, long after the old one was fenced."""
    gateway = move.gateways[move.new]
    broken = f"/home/agent/.config/systemd/user/{gateway.unit}.d/broken.conf"
    move.new.write(broken, "[Service]\nExecStart=\nExecStart=/bin/false\nRestart=no\n", "agent")
    gateway.systemctl("daemon-reload")
    output, report = move.play("migrate", works=False)
    assert report["outcome"] == "came-back" and report["failure"]["step"] == "restore and start", report
    assert "runs on" in output and report["failure"]["error_code"]
    move.gateways[move.old].wait_until_ready()
    assert gateway.process() == 0 and move.tool(move.old, "survey")["ground"]["fence"] is None
    assert move.tool(move.new, "survey")["ground"]["fence"]["moved_to"] == move.old.name
    move.new.inside("rm", broken)
    gateway.systemctl("daemon-reload")


def from_a_host_that_is_gone(move) -> None:
    faults.power_cut(move.old)
    _output, report = move.play("migrate", openclaw_source_gone=True, openclaw_instance=INSTANCE)
    assert report["outcome"] == "moved" and report["loss_window_s"] > 0
    move.gateways[move.new].wait_until_ready()
    assert move.rows(move.new)[0] > 100
