# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks on two real hosts over SSH: set up once, then timers back up by themselves, and failures are told once.

The first host has a directory as its storage. The second one has a bucket, credentials that only create, and a writer key.
The tests share both hosts and go in this order; each leaves them whole.
"""
from __future__ import annotations

import contextlib
import json
import re
import sys
from pathlib import Path

import botocore.exceptions
import pytest
from ansible_collections.openclaw_ops.backup.plugins.filter.bucket_policy import bucket_policy

from hosts.lab import faults, lifecycle, places, secrets
from hosts.lab.commands import run
from hosts.lab.fleet import Fleet, last_run, run_unit, snapshots, tool
from hosts.lab.host import Host
from hosts.lab.suites import find_suite

SAMPLE = places.CHECKOUT / "playbooks" / "files" / "sample_state.py"
TOLD = "/var/lib/openclaw-backup/told"
AGENT = "/home/agent/.openclaw"
PASSPHRASE = "correct-horse-battery-staple"
VARIABLES = {
    **{f"openclaw_backup_{name}": f"{{{{ test_hosts[inventory_hostname].{name} }}}}" for name in ("storage", "encryption", "secrets", "schedule")},
    "openclaw_backup_instances": [{"name": "assistant", "user": "agent"}],
    "openclaw_backup_notify": {"command": ["/usr/local/bin/tell"]},
}
SCHEDULE = {"backup": "1d", "prune": "1d", "verify": "off", "randomized_delay": "1s"}
OTHER_ROLES = "/etc/systemd/system/openclaw-backup-proof@assistant.timer"  # as role verify makes one
LARGE, PACK = 128 << 20, 17 << 20  # bytes: of a file whose packs are not all under way at once, and of what a power cut may cost
# Each line tries something that a service must not be able to do, or must be able to, and says whether it could.
PROBE = """\
#!/bin/sh
try() { name=$1; shift; if "$@" > /dev/null 2>&1; then echo "$name"; fi; }
try home        touch /home/deploy/probe
try agent-home  touch /home/agent/probe
try root-home   touch /root/probe
try system      touch /etc/probe
try crontabs    touch /var/spool/probe
try outside     ls /proc/1/root/
try systemd     systemctl list-units
try root-unit   systemd-run --quiet --wait true
try state       touch /home/agent/.openclaw/probe
try reads       cat /home/deploy/.ssh/authorized_keys
rm -f /home/deploy/probe /home/agent/probe /root/probe /etc/probe /var/spool/probe /home/agent/.openclaw/probe
"""
WITHOUT_SANDBOX = "home agent-home root-home system crontabs outside systemd root-unit state reads".split()


class Bucket:
    """The second host's storage: made by its owner, who gives the host a writer key and credentials that only create."""

    def __init__(self, s3, directory: Path) -> None:
        self.s3, self.name = s3, s3.add_bucket()
        s3.client().put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": "Enabled"})
        self.url = f"s3://{self.name}/prod"
        owner = s3.add_user_with(bucket_policy(self.url, "owner"))
        self.host = s3.add_user_with(bucket_policy(self.url, "host", "assistant"))
        for name, text in (("id", owner.key_id), ("secret", owner.secret), ("passphrase", PASSPHRASE)):
            (directory / name).write_text(text)
        arguments = {
            "instance": "assistant", "encryption": {"passphrase_file": str(directory / "passphrase")},
            "writer_key_dest": str(directory / "writer"), "cache_dir": str(directory / "cache"), "storage": {
                "url": self.url, "endpoint": s3.endpoint, "access_key_id_file": str(directory / "id"),
                "secret_access_key_file": str(directory / "secret")}}
        run(places.CHECKOUT / "tools" / "in-collection.sh", Path(sys.executable).parent / "ansible", "localhost", "-e",
            f"ansible_python_interpreter={sys.executable}", "-m", "openclaw_ops.backup.openclaw_repository", "-a", json.dumps(arguments), timeout=120)
        self.writer = (directory / "writer").read_text()

    def variables(self) -> dict:
        """What the playbooks are told of this host. It cannot delete, so it cannot prune."""
        return {
            "storage": {"url": self.url, "endpoint": self.s3.endpoint, "access_key_id_file": "storage-id", "secret_access_key_file": "storage-secret"},
            "encryption": {"writer_key_file": "writer-key"}, "schedule": {**SCHEDULE, "prune": "off"},
            "secrets": {"storage-id": self.host.key_id, "storage-secret": self.host.secret, "writer-key": self.writer}}

    def objects(self, kind: str = "packs") -> dict[str, int]:
        """Sizes by name."""
        found = self.s3.client().list_objects_v2(Bucket=self.name, Prefix=f"prod/assistant/{kind}/").get("Contents", [])
        return {item["Key"]: item["Size"] for item in found}


