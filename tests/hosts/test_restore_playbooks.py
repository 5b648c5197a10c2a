# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks restore and update on a host whose key only writes, over real gateways that run."""
from __future__ import annotations

import json
import re

import pytest

from hosts.lab.fleet import Fleet, tool
from hosts.lab.gateway import HostedGateway
from hosts.lab.programs import BROKEN, INSTALLED, Programs

pytestmark = pytest.mark.long  # some two minutes on a quiet machine, as far as could be told on a loaded one

AGENT, RESCUE = "crab", "crab-rescue"  # the instances of the two gateways; other tests have an "assistant" on this host
FIRST_KEY, WRITER_KEY = "/root/first.key", "/etc/openclaw-backup/writer.key"
VARIABLES = {
    "openclaw_backup_storage": {"url": "file:///srv/playbook-tests"}, "openclaw_backup_encryption": {"key_file": FIRST_KEY},
    "openclaw_backup_instances": [{"name": AGENT, "user": "agent", "gateway": {"start_timeout": 150}},
                                  {"name": RESCUE, "user": "agent", "profile": "rescue", "gateway": {"start_timeout": 150}}],
}
NEW_OPERATOR = """
import sys; sys.path.insert(0, "/usr/local/lib/openclaw-backup/openclaw-backup.pyz")
from openclaw_backup_engine.repository import keys
print("\\0".join(keys.new_operator()))
"""


class Operated:
    """A host with two instances and a writer key for each; its operator holds the key that reads, and runs playbooks."""

    def __init__(self, fleet: Fleet, gateways: dict[str, HostedGateway], directory) -> None:
        self.fleet, self.host, self.gateways = fleet, fleet.hosts[0], gateways
        self.private, public = self.host.inside("/opt/openclaw-backup/venv/bin/python", "-c", NEW_OPERATOR).stdout.strip("\n").split("\0")
        self.key = directory / "operator.key"
        self.key.write_text(self.private)
        self.host.write("/root/operator.pub", public)
        for name in (AGENT, RESCUE):
            self._hold_only_a_writer_key(name)
        self.host.inside("rm", FIRST_KEY)

    def _hold_only_a_writer_key(self, name: str) -> None:
        settings, writer = f"/etc/openclaw-backup/instances/{name}.json", f"{WRITER_KEY}.{name}"
        tool(self.host, "keys", "add", "operator", "--operator-public-file", "/root/operator.pub", instance=name)
        tool(self.host, "keys", "export-writer", writer, instance=name)
        known = json.loads(self.host.inside("cat", settings).stdout)
        self.host.write(settings, json.dumps({**known, "encryption": {"writer_key_file": writer}}), mode="0600")

    def play(self, playbook: str, *arguments: str, fails: bool = False, **variables) -> str:
        """Run it with the operator's key."""
        return self.fleet.play(playbook, "-v", *arguments, fails=fails, openclaw_identity_file=str(self.key), **variables)

    def require_no_key(self) -> None:
        """The operator's private key is nowhere on the host."""
        secret = next(line for line in self.private.splitlines() if len(line) > 40)[:40]
        places = ("/run", "/tmp", "/var/tmp", "/root", "/home", "/etc", "/var/lib/openclaw-backup")
        assert not self.host.inside("grep", "-rIlsF", "-e", secret, *places, check=False, timeout=120).stdout

    def files(self, gateway: HostedGateway) -> dict[str, str]:
        """The digests of what only people and agents write: path → digest."""
        places = (f"{gateway.workspace}/*.md", f"{gateway.home}/.config/systemd/user/{gateway.unit}.d/*.conf")
        lines = self.host.inside("sh", "-c", f"sha256sum {' '.join(places)}").stdout.splitlines()
        return {line.split("  ", 1)[1]: line.split()[0] for line in lines}


@pytest.fixture(scope="module")
def operated(gateways, lab, tmp_path_factory) -> Operated:
    """Set up once for all tests here."""
    directory, host = tmp_path_factory.mktemp("operator"), gateways["default"].host
    host.inside("rm", "-rf", f"{gateways['default'].state_dir}/media/inbound")  # 2 GB of test_restore.py's
    host.inside("sh", "-c", f"umask 077 && head -c 32 /dev/urandom > {FIRST_KEY}")
    fleet = Fleet([host], directory, VARIABLES)
    fleet.install_tool()
    return Operated(fleet, gateways, directory)


def planned(output: str) -> dict:
    """The plan in the first result of the host tool that a playbook with -v has shown."""
    results = (json.loads(found) for found in re.findall(r"=> (\{.*\})$", output, re.M) if '"instances"' in found)
    return next(result["instances"][0]["plan"] for result in results if result["instances"][0].get("dry_run"))


def paths_in(plan: dict, places) -> dict[str, set[str]]:
    """created, replaced, deleted: the paths of a plan that lie directly in these directories."""
    return {name: {path for path in paths if path.rpartition("/")[0] in places} for name, paths in plan["paths"].items()}


