# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real agents of one host are proven on another one, which alone has a key that reads; nothing is left there, and nothing leaves.

The order matters: the agents are stopped by the first test, so that only their copies could act, and start again at the end.
"""
from __future__ import annotations

import json
import time

import pytest

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.report import page
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.status import fleet as storage_of_a_fleet
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.status.model import Objectives
from hosts.lab import faults, lifecycle
from hosts.lab.fleet import snapshots, tool
from hosts.lab.gateway import HostedGateway
from hosts.lab.host import Host
from hosts.lab.staging import PASSPHRASE, Parties

pytestmark = pytest.mark.long

CHECKS = {"repository", "data", "restore", "databases", "content", "openclaw", "boot"}
# Where a booted copy would be seen to act: addresses that it could reach.
MODELS, TELEGRAM = 18080, 18081
# As its gateway leaves them: a job that should have run an hour ago, and a message that waits.
PAST = """
import json, sqlite3, sys, time
database = sqlite3.connect(sys.argv[1])
database.create_function("octet_length", 1, lambda text: None if text is None else len(str(text).encode()))
now = round(time.time() * 1000)
due = json.dumps({"nextRunAtMs": now - 3_600_000, "lastRunAtMs": now - 90_000_000, "lastRunStatus": "ok"})
assert database.execute("UPDATE cron_jobs SET state_json = ? WHERE name = 'due'", (due,)).rowcount == 1
database.execute(
    "INSERT INTO delivery_queue_entries (queue_name, id, status, channel, target, entry_json, enqueued_at, updated_at) VALUES "
    "('outbound-prepared-v1', 'old', 'pending', 'telegram', '42', ?, ?, ?)", (json.dumps({"id": "old", "retryCount": 0}), now, now))
database.commit()
"""
DAMAGED = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("CREATE TABLE notes (words)")
database.executemany("INSERT INTO notes VALUES (?)", [("x" * 100,)] * 5000)
database.commit()
database.close()
with open(sys.argv[1], "r+b") as stream:
    stream.seek(4096 * 3)
    stream.write(b"\\xff" * 4000)
"""


def edit(host: Host, path: str, change) -> None:
    """Change a file of JSON on a host, and keep whose it is."""
    value = json.loads(host.inside("cat", path).stdout)
    change(value)
    host.inside("sh", "-c", f"cat > {path}", input=json.dumps(value))


def as_agent(gateway: HostedGateway, program: str, path: str) -> None:
    """Run some Python on a file of the state, as its owner."""
    gateway.host.as_user(gateway.user, "python3", "-", path, input=program)


@pytest.fixture(scope="module")
def parties(gateways, debian12, debian13, models, s3, tmp_path_factory):
    third = HostedGateway(debian12, profile="third", port=20789, models=models.url)
    third.install()
    third.wait_until_ready()
    for gateway in (*gateways.values(), third):
        for agent in gateway.agents or ("main",):  # who never spoke has none yet
            debian12.write(f"{gateway.workspace_of(agent)}/SOUL.md", "who I am\n", gateway.user)
    made = Parties({"assistant": gateways["rescue"], "desk": gateways["default"], "third": third}, debian13, s3,
                   tmp_path_factory.mktemp("proof"))
    made.set_up()
    yield made
    for gateway in gateways.values():
        gateway.start()
    for gateway in gateways.values():
        gateway.wait_until_ready()
    made.remove()


def give_a_past(gateway: HostedGateway) -> None:
    """What would act at once if it could: a model and a channel that it could reach, a job that is due, a message that waits."""
    def change(config: dict) -> None:
        config["models"]["providers"]["lab"]["baseUrl"] = f"http://127.0.0.1:{MODELS}/v1"
        config["channels"] = {"telegram": {"enabled": True, "botToken": "1:made-up", "apiRoot": f"http://127.0.0.1:{TELEGRAM}"}}
    edit(gateway.host, f"{gateway.state_dir}/openclaw.json", change)
    as_agent(gateway, PAST, f"{gateway.state_dir}/state/openclaw.sqlite")


def test_a_fleet_is_proven_on_another_host_and_nothing_leaves_or_is_left(parties):
    gateway = parties.gateways["third"]
    config = gateway.host.inside("cat", f"{gateway.state_dir}/openclaw.json").stdout
    gateway.command("agent", "--agent", "main", "--message", "remember the blue door", "--json", timeout=180)
    gateway.command("cron", "add", "--name", "due", "--cron", "0 * * * *", "--agent", "main", "--message", "call home", "--json")
    for one in parties.gateways.values():
        one.stop()  # from here on only the copies could act
    give_a_past(gateway)
    made = {name: parties.back_up(name) for name in parties.gateways}
    gateway.host.inside("sh", "-c", f"cat > {gateway.state_dir}/openclaw.json", input=config)
    parties.watch()
    output = parties.play_on_staging("verify")
    assert "3 in all, 0 bad" in output
    assert parties.left() == ""
    for name, snapshot in made.items():
        record = tool(parties.staging, "status", instance=name, check=False)["verified"]  # it backs up nothing, which is said, too
        assert (record["snapshot"], record["level"], record["passed"], record["host"]) == (snapshot, "boot", True, parties.staging.name)
        assert {check["name"] for check in record["checks"] if check["passed"]} >= CHECKS
        assert record["recovery_s"] > 0
        newest = snapshots(parties.staging, name)[-1]
        assert (newest["id"], newest["verified"]["level"], newest["verified"]["passed"]) == (snapshot, "boot", True)
    look_at_the_page(parties)
    look_at_the_sandboxes(parties.seen())