@pytest.fixture(scope="module")
def bucket(s3, tmp_path_factory):
    return Bucket(s3, tmp_path_factory.mktemp("bucket"))


@pytest.fixture(scope="module")
def bare(lab, bucket, tmp_path_factory):
    """Two hosts on which OpenClaw has left some state and nobody has set anything up."""
    hosts = lifecycle.bring_up(lab, {f"{system}-fleet": find_suite(system) for system in ("debian12", "debian13")})
    for host in hosts:
        host.write("/home/agent/sample_state.py", SAMPLE.read_text(), owner="agent")
        host.as_user("agent", "python3", "/home/agent/sample_state.py", AGENT)
        host.write("/usr/local/bin/tell", f'#!/bin/sh\necho "$OPENCLAW_BACKUP_EVENT" >> {TOLD}\n', mode="0755")
    directory = {
        "storage": {"url": "file:///srv/backups"}, "encryption": {"passphrase_file": "openclaw-backup-passphrase"}, "schedule": SCHEDULE,
        "secrets": {"openclaw-backup-passphrase": PASSPHRASE}}
    yield Fleet(hosts, tmp_path_factory.mktemp("fleet"), {**VARIABLES, "test_hosts": {hosts[0].name: directory, hosts[1].name: bucket.variables()}})
    for host in hosts:
        lifecycle.remove(host)


@pytest.fixture(scope="module")
def fleet(bare):
    """The same hosts, set up. said: what the playbook said, with all its details."""
    bare.said = bare.play("site", "-vvv")
    return bare


@pytest.fixture(params=[0, 1], ids=["debian12", "debian13"])
def host(fleet, request) -> Host:
    """Each host in turn."""
    return fleet.hosts[request.param]


@pytest.fixture
def hidden(bucket) -> list[str]:
    """Every secret that a host has."""
    return [PASSPHRASE, bucket.host.secret, max(bucket.writer.splitlines(), key=len)]


def test_a_rehearsal_tells_what_it_would_do_and_changes_nothing(bare):
    assert min(bare.changes(bare.play("site", "--check", "--diff"))) > 8
    for host in bare.hosts:
        made = "ls -d /etc/openclaw-backup /opt/openclaw-backup /etc/systemd/system/openclaw-backup* 2>/dev/null"
        assert host.inside("sh", "-c", made, check=False).stdout == ""


def test_hosts_are_set_up_once(fleet, hidden):
    assert min(fleet.changes(fleet.said)) > 8
    assert not [secret for secret in hidden if secret in fleet.said]
    for host in fleet.hosts:
        host.write(OTHER_ROLES, "[Timer]\nOnCalendar=monthly\n")
    again = fleet.play("site")
    assert fleet.changes(again) == [0, 0]
    assert all(re.search(rf"{host.name}\s+assistant\s+ok .*gateway", again) for host in fleet.hosts), again[-3000:]
    for host in fleet.hosts:
        host.inside("rm", OTHER_ROLES)  # fails where the playbook took it


def test_a_backup_of_all(fleet, hidden):
    output = fleet.play(str(places.CHECKOUT / "docs/examples/fleet/backup.yml"), "-vvv", openclaw_note="by hand")
    assert all(re.search(rf"{host.name}\s+assistant\s+ok", output) for host in fleet.hosts), output[-3000:]
    assert not [secret for secret in hidden if secret in output]
    assert all(snapshots(host)[-1]["kind"] == "manual" for host in fleet.hosts)


def test_the_unit_of_the_timer_backs_up_and_shows_no_secret(host, hidden):
    """In its sandbox, with the credential that systemd hands it."""
    assert "openclaw-backup@assistant.timer" in host.inside("systemctl", "list-timers", "--all", "--no-pager").stdout
    remember(host, "the first")
    with secrets.watched_processes(host) as seen:
        run_unit(host)
        run_unit(host, "-verify")
    assert snapshots(host)[-1]["kind"] == "scheduled"
    assert any("openclaw-backup.pyz" in text for text in seen) and not [text for text in seen for secret in hidden if secret in text]
    assert secrets.found(host, hidden) == []


