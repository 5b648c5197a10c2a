# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An agent that is being written to all the time moves to another host and back. What was committed is there, never do both gateways
run, and a move that fails in the middle leaves the old one as it was. A watcher looks on throughout.

One pair of hosts for all of it, since each gateway that starts costs ten seconds. Each test but the last leaves the agent on the old one.
"""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hosts.lab import faults, lifecycle, places
from hosts.lab.gateway import HostedGateway
from hosts.lab.host import Host
from hosts.lab.suites import find_suite

pytestmark = pytest.mark.long

INSTANCE = "assistant"
STARTS_AT_MOST = 3.0  # what a move may take without a gateway: so many times what one needs for its start on this machine
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
        self.old, self.new, self._directory, self._report, self.start_s = old, new, directory, directory / "report.json", 0.0
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

    def command(self, playbook: str, **variables) -> list:
        """The words that run a playbook."""
        given = {"openclaw_from": self.old.name, "openclaw_to": self.new.name, "openclaw_confirm": self.new.name,
                 "openclaw_report": str(self._report), "openclaw_hosts": f"{self.old.name},{self.new.name}", **variables}
        return [places.CHECKOUT / "tools" / "in-collection.sh", Path(sys.executable).parent / "ansible-playbook", "-i",
                self.old.lab.inventory, "-i", self._directory / "inventory.json", "-e", json.dumps(given), f"openclaw_ops.backup.{playbook}"]

    def play(self, playbook: str, works: bool = True, **variables) -> tuple[str, dict]:
        """Run a playbook; its output and its report."""
        self._report.unlink(missing_ok=True)
        began = time.monotonic()
        done = subprocess.run(self.command(playbook, **variables), capture_output=True, text=True, timeout=1800, check=False)
        print(f"{playbook}: {time.monotonic() - began:.0f} s", flush=True)
        assert (done.returncode == 0) is works, done.stdout[-9000:] + done.stderr[-2000:]
        made = json.loads(self._report.read_text()) if self._report.exists() else {}
        print("measured:", {name: made.get(name) for name in ("outcome", "downtime_s", "downtime_parts", "rounds", "failure")}, flush=True)
        return done.stdout, made

    def is_short(self, report: dict) -> bool:
        """Whether a move took no longer without a gateway than a few starts of one."""
        return report["downtime_s"] < STARTS_AT_MOST * self.start_s

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
            began = time.monotonic()
            gateway.install()
            gateway.wait_until_ready()
            self.start_s = time.monotonic() - began
            gateway.command("agent", "--agent", "main", "--message", "remember the blue door", "--json", timeout=180)
            gateway.systemctl("enable", "--now", "writer.service")
        else:
            gateway.install_unit()


@pytest.fixture(scope="module")
def move(lab, models, s3, tmp_path_factory):
    """Both hosts set up, the agent on the old one with a snapshot. In the end, the watcher has its say."""
    old, new = lifecycle.bring_up(lab, {"moves-from": find_suite("debian12"), "moves-to": find_suite("debian13")})
    made = Move(old, new, models, s3, tmp_path_factory.mktemp("move"))
    made.prepare(old, state=True)
    made.prepare(new, state=False)
    watcher = Watcher([old, new])
    try:
        made.play("site")
        assert made.tool(old, "now")["status"] in ("complete", "omissions")
        yield made
    finally:
        watcher.stop()
        lifecycle.remove(old)
        lifecycle.remove(new)
    print(f"a gateway starts within {made.start_s:.0f} s; {watcher.looks} looks at both")
    assert watcher.looks > 500 and old.name in watcher.seen
    assert not watcher.both, f"both gateways ran {len(watcher.both)} times"


def test_an_agent_moves_and_comes_back(move):
    output, report = move.play("migrate")
    assert report["outcome"] == "moved" and "Downtime:" in output
    assert report["versions"]["to"]["openclaw"] == report["versions"]["from"]["openclaw"]
    nothing_is_lost(move, move.old, move.new)
    assert move.tool(move.new, "now")["status"] in ("complete", "omissions", "unchanged")
    assert f"openclaw-backup@{INSTANCE}.timer" in move.new.inside("systemctl", "list-timers", "--all", "--no-pager").stdout
    assert not move.new.inside("sh", "-c", "ls -d /home/agent/.openclaw.prefetched* 2>/dev/null", check=False).stdout
    the_old_one_stays_down(move)
    the_way_back(move)
    assert move.is_short(report), (report["downtime_s"], report["downtime_parts"], move.start_s)


def nothing_is_lost(move, source: Host, target: Host) -> None:
    """Every number that was committed is in the database over there, none is missing in between, and the session too."""
    committed, (count, last) = move.committed(source), move.rows(target)
    print(f"committed: {committed}, there: {count}")
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
    assert report["outcome"] == "taken-back"
    move.gateways[move.old].wait_until_ready()
    assert move.gateways[move.new].process() == 0
    assert move.rows(move.old)[1] >= before
    assert move.tool(move.old, "now", "--kind", "scheduled")["status"] != "failed"
    assert move.is_short(report), (report["downtime_s"], report["downtime_parts"], move.start_s)


def traces(host: Host) -> list[str]:
    """What a rehearsal could leave."""
    return host.inside(
        "sh", "-c", "ls -A /etc/openclaw-backup/instances /etc/credstore /etc/credstore.encrypted /var/lib/openclaw-backup /home/agent "
        "2>/dev/null; cat /etc/openclaw-backup/credentials.json").stdout.split()


def test_a_rehearsal_leaves_nothing(move):
    before, process = traces(move.new), move.gateways[move.old].process()
    output, report = move.play("rehearse")
    assert report["outcome"] == "rehearsed" and len(report["rounds"]) >= 1 and report["rounds"][0]["bytes_read"] > 100_000
    assert report["staged_s"] > 0 and "and the staging took here" in output
    assert not [one for one in report["problems"] if one["level"] == "error"]
    assert traces(move.new) == before and move.gateways[move.old].process() == process


def test_a_rehearsal_finds_what_the_openclaw_there_would_refuse(move):
    """A config that only the new host's OpenClaw is asked about: the old gateway does not read it before its next start."""
    config = f"{move.gateways[move.old].state_dir}/openclaw.json"
    good, before = move.old.inside("cat", config).stdout, traces(move.new)
    move.old.write(config, json.dumps({**json.loads(good), "noSuchKey": True}), "agent", "0600")
    try:
        output, report = move.play("rehearse", works=False)
    finally:
        move.old.write(config, good, "agent", "0600")
    assert report["outcome"] == "impossible" and report["failure"]["error_code"] == "openclaw-refuses-state" and "noSuchKey" in output
    assert traces(move.new) == before and move.gateways[move.old].process()