def look_at_the_page(parties) -> None:
    """Whoever may only monitor sees that all could be brought back today."""
    found = storage_of_a_fleet.look(parties.storage("monitor"), Context(), Objectives())
    assert {one.instance: one.recoverable for one in found.instances} == dict.fromkeys(parties.gateways, True)
    shown = page.page(found, "Proven")
    assert "3 instances could be brought back today" in shown and shown.count("back in ") >= 3


def look_at_the_sandboxes(seen: list[dict]) -> None:
    """What the sandboxes had, and what went through them."""
    gateways = [one for one in seen if one["unit"].endswith("-gateway.service")]
    assert len(gateways) == 3
    for one in seen:
        assert (one["devices"], one["routes"]) == (["lo"], [])
        assert {packet["to"] for packet in one["packets"]} <= {"127.0.0.1", "::1"}
        assert not {packet["port"] for packet in one["packets"]} & {MODELS, TELEGRAM}, "it acts on the past"
    for one in gateways:
        assert {packet["port"] for packet in one["packets"]} >= {18789}, "the watcher sees nothing"
        assert int(one["who"]["Uid"].split()[0]) >= 1_900_000_000 and len(set(one["who"]["Uid"].split())) == 1
        assert (int(one["who"]["CapEff"], 16), int(one["who"]["CapBnd"], 16), one["who"]["NoNewPrivs"]) == (0, 0, "1")
        assert not {"openclaw-backup", "credstore", "credstore.encrypted", "shadow"} & set(one["tree"])


def test_the_source_cannot_open_what_staging_opens(parties):
    found = tool(parties.source, "verify", "--level", "boot", instance="third", check=False)
    assert found["error_code"] == "key-cannot-read"
    there = parties.source.inside("grep", "-rl", PASSPHRASE, "/etc", "/var/lib/openclaw-backup", "/usr/local", "/root", check=False).stdout
    assert there == ""


def test_a_gateway_that_ends_while_it_starts_is_started_once_more(parties):
    """As its own service would do it."""
    staging, unit = parties.staging, "'openclaw-verify-*-gateway.service'"
    staging.inside("systemd-run", "--unit=by-hand", "--collect", "sh", "-c",
                   "openclaw-backup verify --level boot --json --instance third > /root/proof.new; mv /root/proof.new /root/proof")
    staging.inside("sh", "-c", f"until systemctl is-active -q {unit}; do sleep 0.2; done; systemctl kill --signal=SIGKILL {unit}", timeout=400)
    found = json.loads(lifecycle.wait(lambda: staging.inside("cat", "/root/proof", check=False).stdout or None, 400.0, "no result"))
    assert found["ok"], found["msg"]
    assert any("started twice: it ended while it started (signal 9)" in note for note in found["notes"]), found["notes"]
    assert parties.left() == ""


def lose_a_pack(parties) -> None:
    parties.lose(parties.packs("third")[-1])


def flip_a_bit(parties) -> None:
    parties.flip(parties.packs("third")[-1])


def damage_a_database(parties) -> None:
    gateway = parties.gateways["third"]
    as_agent(gateway, DAMAGED, f"{gateway.state_dir}/notes.sqlite")


def lose_an_agents_database(parties) -> None:
    gateway = parties.gateways["third"]
    gateway.host.inside("sh", "-c", f"rm {gateway.state_dir}/agents/main/agent/openclaw-agent.sqlite*")


def break_the_config(parties) -> None:
    gateway = parties.gateways["third"]
    edit(gateway.host, f"{gateway.state_dir}/openclaw.json", lambda config: config["gateway"].update(bind="nowhere"))


def come_from_the_future(parties) -> None:
    gateway = parties.gateways["third"]
    as_agent(gateway, "import sqlite3, sys\nsqlite3.connect(sys.argv[1]).execute('PRAGMA user_version = 999')",
             f"{gateway.state_dir}/state/openclaw.sqlite")


def die_at_boot(parties) -> None:
    gateway = parties.gateways["third"]
    edit(gateway.host, f"{gateway.state_dir}/openclaw.json", lambda config: config["gateway"].update(mode="remote"))