def remember(host: Host, text: str) -> None:
    host.as_user("agent", "sh", "-c", f"echo {text} >> {AGENT}/workspace/MEMORY.md")


def test_the_sandbox_holds(host):
    """A program in the place of the tool can do what a backup needs, and nothing else that root can."""
    host.write("/usr/local/bin/probe", PROBE, mode="0755")
    assert host.inside("/usr/local/bin/probe").stdout.split() == WITHOUT_SANDBOX, "the probe proves nothing"
    instead = "[Unit]\nOnFailure=\nOnSuccess=\n[Service]\nExecStartPre=\nExecStart=\nExecStart=/usr/local/bin/probe\n"
    for unit, allowed in (("openclaw-backup@", ["state", "reads"]), ("openclaw-backup-verify@", ["reads"])):
        host.write(f"/etc/systemd/system/{unit}probe.service.d/probe.conf", instead)
        host.inside("systemctl", "daemon-reload")
        host.inside("systemctl", "start", f"{unit}probe.service")
        said = host.inside("journalctl", "--no-pager", "--output=cat", "-t", "probe", "-u", f"{unit}probe.service").stdout.split()
        assert said == allowed, (unit, said)
        host.inside("rm", "-r", f"/etc/systemd/system/{unit}probe.service.d")
    host.inside("systemctl", "daemon-reload")
    shown = host.inside("systemctl", "show", "openclaw-backup@assistant.service", "--property=MemoryMax,TasksMax,CPUWeight,Nice").stdout.split()
    assert sorted(shown) == ["CPUWeight=20", "MemoryMax=1073741824", "Nice=10", "TasksMax=256"]


@contextlib.contextmanager
def storage_gone(host: Host, _bucket=None):
    host.inside("mv", "/srv/backups", "/srv/gone")
    try:
        yield
    finally:
        host.inside("mv", "/srv/gone", "/srv/backups")


@contextlib.contextmanager
def disk_full(host: Host, _bucket=None):
    """A file system that has room for what is there, and for nothing else."""
    script = """
        mkdir /srv/small && mount -t tmpfs -o size=$(($(du -sk /srv/backups | cut -f1) + 1024))k tmpfs /srv/small && cp -a /srv/backups/. /srv/small/
        dd if=/dev/zero of=/srv/small/filler bs=4k status=none; mount --bind /srv/small /srv/backups"""
    host.inside("sh", "-c", script, check=False)
    host.as_user("agent", "sh", "-c", f"head -c 3000000 /dev/urandom > {AGENT}/workspace/picture")
    try:
        yield
    finally:
        host.inside("sh", "-c", "umount /srv/backups && umount /srv/small && rmdir /srv/small")


@contextlib.contextmanager
def state_missing(host: Host, _bucket=None):
    host.inside("mv", AGENT, f"{AGENT}.gone")
    try:
        yield
    finally:
        host.inside("mv", f"{AGENT}.gone", AGENT)


@contextlib.contextmanager
def credentials_revoked(_host: Host, bucket: Bucket):
    bucket.s3.switch_key(bucket.host, False)
    try:
        yield
    finally:
        bucket.s3.switch_key(bucket.host, True)


def test_an_update_waits_for_a_backup(fleet):
    """There is one to go back to before an update begins; without one it does not begin, unless somebody says why."""
    host = fleet.hosts[0]
    update, begun = ("openclaw-backup-pre-update", "--instance", "assistant"), ("--", "touch", "/run/begun")
    remember(host, "before the update")
    host.inside(*update, *begun)
    host.inside("rm", "/run/begun")
    assert snapshots(host)[-1]["kind"] == "pre-update"
    with storage_gone(host):
        blocked = host.inside(*update, *begun, check=False)
        assert blocked.returncode == 1 and "BLOCKED" in blocked.stderr, blocked
        assert host.inside("test", "-e", "/run/begun", check=False).returncode == 1
        host.inside(*update, "--override", "no time", *begun)
        assert host.inside("test", "-e", "/run/begun").returncode == 0
    assert "no time" in host.inside("cat", "/var/lib/openclaw-backup/overrides.jsonl").stdout
    run_unit(host)


