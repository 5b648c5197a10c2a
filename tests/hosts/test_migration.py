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

import pytest

from hosts.lab import faults, lifecycle
from hosts.lab.host import Host
from hosts.lab.moving import INSTANCE, two_hosts

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def move(lab, models, s3, tmp_path_factory):
    """The agent on the old host of two."""
    with two_hosts(lab, models, s3, tmp_path_factory.mktemp("move")) as made:
        yield made


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