# Which check finds it, which code it has, and what is said about it.
FAULTS = {
    damage_a_database: ("databases", "verification-failed", "notes.sqlite: it was so when it was captured"),
    lose_an_agents_database: ("content", "verification-failed", "of agent main"),
    break_the_config: ("openclaw", "verification-failed", "OpenClaw finds it invalid"),
    come_from_the_future: ("openclaw", "openclaw-too-old", "is too old for"),
    die_at_boot: ("boot", "verification-failed", "it ended while it started"),
    flip_a_bit: ("data", "verification-failed", ""),
    lose_a_pack: ("repository", "verification-failed", "it is not there"),
}
IN_THE_STORAGE = (flip_a_bit, lose_a_pack)


@pytest.fixture(scope="module")
def good(parties):
    """A good snapshot of the third agent, and its state, which is put back after each fault."""
    gateway = parties.gateways["third"]
    gateway.host.inside("cp", "-a", gateway.state_dir, "/root/good")
    return parties.back_up("third")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_found_by_the_check_that_is_meant_for_it(parties, good, fault):
    check, code, words = FAULTS[fault]
    gateway = parties.gateways["third"]
    if fault in IN_THE_STORAGE:
        gateway.host.write(f"{gateway.state_dir}/note.txt", str(time.time()), gateway.user)
        snapshot = parties.back_up("third")
        fault(parties)
    else:
        fault(parties)
        snapshot = parties.back_up("third")
        gateway.host.inside("sh", "-c", f"rm -r {gateway.state_dir} && cp -a /root/good {gateway.state_dir}")
    found = parties.prove("third", "--older", "1" if fault is damage_a_database else "0")
    assert (found["error_code"], found["details"]["snapshot"]["id"]) == (code, snapshot), found["msg"]
    assert words in found["msg"]
    assert {one["name"]: one["result"] for one in found["details"]["checks"]}[check] == "failed", found["msg"]
    if fault is damage_a_database:
        assert good in found["hint"] and found["details"]["newest_good"] == good
    assert parties.left() == ""


def test_a_host_that_stopped_backing_up_and_a_staging_host_that_is_full_are_told(parties, good):
    staging = parties.staging
    staging.inside("mkdir", "-p", "-m", "0700", "/srv/small")
    staging.inside("mount", "-t", "tmpfs", "-o", "size=100m", "small", "/srv/small")
    found = parties.prove("third", good, "--scratch", "/srv/small")
    assert found["error_code"] == "place-too-small" and "/srv/small has" in found["msg"]
    staging.inside("umount", "/srv/small")
    edit(staging, "/etc/openclaw-backup/instances/assistant.json", lambda config: config["objectives"].update(max_age="1s"))
    found = parties.prove("assistant")
    assert found["error_code"] == "verification-failed" and "the last good backup is" in found["msg"]
    assert found["details"]["good"] and "See why backups have stopped" in found["hint"]
    assert parties.left() == ""


def test_a_kill_leaves_nothing_after_the_next_run_or_boot(parties, good):
    """The timer's own run is killed; then the power goes while a place lies on the disk."""
    staging, unit = parties.staging, "openclaw-backup-proof@desk"
    timers = staging.inside("systemctl", "list-timers", "--all", "--no-pager").stdout
    assert all(f"openclaw-backup-proof@{name}.timer" in timers for name in parties.gateways)
    staging.write(f"/etc/systemd/system/{unit}.timer.d/soon.conf", "[Timer]\nOnCalendar=\nOnCalendar=*:*:0/2\nRandomizedDelaySec=0\n")
    staging.inside("systemctl", "daemon-reload")
    staging.inside("systemctl", "restart", f"{unit}.timer")
    lifecycle.wait(lambda: "gateway" in staging.inside("systemctl", "list-units", "--no-legend", "openclaw-verify-*").stdout or None,
                   400.0, "no boot by the timer")
    staging.inside("systemctl", "stop", f"{unit}.timer")
    assert parties.left()
    staging.inside("systemctl", "kill", "--signal=SIGKILL", f"{unit}.service")
    lifecycle.wait(lambda: parties.left() == "" or None, 90.0, "what the kill left is still there")
    lifecycle.wait(lambda: "killed" in staging.inside("cat", "/var/lib/openclaw-backup/desk/last-verify.json").stdout or None, 60.0,
                   "nobody was told of the kill")
    staging.inside("mkdir", "-p", "-m", "0700", "/srv/proofs")
    staging.inside("systemd-run", "--unit=by-hand", "openclaw-backup", "verify", good, "--level", "boot", "--scratch", "/srv/proofs",
                   "--instance", "third")
    lifecycle.wait(lambda: "openclaw.json" in staging.inside("find", "/srv/proofs", "-name", "openclaw.json").stdout or None, 400.0,
                   "nothing was restored")
    staging.inside("sync")
    faults.power_cut(staging)
    faults.power_on(staging)
    lifecycle.wait(lambda: staging.inside("ls", "-A", "/srv/proofs").stdout + parties.left() == "" or None, 120.0, "the boot removed nothing")