def miss_a_run(host: Host) -> None:
    """As if the host had been off for three days; and no waiting for the timer's minute."""
    host.write("/etc/systemd/system/openclaw-backup@assistant.timer.d/soon.conf", "[Timer]\nAccuracySec=100ms\n")
    host.inside("touch", "-d", "3 days ago", "/var/lib/systemd/timers/stamp-openclaw-backup@assistant.timer")
    host.inside("sync")


def caught_up(host: Host, before: int) -> None:
    lifecycle.wait(lambda: len(snapshots(host)) > before or None, 120.0, "the missed run was not caught up")
    state = ("systemctl", "show", "--property=ActiveState", "--value", "openclaw-backup@assistant.service")
    lifecycle.wait(lambda: host.inside(*state).stdout.strip() == "inactive" or None, 60.0, "it does not end")


def test_a_missed_run_is_caught_up(fleet):
    """The host was off when its timer should have fired."""
    host = fleet.hosts[0]
    run_unit(host)
    before = len(snapshots(host))
    remember(host, "the second")
    miss_a_run(host)
    faults.power_cut(host)
    faults.power_on(host)
    caught_up(host, before)
    host.inside("rm", "-r", "/etc/systemd/system/openclaw-backup@assistant.timer.d")


def test_a_power_cut_costs_only_what_was_not_stored(fleet, bucket):
    """The power goes while packs are uploaded; the run that is caught up goes on from there."""
    host = fleet.hosts[1]
    run_unit(host)
    before, packs = len(snapshots(host)), bucket.objects()
    host.as_user("agent", "sh", "-c", f"head -c {LARGE} /dev/urandom > {AGENT}/workspace/film")
    miss_a_run(host)
    faults.limit_rate(host, 50_000)
    try:
        host.inside("systemctl", "start", "--no-block", "openclaw-backup@assistant.service")
        lifecycle.wait(lambda: len(bucket.objects()) >= len(packs) + 2 or None, 180.0, "nothing is uploaded")
        faults.power_cut(host)
        stored = sum(bucket.objects().values()) - sum(packs.values())
        assert len(bucket.objects("snapshots")) == before and 0 < stored < LARGE, "the backup was quicker than the power cut"
    finally:
        faults.limit_rate(host, None)
        faults.power_on(host)
    caught_up(host, before)
    again = sum(bucket.objects().values()) - sum(packs.values()) - stored
    assert again <= LARGE - stored + PACK, (stored, again)
    assert last_run(host)["snapshot"]["bytes_stored"] <= LARGE - stored + PACK
    host.inside("rm", "-r", "/etc/systemd/system/openclaw-backup@assistant.timer.d")


def test_nobody_on_a_host_destroys_backups(fleet, bucket):
    """The agent's own user, with a shell, reads no credential and reaches no snapshot; nor does the host itself with what it has."""
    first, second = fleet.hosts
    for host in fleet.hosts:
        run_unit(host)
        for path in ("/etc/credstore", "/etc/credstore.encrypted", "/etc/openclaw-backup/instances", "/var/lib/openclaw-backup", "/run/credentials"):
            assert host.as_user("agent", "sh", "-c", f"cat {path}/* {path}/*/*", check=False).stdout == "", path
        assert host.as_user("agent", "sudo", "-n", "true", check=False).returncode != 0
    for command in ("ls /srv/backups", "rm -r /srv/backups/assistant", "mv /srv/backups /srv/mine", "touch /srv/backups/junk"):
        assert first.as_user("agent", "sh", "-c", command, check=False).returncode != 0, command
    names = {**bucket.objects("snapshots"), **bucket.objects()}
    for name in list(names)[:3]:
        answer = second.as_user("agent", "curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--request", "DELETE",
                                f"{bucket.s3.endpoint}/{bucket.name}/{name}").stdout
        assert answer == "403"
    client, root = bucket.s3.client(user=bucket.host), bucket.s3.client()
    for name in names:
        with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
            client.delete_object(Bucket=bucket.name, Key=name)
    victim = min(bucket.objects("snapshots"))
    content = root.get_object(Bucket=bucket.name, Key=victim)["Body"].read()
    version = root.head_object(Bucket=bucket.name, Key=victim)["VersionId"]
    junk = client.put_object(Bucket=bucket.name, Key=victim, Body=b"junk")["VersionId"]  # this server knows no create-only policy, so it keeps versions
    assert root.get_object(Bucket=bucket.name, Key=victim, VersionId=version)["Body"].read() == content
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        client.delete_object(Bucket=bucket.name, Key=victim, VersionId=version)
    root.delete_object(Bucket=bucket.name, Key=victim, VersionId=junk)
    assert tool(second, "restore", "latest", "--target", "/tmp/stolen", check=False)["error_code"] == "key-cannot-read"