def test_the_playbook_does_what_check_mode_has_shown_and_nothing_the_second_time(operated):
    gateway, host = operated.gateways["default"], operated.host
    drop_ins = f"{gateway.home}/.config/systemd/user/{gateway.unit}.d"
    host.write(f"{drop_ins}/20-test.conf", "[Service]\nEnvironment=RESTORED=then\n", gateway.user)
    host.write(f"{gateway.workspace}/notes.md", "first", gateway.user)
    host.write(f"{gateway.workspace}/gone.md", "will be missed", gateway.user)
    agents = [f"{gateway.workspace_of(agent)}/who.md" for agent in gateway.agents]
    others = [f"{operated.gateways['rescue'].workspace_of(agent)}/who.md" for agent in operated.gateways["rescue"].agents]
    for path in (*agents, *others):
        host.write(path, "then", gateway.user)
    gateway.systemctl("daemon-reload")
    assert tool(host, "now", "--name", "first", instance=AGENT, check=False)["exit_code"] in (0, 3)
    host.write(f"{drop_ins}/20-test.conf", "[Service]\nEnvironment=RESTORED=now\n", gateway.user)
    host.write(f"{gateway.workspace}/notes.md", "later", gateway.user)
    host.write(f"{gateway.workspace}/new.md", "came since", gateway.user)
    for path in (*agents, *others):
        host.write(path, "now", gateway.user)
    host.inside("rm", f"{gateway.workspace}/gone.md")
    gateway.systemctl("daemon-reload")
    before, process = operated.files(gateway), gateway.process()
    wanted = {"openclaw_instance": AGENT, "openclaw_confirm": host.name, "restore_snapshot": "first", "restore_service_files": True}

    refused = operated.fleet.play("restore", fails=True, **wanted)
    assert "A writer key backs up and lists names" in refused
    for instead, said in (({"openclaw_confirm": "another"}, "was confirmed for another"), ({"openclaw_instance": ""}, "one instance at a time")):
        assert said in operated.play("restore", fails=True, **{**wanted, **instead})
    shown = operated.play("restore", "--check", **wanted)
    assert (operated.files(gateway), gateway.process()) == (before, process)
    done = operated.play("restore", **wanted)
    after = operated.files(gateway)

    places = (gateway.workspace, drop_ins)
    plan = paths_in(planned(shown), places)
    assert plan == paths_in(planned(done), places)
    assert plan == {
        "created": set(after) - set(before), "deleted": set(before) - set(after),
        "replaced": {path for path in set(before) & set(after) if before[path] != after[path]}}
    assert {f"{gateway.workspace}/notes.md", f"{gateway.workspace}/who.md", f"{drop_ins}/20-test.conf"} == plan["replaced"]
    assert plan["created"] == {f"{gateway.workspace}/gone.md"} and plan["deleted"] == {f"{gateway.workspace}/new.md"}
    assert host.inside("cat", *agents).stdout == "then" * len(agents), "workspaces outside of the state directory come back, too"
    assert host.inside("cat", *others).stdout == "now" * len(others), "those of the other profile stay, also inside of it"
    assert operated.fleet.changes(shown) == operated.fleet.changes(done) != [0]
    assert gateway.probe("readyz")["ready"] and gateway.process() not in (0, process)
    assert "RESTORED=then" in host.inside("cat", f"/proc/{gateway.process()}/environ").stdout.split("\0"), "systemd reads its units anew"
    assert gateway.systemctl("show", "--property=NeedDaemonReload", "--value", gateway.unit).stdout.strip() == "no"
    operated.require_no_key()

    process = gateway.process()
    again = operated.play("restore", **wanted)
    assert operated.fleet.changes(again) == [0] and gateway.process() == process
    operated.require_no_key()
    host.inside("rm", f"{drop_ins}/20-test.conf")
    gateway.systemctl("daemon-reload")


def test_the_playbook_takes_an_update_to_a_broken_version_back_without_help(operated, tmp_path):
    gateway, host = operated.gateways["rescue"], operated.host
    programs = Programs(gateway, tmp_path)
    gateway.systemctl("restart", gateway.unit)
    gateway.wait_until_ready()
    host.write(f"{gateway.workspace}/SOUL.md", "who I am", gateway.user)
    wanted = {"openclaw_instance": RESCUE, "openclaw_version": programs.archive(BROKEN)}
    process, other = gateway.process(), operated.gateways["default"].process()
    assert "A writer key backs up and lists names" in operated.fleet.play("update", fails=True, **wanted)
    operated.play("update", "--check", **wanted)
    assert gateway.process() == process
    said = operated.play("update", fails=True, **wanted)
    assert "The update failed and was taken back" in said
    assert gateway.probe("readyz")["ready"] and gateway.probe("startupz")["version"] and gateway.process() not in (0, process)
    assert programs.version() == INSTALLED and not programs.left_over()
    assert host.inside("cat", f"{gateway.workspace}/SOUL.md").stdout == "who I am"
    assert operated.gateways["default"].process() == other
    operated.require_no_key()
    programs.remove()
