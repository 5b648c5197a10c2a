# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the playbook site sets up beside real gateways: nine agents in two profiles, a gateway at work, one with a state of 1 GB, and a
controller that dies while a gateway is stopped. All backups run as the role's units, in their sandbox."""
from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from hosts.lab import lifecycle, places
from hosts.lab.commands import LabError
from hosts.lab.fleet import Fleet, last_run, run_unit, tool
from support.openclaw.gateway import TOKEN

BESIDE = 1.0  # seconds: what a backup may add to the gateway's own drain, or to its stop and start
STOP_TIMEOUT, DEAD_MAN = 60, 20  # seconds
STARTS = 60.0  # seconds that a start may take on a slow machine
STATE_BYTES = 1_000_000_000
VARIABLES = {
    "openclaw_backup_storage": {"url": "file:///srv/fleet"}, "openclaw_backup_encryption": {"enabled": False},
    "openclaw_backup_schedule": {"backup": "off", "prune": "off", "verify": "off"}, "openclaw_backup_notify_on_failure": False,
    "openclaw_backup_gateway": {"stop_timeout": STOP_TIMEOUT, "dead_man_timeout": DEAD_MAN},
    "openclaw_backup_instances": [
        {"name": "default", "user": "agent", "consistency": "stop"}, {"name": "rescue", "user": "agent", "profile": "rescue"}]}
# A table of the agent's database for most of it, and files: what months of use leave, in half a minute.
GROW = """
import os, sqlite3, sys
database, directory, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
connection = sqlite3.connect(database, isolation_level=None)
for statement in ('PRAGMA synchronous = off', 'CREATE TABLE IF NOT EXISTS ballast (body TEXT)', 'BEGIN'):
    connection.execute(statement)
for _unused in range(int(size * 0.8) // 8192):
    connection.execute('INSERT INTO ballast VALUES (hex(randomblob(4096)))')
connection.execute('COMMIT')
connection.execute('PRAGMA wal_checkpoint(TRUNCATE)')
connection.close()
os.makedirs(directory, exist_ok=True)
for number in range(200):
    with open(os.path.join(directory, f'media-{number}'), 'wb') as stream:
        stream.write(os.urandom(int(size * 0.2) // 200))
"""


@pytest.fixture(scope="module")
def fleet(debian12, gateways, tmp_path_factory):
    """The host with both gateways, set up; nothing of that is left afterwards."""
    made = Fleet([debian12], tmp_path_factory.mktemp("fleet"), VARIABLES)
    output = made.play("site")
    for name, gateway in gateways.items():
        assert re.search(rf"{debian12.name}\s+{name}\s+ok .*{gateway.unit} is running, healthy", output), output[-3000:]
    yield made
    made.play("uninstall", openclaw_backup_remove_results=True)


def configure(host, instance: str, **settings) -> None:
    """Change settings of an instance."""
    path = f"/etc/openclaw-backup/instances/{instance}.json"
    found = json.loads(host.inside("cat", path).stdout)
    host.write(path, json.dumps({**found, **settings}), mode="0600")


def mark(name: str, agent: str) -> str:
    """What one agent of one instance has in its files and its conversation, and no other."""
    return f"mark[{name}.{agent}]"


def test_each_instance_has_its_own_data_and_nothing_of_the_others(fleet, gateways, debian12):
    for name, gateway in gateways.items():
        for agent in gateway.agents:
            debian12.write(f"{gateway.workspace_of(agent)}/memory/mark.md", mark(name, agent), owner="agent")
        talk(gateway, "-", *(f"{agent}={mark(name, agent)}" for agent in gateway.agents))
    fleet.play("backup")
    for name, gateway in gateways.items():
        assert last_run(debian12, name)["status"] in ("complete", "omissions"), last_run(debian12, name)
        target = f"/var/tmp/restored-{name}"
        assert tool(debian12, "restore", "latest", "--target", target, instance=name, check=False)["status"] in ("complete", "omissions")
        found = set(debian12.inside("grep", "-rohaE", r"mark\[[a-z]+\.[a-z]+\]", target).stdout.split())
        assert found == {mark(name, agent) for agent in gateway.agents}, name
        for agent in gateway.agents:
            for path in (f"{gateway.workspace_of(agent)}/memory/mark.md", f"{gateway.state_dir}/agents/{agent}/agent/openclaw-agent.sqlite"):
                assert debian12.inside("grep", "-qaF", mark(name, agent), f"{target}{path}", check=False).returncode == 0, path
        debian12.inside("rm", "-r", target)


def talk(gateway, stop: str, *turns: str) -> int:
    """Let agents have turns, see lab/talk.py; how many they had."""
    host = gateway.host
    host.write("/run/talk.py", (Path(places.__file__).with_name("talk.py")).read_text())
    done = host.inside("env", f"TOKEN={TOKEN}", "/opt/openclaw-backup/venv/bin/python", "/run/talk.py", "/usr/local/lib/openclaw-backup/openclaw-backup.pyz",
                       str(gateway.port), stop, *turns, timeout=900)
    return int(done.stdout.split()[-1])


