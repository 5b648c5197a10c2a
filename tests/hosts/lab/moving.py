# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moves of an agent between two hosts by the playbooks: its gateway, what writes to it all the time, and a watcher of both hosts."""
from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

from . import lifecycle, places
from .gateway import HostedGateway
from .host import Host
from .suites import find_suite

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


@contextlib.contextmanager
def two_hosts(lab, models, s3, directory: Path):
    """Both set up, the agent on the old one with a snapshot: a Move. In the end the watcher has its say: never did both gateways run."""
    old, new = lifecycle.bring_up(lab, {"moves-from": find_suite("debian12"), "moves-to": find_suite("debian13")})
    made = Move(old, new, models, s3, directory)
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