def told(host: Host) -> list[str]:
    return host.inside("cat", TOLD, check=False).stdout.split()


@pytest.mark.parametrize("number, broken", [
    (0, storage_gone), (0, disk_full), (0, state_missing), (1, credentials_revoked)])
def test_a_failure_is_told_once_and_prunes_nothing(fleet, bucket, number, broken):
    """While something is broken: two failures, one message, nothing pruned, and status knows since when. Then one message more."""
    host = fleet.hosts[number]
    run_unit(host)
    host.inside("rm", "-f", TOLD)
    before = snapshots(host)
    with broken(host, bucket):
        run_unit(host, works=False)
        first = last_run(host)
        run_unit(host, works=False)
        assert first["status"] == last_run(host)["status"] == "failed"
        if number == 0:
            run_unit(host, "-prune")  # skipped: systemd takes an unmet condition for no failure
            assert "Nothing is pruned" in host.inside("journalctl", "--no-pager", "-n", "20", "-u", "openclaw-backup-prune@assistant.service").stdout
        assert told(host) == ["failed"]
        status = tool(host, "status", check=False)
        assert status["last_runs"]["backup"]["failing_since"] == first["started"] and status["failing_since"], (first, status)
        assert "Failing since" in host.inside("openclaw-backup", "status", "--instance", "assistant", check=False).stdout
    run_unit(host)
    assert told(host) == ["failed", "recovered"], broken
    assert [item["id"] for item in snapshots(host)][:len(before)] == [item["id"] for item in before]


def test_a_killed_run_is_told(fleet):
    """It left no result itself: systemd says how it ended."""
    host = fleet.hosts[0]
    run_unit(host)
    host.inside("rm", "-f", TOLD)
    unit = "openclaw-backup@assistant.service"
    host.write(f"/etc/systemd/system/{unit}.d/slow.conf", "[Service]\nExecStart=\nExecStart=sleep 600\n")
    host.inside("systemctl", "daemon-reload")
    host.inside("systemctl", "start", "--no-block", unit)
    lifecycle.wait(lambda: "sleep" in host.inside("systemctl", "status", unit, check=False).stdout or None, 60.0, "it does not start")
    host.inside("systemctl", "kill", "--signal=KILL", unit)
    lifecycle.wait(lambda: told(host) == ["failed"] or None, 60.0, "nobody was told")
    assert last_run(host)["error_code"] == "killed"
    host.inside("rm", "-r", f"/etc/systemd/system/{unit}.d")
    host.inside("systemctl", "daemon-reload")
    run_unit(host)
    assert told(host) == ["failed", "recovered"]
    assert host.inside("systemctl", "list-units", "--failed", "--no-legend", "openclaw-backup*").stdout.split() == []


def test_one_bad_host_is_in_the_table_and_ends_the_playbook_with_an_error(fleet):
    first, second = fleet.hosts
    with storage_gone(first):
        output = fleet.play("backup", fails=True)
    assert re.search(rf"{first.name}\s+assistant\s+FAILED", output), output
    assert re.search(rf"{second.name}\s+assistant\s+ok", output), output


def test_it_is_taken_back_and_backups_stay(fleet, bucket):
    first = fleet.hosts[0]
    with storage_gone(first):
        run_unit(first, works=False)
    fleet.play("uninstall")
    for host in fleet.hosts:
        assert host.inside("systemctl", "list-units", "--failed", "--plain", "--no-legend").stdout == ""
        left = "ls -d /etc/systemd/system/openclaw-backup* /usr/local/bin/openclaw-backup 2>/dev/null"
        assert host.inside("sh", "-c", left, check=False).stdout == ""
    assert first.inside("ls", "/srv/backups/assistant/snapshots").stdout.split() and bucket.objects("snapshots")