def test_a_failure_wakes_the_agent_itself(fleet, gateways, models, debian12):
    """Its main session has a turn about it, as after `openclaw system event`."""
    configure(debian12, "default", consistency="live", notify={"on_failure": True})
    debian12.inside("mv", "/srv/fleet", "/srv/gone")
    try:
        run_unit(debian12, instance="default", works=False)
        lifecycle.wait(lambda: models.was_asked("Backup of default FAILED") or None, 120.0, "the agent heard of nothing")
    finally:
        debian12.inside("mv", "/srv/gone", "/srv/fleet")
        configure(debian12, "default", notify={"on_failure": False})


class Busy:
    """Keeps two agents of a gateway in turns all the time, each over a connection of its own, from before the first line on.
    turns: how many each had, in the end."""

    def __init__(self, gateway, models) -> None:
        self._host, self._models, self.turns, self._failures = gateway.host, models, {}, []
        self._threads = {agent: threading.Thread(target=self._talk, args=(gateway, agent), daemon=True) for agent in gateway.agents[:2]}

    def _talk(self, gateway, agent: str) -> None:
        try:
            self.turns[agent] = talk(gateway, "/run/enough", f"{agent}={self._words(agent)}")
        except LabError as exc:
            self._failures.append(exc)

    def _words(self, agent: str) -> str:
        return f"tell {agent} more about"

    def _all_begun(self) -> bool:
        return all(self._models.was_asked(self._words(agent)) for agent in self._threads)

    def __enter__(self):
        self._host.inside("rm", "-f", "/run/enough")
        for thread in self._threads.values():
            thread.start()
        lifecycle.wait(lambda: self._failures or self._all_begun() or None, 300.0, "the agents do not begin")
        return self

    def __exit__(self, *_exception) -> None:
        self._host.inside("touch", "/run/enough")
        for thread in self._threads.values():
            thread.join()
        assert not self._failures, self._failures


@pytest.mark.long
def test_a_gateway_with_1_gb_of_state(fleet, gateways, models, debian12):
    """At work and live, suspended, stopped: nothing in its log, the same process, and no more downtime than its own and a second."""
    gateway = gateways["default"]
    gateway.stop()
    database = f"{gateway.state_dir}/agents/main/agent/openclaw-agent.sqlite"
    debian12.write("/home/agent/grow.py", GROW, owner="agent")
    debian12.as_user("agent", "python3", "/home/agent/grow.py", database, f"{gateway.workspace}/media", str(STATE_BYTES), timeout=300)
    gateway.start()
    gateway.wait_until_ready()

    process, said = gateway.process(), len(gateway.journal())
    configure(debian12, "default", consistency="live")
    with Busy(gateway, models) as agents:
        run_unit(debian12, instance="default")
    assert len(agents.turns) == 2 and min(agents.turns.values()) > 0
    live = last_run(debian12, "default")
    assert live["snapshot"]["bytes"] >= STATE_BYTES and live["downtime_s"] == 0
    assert gateway.process() == process and "error" not in gateway.journal()[said:].lower()

    configure(debian12, "default", consistency="suspend", on_busy="fail")
    run_unit_forced(debian12)
    suspended = last_run(debian12, "default")
    assert suspended["consistency"] == "suspend" and suspended["downtime_s"] <= suspended["drain_s"] + BESIDE, suspended
    assert gateway.process() == process and "error" not in gateway.journal()[said:].lower()

    configure(debian12, "default", consistency="stop")
    run_unit_forced(debian12)
    stopped = last_run(debian12, "default")
    assert stopped["consistency"] == "stop" and stopped["downtime_s"] <= stopped["stop_s"] + stopped["start_s"] + BESIDE, stopped
    assert gateway.process() not in (0, process) and gateway.probe("readyz")["ready"]
    print("measured:", {name: {key: run[key] for key in ("downtime_s", "drain_s", "stop_s", "start_s")}
                        for name, run in (("live", live), ("suspend", suspended), ("stop", stopped))})


def run_unit_forced(host) -> None:
    """A run that makes a snapshot even though little has changed."""
    host.as_user("agent", "sh", "-c", "date +%N >> /home/agent/.openclaw/workspace/MEMORY.md")
    run_unit(host, instance="default")


def test_a_controller_that_dies_leaves_no_gateway_stopped(fleet, gateways, debian12, tmp_path):
    """ansible-playbook and all of its SSH are killed at once while the gateway is stopped."""
    gateway = gateways["default"]
    process, before = gateway.process(), last_run(debian12, "default")["started"]
    configure(debian12, "default", consistency="stop")
    environment = {**os.environ, "ANSIBLE_SSH_ARGS": "-o ControlMaster=no"}
    debian12.as_user("agent", "sh", "-c", "date >> /home/agent/.openclaw/workspace/MEMORY.md")
    controller = subprocess.Popen(
        [str(word) for word in fleet.command("backup", openclaw_instance="default")], env=environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lifecycle.wait(lambda: gateway.process() == 0 or None, 180.0, "the gateway was never stopped")
    os.killpg(controller.pid, signal.SIGKILL)
    killed = time.monotonic()
    controller.wait()
    lifecycle.wait(lambda: gateway.process() not in (0, process) or None, STOP_TIMEOUT + DEAD_MAN + STARTS, "the gateway was left stopped")
    assert time.monotonic() - killed <= STOP_TIMEOUT + DEAD_MAN + 1
    gateway.wait_until_ready()
    lifecycle.wait(lambda: last_run(debian12, "default")["started"] != before or None, 120.0, "the backup never ends")
    assert last_run(debian12, "default")["status"] in ("complete", "omissions"), "the host did not finish what the controller began"