def drop_in(move, host: Host, text: str) -> None:
    """Other settings for the gateway's unit there; "" takes them away."""
    gateway = move.gateways[host]
    path = f"/home/agent/.config/systemd/user/{gateway.unit}.d/broken.conf"
    if text:
        host.write(path, f"[Service]\n{text}\n", "agent")
    else:
        host.inside("rm", path)
    gateway.systemctl("daemon-reload")


def it_came_back(move, report: dict) -> None:
    """The old gateway runs and lacks nothing, and the new one is fenced."""
    assert report["outcome"] == "came-back" and report["failure"]["error_code"], report
    before = move.committed(move.old)
    move.gateways[move.old].wait_until_ready()
    assert move.rows(move.old)[1] >= before
    assert move.gateways[move.new].process() == 0 and move.tool(move.old, "survey")["ground"]["fence"] is None
    assert move.tool(move.new, "survey")["ground"]["fence"]["moved_to"] == move.old.name


def test_a_last_difference_that_fails_brings_the_old_one_back(move):
    """The state is out of reach from the stop of the gateway until its next start, as on a disk that lost its connection."""
    state = move.gateways[move.old].state_dir
    drop_in(move, move.old, f"ExecStopPost=/bin/mv {state} {state}.away\nExecStartPre=-/bin/mv {state}.away {state}")
    _output, report = move.play("migrate", works=False)
    drop_in(move, move.old, "")
    assert "back up what it left" in report["failure"]["step"]
    it_came_back(move, report)


def test_a_new_gateway_that_does_not_start_brings_the_old_one_back(move):
    drop_in(move, move.new, "ExecStart=\nExecStart=/bin/false\nRestart=no")
    output, report = move.play("migrate", works=False)
    drop_in(move, move.new, "")
    assert report["failure"]["step"] == "Restore it here, and start" and "runs on" in output
    it_came_back(move, report)


def test_a_controller_that_dies_after_the_fence_goes_on_with_the_same_play(move):
    process = subprocess.Popen(move.command("migrate"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    lifecycle.wait(lambda: move.old.inside("ls", f"{move.gateways[move.old].state_dir}.fenced.json", check=False).returncode == 0 or None,
                   1800.0, "the old gateway was not fenced")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _output, report = move.play("migrate")
    assert report["outcome"] == "moved"
    nothing_is_lost(move, move.old, move.new)


def test_from_a_host_that_is_gone(move):
    """The agent is on the new host, which is gone; the old one gets the newest snapshot."""
    if not move.gateways[move.new].process():
        move.play("migrate")
    stored = move.rows(move.new)[1]
    assert move.tool(move.new, "now", "--force")["status"] in ("complete", "omissions")
    faults.power_cut(move.new)
    output, report = move.play(
        "migrate", openclaw_from=move.new.name, openclaw_to=move.old.name, openclaw_confirm=move.old.name, openclaw_source_gone=True,
        openclaw_instance=INSTANCE)
    assert report["outcome"] == "moved" and report["loss_window_s"] > 0 and "Lost: what happened since snapshot" in output
    move.gateways[move.old].wait_until_ready()
    assert move.rows(move.old)[1] >= stored
