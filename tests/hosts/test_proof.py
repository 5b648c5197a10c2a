# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real agent of one host is proven on another one, which alone has a key that reads; nothing is left there, and nothing leaves."""
from __future__ import annotations

import json
import runpy
import subprocess
import sys
import time
from pathlib import Path

import pytest

runpy.run_path(str(Path(__file__).resolve().parents[1] / "unit" / "conftest.py"))  # makes the collection importable

from ansible_collections.openclaw_ops.backup.plugins.filter.bucket_policy import bucket_policy  # noqa: E402
from hosts.lab import faults, places  # noqa: E402
from hosts.lab.host import Host  # noqa: E402

pytestmark = pytest.mark.long

PASSPHRASE = "a-restorer's-own-passphrase"
PLACES = "/run/openclaw-verify /var/lib/openclaw-backup/.places"


class Parties:
    """The host of an agent with a writer's key and its own credentials of the storage, and a staging host with a restorer's."""

    def __init__(self, gateway, staging: Host, s3, directory: Path) -> None:
        self.gateway, self.source, self.staging, self._directory = gateway, gateway.host, staging, directory
        url = f"s3://{s3.add_bucket()}/backups"
        self._storage = {"url": url, "endpoint": s3.endpoint, "addressing_style": "path", "access_key_id_file": "backup-id",
                         "secret_access_key_file": "backup-secret"}
        self._users = {party: s3.add_user_with(bucket_policy(url, party, "assistant")) for party in ("owner", "host", "restorer")}

    def play(self, playbook: str, host: Host, party: str, key: dict, status: int = 0, **variables) -> str:
        """Run a playbook of the collection with a party's credentials."""
        user = self._users[party]
        secrets = {"backup-id": user.key_id, "backup-secret": user.secret, **{name: value for name, value in key.items() if name != "_"}}
        given = self._directory / "variables.json"
        given.write_text(json.dumps({
            "openclaw_hosts": host.name, "openclaw_backup_storage": self._storage, "openclaw_backup_secrets": secrets,
            "openclaw_backup_encryption": {key["_"]: next(name for name in key if name != "_")},
            "openclaw_backup_instances": [{"name": "assistant", "user": "agent", "profile": "rescue"} if host is self.source else
                                          {"name": "assistant"}],
            "openclaw_backup_notify": {"openclaw_event": False}, **variables}))
        done = subprocess.run(
            [places.CHECKOUT / "tools" / "in-collection.sh", Path(sys.executable).parent / "ansible-playbook", "-i", host.lab.inventory,
             "-e", f"@{given}", f"openclaw_ops.backup.{playbook}"], capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == status, done.stdout[-6000:] + done.stderr[-2000:]
        return done.stdout + done.stderr

    def set_up(self) -> None:
        """The restorer makes the repository and gives the host what it needs to write."""
        restorer = {"_": "passphrase_file", "restorer-passphrase": PASSPHRASE}
        self.play("staging", self.staging, "owner", restorer)
        self.staging.inside("openclaw-backup", "init")
        self.staging.inside("openclaw-backup", "keys", "export-writer", "/root/writer.key")
        writer = self.staging.inside("cat", "/root/writer.key").stdout
        self.play("staging", self.staging, "restorer", restorer)
        self.play("site", self.source, "host", {"_": "writer_key_file", "writer-key": writer}, openclaw_backup_init=False)

    def back_up(self) -> str:
        done = self.source.inside("openclaw-backup", "now", "--force", "--json")
        return json.loads(done.stdout)["snapshot"]["id"]

    def prove(self, *arguments: str) -> dict:
        """Run a proof by hand; gives its JSON."""
        done = self.staging.inside("openclaw-backup", "verify", "--level", "boot", "--json", *arguments, check=False, timeout=900)
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def parties(gateways, debian13, s3, tmp_path_factory):
    made = Parties(gateways["rescue"], debian13, s3, tmp_path_factory.mktemp("proof"))
    made.set_up()
    yield made
    made.gateway.start()
    made.gateway.wait_until_ready()
    for host in (made.source, made.staging):
        made.play("uninstall", host, "owner", {"_": "passphrase_file", "restorer-passphrase": PASSPHRASE})


def left(host: Host) -> str:
    """What a proof left: places, mounts, units, processes."""
    found = host.inside("sh", "-c", f"ls -A {PLACES} 2>/dev/null | grep -v ':$'; mount | grep openclaw-verify; "
                        "systemctl list-units --all --no-legend 'openclaw-verify-*'; pgrep -fa 'openclaw[.-](mjs|gatewa)'", check=False).stdout
    return found.strip()


def wait_for(condition, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


def watch() -> str:
    """A shell line that follows the gateway in the sandbox and writes down what its namespace has and what has gone through it."""
    return ("for i in $(seq 2000); do p=$(systemctl show --value -p MainPID 'openclaw-verify-*-gateway.service' | head -1); "
            "if [ \"${p:-0}\" -gt 0 ]; then "
            "nsenter -t $p -n cat /proc/net/dev > /root/seen.new 2>/dev/null && mv /root/seen.new /root/seen.dev; "
            "nsenter -t $p -n ip -4 route > /root/seen.route 2>/dev/null; "
            "grep -E '^(Uid|CapEff|NoNewPrivs)' /proc/$p/status > /root/seen.new 2>/dev/null && mv /root/seen.new /root/seen.who; "
            "ls /proc/$p/root/ /proc/$p/root/etc > /root/seen.new 2>/dev/null && mv /root/seen.new /root/seen.tree; fi; sleep 0.3; done")


def test_a_real_agent_is_proven_on_another_host_and_nothing_leaves_or_is_left(parties, models):
    gateway, staging = parties.gateway, parties.staging
    gateway.command("agent", "--agent", "main", "--message", "remember the blue door", "--json", timeout=180)
    added = gateway.command("cron", "add", "--name", "due", "--cron", "* * * * *", "--agent", "main", "--message", "call home", "--json")
    snapshot = parties.back_up()
    job = json.loads(added.stdout)
    gateway.command("cron", "rm", (job.get("job") or job)["id"])
    gateway.stop()  # from here on only the copy could act
    turns = models.turns
    follower = subprocess.Popen(  # in the background of the staging host
        [sys.executable, "-c", "import sys; sys.path.insert(0, sys.argv[1])\nfrom hosts.lab.places import Lab\nfrom hosts.lab.host import Host\n"
         "Host.find(Lab.current(), sys.argv[2]).inside('sh', '-c', sys.argv[3], check=False, timeout=900)",
         str(places.CHECKOUT / "tests"), staging.name, watch()])
    try:
        output = parties.play("verify", staging, "restorer", {"_": "passphrase_file", "restorer-passphrase": PASSPHRASE})
    finally:
        follower.kill()
        staging.inside("pkill", "-f", "seen.new", check=False)
    assert "1 in all, 0 bad" in output
    assert left(staging) == ""
    record = json.loads(staging.inside("openclaw-backup", "status", "--json", check=False).stdout)["verified"]
    assert (record["snapshot"], record["level"], record["passed"], record["host"]) == (snapshot, "boot", True, staging.name)
    assert {check["name"] for check in record["checks"]} >= {"repository", "data", "databases", "content", "openclaw", "boot"}
    # What the namespace had, and what went through it.
    devices = [line.split(":")[0].strip() for line in staging.inside("cat", "/root/seen.dev").stdout.splitlines()[2:]]
    assert devices == ["lo"]
    assert staging.inside("cat", "/root/seen.route").stdout == ""
    who = staging.inside("cat", "/root/seen.who").stdout.split()
    assert int(who[1]) >= 1_900_000_000 and "0000000000000000" in who and who[-1] == "1"
    tree = staging.inside("cat", "/root/seen.tree").stdout.split()
    assert "openclaw-backup" not in tree and "credstore" not in tree and "shadow" not in tree
    assert models.turns == turns  # nobody was called, though the job was due and the model server is in the snapshot's config


def test_the_source_cannot_open_what_staging_opens(parties):
    done = parties.source.inside("openclaw-backup", "verify", "--level", "boot", "--json", check=False)
    assert json.loads(done.stdout)["error_code"] == "key-cannot-read"
    found = parties.source.inside("grep", "-rl", PASSPHRASE, "/etc", "/var/lib/openclaw-backup", "/usr/local", "/root", check=False).stdout
    assert found == ""


def test_a_kill_leaves_nothing_after_the_next_run_or_boot(parties):
    staging = parties.staging
    unit = "openclaw-backup-proof@assistant.service"
    staging.inside("systemctl", "start", "--no-block", unit)
    wait_for(lambda: "gateway" in staging.inside("systemctl", "list-units", "--no-legend", "openclaw-verify-*").stdout, 240, "no boot")
    assert left(staging)
    staging.inside("systemctl", "kill", "--signal=SIGKILL", unit)
    wait_for(lambda: left(staging) == "", 60, "what the kill left is still there")
    # The same with a place on the disk, and the power gone.
    staging.inside("mkdir", "-p", "-m", "0700", "/srv/proofs")
    staging.inside("systemd-run", "--unit=by-hand", "openclaw-backup", "verify", "--level", "boot", "--scratch", "/srv/proofs")
    wait_for(lambda: "openclaw.json" in staging.inside("find", "/srv/proofs", "-name", "openclaw.json").stdout, 240, "nothing was restored")
    staging.inside("sync")
    faults.power_cut(staging)
    faults.power_on(staging)
    wait_for(lambda: staging.inside("ls", "-A", "/srv/proofs").stdout == "" and left(staging) == "", 90, "the boot removed nothing")


def test_a_database_that_was_damaged_before_is_named_with_the_newest_good_snapshot(parties):
    source, state = parties.source, parties.gateway.state_dir
    good = parties.back_up()
    source.as_user("agent", "python3", "-c", (
        "import sqlite3; c = sqlite3.connect('/home/agent/damaged.sqlite'); c.execute('create table t (x)'); "
        "c.executemany('insert into t values (?)', [('x' * 100,)] * 5000); c.commit(); c.close(); "
        "f = open('/home/agent/damaged.sqlite', 'r+b'); f.seek(4096 * 3); f.write(b'\\xff' * 4000)"))
    source.as_user("agent", "cp", "/home/agent/damaged.sqlite", f"{state}/notes.sqlite")
    bad = parties.back_up()
    try:
        found = parties.prove()
        assert found["error_code"] == "verification-failed"
        assert f"Check databases of {bad} failed: {state}/notes.sqlite: it was so when it was captured" in found["msg"]
        assert good in found["hint"] and found["details"]["newest_good"] == good
        assert left(parties.staging) == ""
    finally:
        source.as_user("agent", "rm", "-f", f"{state}/notes.sqlite")
