# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real gateways under a real systemd are looked at, stopped, started, suspended, and started again when their backup is killed."""
from __future__ import annotations

import base64
import importlib.util
import json
import time

import pytest

from hosts.lab import faults, lifecycle, places
from hosts.lab.commands import run
from hosts.lab.programs import BROKEN, INSTALLED, NEXT, Programs
from support.openclaw.gateway import TOKEN

pytestmark = pytest.mark.long  # each start of a gateway takes ten seconds and more
BESIDE = 1.0  # seconds: what a backup may add to the gateway's own drain, or to its stop and start
STOP_TIMEOUT, DEAD_MAN = 12, 6  # seconds, for the backups that are killed
PYTHON, TOOL = "/opt/openclaw-backup/venv/bin/python", "/opt/openclaw-backup/tool.pyz"
STARTS_AND_STOPS = 60.0  # seconds that an order may take on a slow machine, beside what is measured


def in_collection(program: str, *words, check: bool = True):
    """Run a program of the test environment where Ansible finds this checkout as a collection."""
    return run(places.CHECKOUT / "tools" / "in-collection.sh", f".venv-test/bin/{program}", *words, check=check, timeout=600)


@pytest.fixture(scope="module")
def look_at(lab):
    """look_at(gateway, state="stopped"): the module's result, run over SSH with sudo."""
    def module(gateway, *options: str, check: bool = True, **arguments) -> dict:
        arguments = {"user": gateway.user, **({"profile": gateway.profile} if gateway.profile else {}), **arguments}
        done = in_collection(
            "ansible", gateway.host.name, f"--inventory={lab.inventory}", "--become", "--one-line", *options,
            "--module-name=openclaw_ops.backup.openclaw_gateway", "--args", json.dumps(arguments), check=check)
        return json.loads(done.stdout.partition(" => ")[2])
    return module


@pytest.fixture(scope="module")
def tool(debian12):
    """tool(gateway, settings): a configured host tool; the words of its command."""
    requirements = (places.CHECKOUT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    debian12.write("/opt/openclaw-backup/runtime.txt", requirements)
    debian12.inside("sh", "-c", "apt-get -qq update && apt-get -qq -y install python3-venv")
    debian12.inside("python3", "-m", "venv", "/opt/openclaw-backup/venv")
    debian12.inside(PYTHON, "-m", "pip", "install", "--quiet", "--requirement=/opt/openclaw-backup/runtime.txt", timeout=300)
    built = base64.b64encode(host_tool().build()).decode()
    debian12.inside("sh", "-c", f"base64 -d > {TOOL}", input=built)

    def configure(hosted, owner="root", **settings) -> list[str]:
        """Everything below a directory of the owner's."""
        name, base = hosted.profile or "default", f"/var/lib/test-{owner}"
        profile = {"profile": hosted.profile} if hosted.profile else {}
        debian12.inside("install", "-d", "-o", owner, base, f"{base}/storage")
        debian12.write(f"{base}/config/instances/{name}.json", json.dumps({
            "instance": name, "user": hosted.user, **profile, "encryption": {"enabled": False},
            "storage": {"url": f"file://{base}/storage"}, **settings}), owner)
        common = [f"--config={base}/config", f"--state={base}/state", f"--instance={name}", "--json"]
        debian12.as_user(owner, PYTHON, TOOL, "init", *common, check=False)
        return [PYTHON, TOOL, "now", "--force", *common]
    return configure


def back_up(hosted, words: list[str], owner: str = "root") -> dict:
    """The result of a backup. Some of what OpenClaw names is not there before it is first used, so there are omissions."""
    done = hosted.host.as_user(owner, *words, check=False, timeout=300)
    result = json.loads(done.stdout)
    assert result["exit_code"] in (0, 3), result
    print("measured:", {key: result[key] for key in ("consistency", "downtime_s", "drain_s", "stop_s", "start_s")})
    return result


def host_tool():
    """What builds the tool."""
    path = places.CHECKOUT / "plugins" / "plugin_utils" / "_host_tool.py"
    spec = importlib.util.spec_from_file_location("host_tool_of_the_collection", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=["default", "rescue"])
def gateway(gateways, request):
    """Each of the two, running."""
    yield gateways[request.param]
    gateways[request.param].start()
    gateways[request.param].wait_until_ready()


def dead_men(host) -> str:
    """Timers of ours that wait."""
    return host.inside("systemctl", "list-timers", "--all", "--no-legend", "openclaw-backup-dead-man-*").stdout.strip()


def test_the_module_finds_it(gateway, look_at):
    found = look_at(gateway)
    assert not found["changed"] and found["found_state"] == "running"
    report = found["gateway"]
    assert (report["kind"], report["unit"], report["pid"], report["enabled"]) == ("systemd-user", gateway.unit, gateway.process(), True)
    assert report["health"]["state"] == "healthy" and report["version"] == gateway.probe("startupz")["version"]


def test_the_module_stops_and_starts_this_one_alone(gateway, gateways, look_at):
    others = {other.unit: other.process() for other in gateways.values() if other is not gateway}
    assert look_at(gateway, "--check", state="stopped")["changed"] and gateway.process()
    stopped = look_at(gateway, state="stopped")
    assert stopped["changed"] and stopped["gateway"]["state"] == "stopped" and gateway.process() == 0
    assert gateway.probe("healthz") == {}
    assert not look_at(gateway, state="stopped")["changed"]
    started = look_at(gateway, state="started")
    assert started["changed"] and started["gateway"]["health"]["state"] == "healthy" and gateway.process()
    assert not look_at(gateway, state="started")["changed"]
    assert {other.unit: other.process() for other in gateways.values() if other is not gateway} == others


def test_the_module_restarts_it(gateway, look_at):
    before = gateway.process()
    found = look_at(gateway, state="restarted")
    assert found["changed"] and gateway.process() not in (0, before) and gateway.probe("readyz")["ready"]
    assert found["gateway"]["pid"] == gateway.process()


def test_one_whose_unit_is_gone_is_not_stopped_for_a_restart(gateways, look_at):
    gateway = gateways["rescue"]
    process, unit = gateway.process(), f"{gateway.home}/.config/systemd/user/{gateway.unit}"
    gateway.host.inside("mv", unit, f"{unit}.away")
    gateway.systemctl("daemon-reload")
    try:
        found = look_at(gateway, check=False, state="restarted")
        assert found["error_code"] == "gateway-not-startable" and gateway.process() == process
    finally:
        gateway.host.inside("mv", f"{unit}.away", unit)
        gateway.systemctl("daemon-reload")


def test_the_role_gathers_both(lab, gateways, tmp_path):
    play = tmp_path / "play.yml"
    play.write_text(json.dumps([{
        "hosts": "debian12", "become": True, "gather_facts": False, "roles": [{
            "role": "openclaw_ops.backup.gateway", "gateway_state": "started",
            "gateway_instances": [{"user": "agent"}, {"user": "agent", "profile": "rescue"}]}],
        "tasks": [{"ansible.builtin.copy": {"content": "{{ gateway_report | to_json }}", "dest": "/tmp/report.json", "mode": "0644"}}]}]))
    in_collection("ansible-playbook", f"--inventory={lab.inventory}", str(play))
    report = json.loads(gateways["default"].host.inside("cat", "/tmp/report.json").stdout)
    assert [(one["profile"], one["unit"], one["health"]["state"]) for one in report] == [
        (None, "openclaw-gateway.service", "healthy"), ("rescue", "openclaw-gateway-rescue.service", "healthy")]


def test_a_backup_suspends_it_and_its_process_stays(gateway, tool):
    process, said = gateway.process(), len(gateway.journal())
    words = tool(gateway, consistency="suspend", on_busy="fail")
    result = back_up(gateway, words)
    assert result["consistency"] == "suspend"
    assert result["downtime_s"] <= result["drain_s"] + BESIDE, result
    assert gateway.process() == process
    assert "error" not in gateway.journal()[said:].lower()


def test_a_backup_stops_and_starts_it(gateway, gateways, tool):
    process = gateway.process()
    others = {other.unit: other.process() for other in gateways.values() if other is not gateway}
    result = back_up(gateway, tool(gateway, consistency="stop"))
    assert result["consistency"] == "stop" and result["consistency_reason"] is None
    assert result["downtime_s"] <= result["stop_s"] + result["start_s"] + BESIDE, result
    assert gateway.process() not in (0, process) and gateway.probe("readyz")["ready"]
    assert not dead_men(gateway.host)
    assert {other.unit: other.process() for other in gateways.values() if other is not gateway} == others


def test_its_own_user_can_do_the_same(gateways, tool):
    """Through the user's own service manager, where that user lingers."""
    gateway = gateways["rescue"]
    process = gateway.process()
    result = back_up(gateway, tool(gateway, gateway.user, consistency="stop"), gateway.user)
    assert result["consistency"] == "stop" and gateway.process() not in (0, process) and gateway.probe("readyz")["ready"]


def test_a_backup_that_is_killed_while_it_is_stopped_does_not_leave_it_so(gateway, tool):
    host, process = gateway.host, gateway.process()
    words = tool(gateway, consistency="stop", gateway={"stop_timeout": STOP_TIMEOUT, "dead_man_timeout": DEAD_MAN})
    script = f"while [ -d /proc/{process} ]; do sleep 0.01; done; systemctl kill --signal=KILL victim.service"
    host.inside("systemd-run", "--quiet", "--collect", "--unit=victim", *words)
    host.inside("sh", "-c", script, timeout=STARTS_AND_STOPS)
    killed = time.monotonic()
    assert gateway.process() == 0 and dead_men(host), "the backup was quicker than its killer"
    lifecycle.wait(lambda: gateway.process() or None, STOP_TIMEOUT + DEAD_MAN + STARTS_AND_STOPS, "the gateway was left stopped")
    assert time.monotonic() - killed <= STOP_TIMEOUT + DEAD_MAN + 1, "it came back later than the dead man's limit"
    gateway.wait_until_ready()
    assert not dead_men(host)


SLEEPER = "[Service]\n{user}ExecStart=/usr/bin/sleep infinity\nRestart=always\nRestartSec=0.1\n[Install]\nWantedBy={target}\n"
MARKER = '/home/agent/a "marker" at 100%h \\ $HOME'
GATE = """
import sys
sys.path.insert(0, sys.argv[1])
from openclaw_backup_engine.capture.instance import discover
from openclaw_backup_engine.gateway.control import open_gateway
from openclaw_backup_engine.gateway.gate import Gate
from openclaw_backup_engine.options import GatewayOptions, InstanceOptions
from openclaw_backup_engine.ports import Context
from openclaw_backup_tool.world import run_command
context = Context(run=run_command)
for manager in ("user", "system"):
    found = discover(InstanceOptions(user="agent", profile=manager), context)
    gateway = open_gateway(found, GatewayOptions(unit=f"openclaw-gateway-{manager}", unit_manager=manager), context)
    gate = Gate(gateway.service, gateway.location)
    print(gate.close("a test", sys.argv[3]) if sys.argv[2] == "close" else gate.open())
"""


def test_a_gate_holds_units_of_both_managers_against_a_kill_an_order_and_a_reboot(debian13):
    """Units that only sleep: what is asked here is systemd."""
    host, unit = debian13, "openclaw-gateway-{}.service"
    homes = {"user": "/home/agent/.config/systemd/user", "system": "/etc/systemd/system"}
    host.inside("sh", "-c", "base64 -d > /root/tool.pyz", input=base64.b64encode(host_tool().build()).decode())
    host.write("/root/gate.py", GATE)
    host.write(MARKER, "", "agent")
    host.inside("loginctl", "enable-linger", "agent")

    def systemctl(manager, *words, **options):
        if manager == "system":
            return host.inside("systemctl", *words, **options)
        return host.as_user("agent", "systemctl", "--user", *words, **options)

    def process(manager) -> int:
        return int(systemctl(manager, "show", "--property=MainPID", "--value", unit.format(manager)).stdout)

    lifecycle.wait(lambda: systemctl("user", "daemon-reload", check=False).returncode == 0 or None, 20.0, "there is no user manager")
    for manager, home in homes.items():
        text = SLEEPER.format(**{
            "user": {"user": "", "target": "default.target"}, "system": {"user": "User=agent\n", "target": "multi-user.target"}}[manager])
        host.write(f"{home}/{unit.format(manager)}", text, "agent" if manager == "user" else "root")
        host.write(f"/home/agent/.openclaw-{manager}/openclaw.json", "{}", "agent", "0600")
        systemctl(manager, "daemon-reload")
        systemctl(manager, "enable", "--now", unit.format(manager))
    host.inside("python3", "/root/gate.py", "/root/tool.pyz", "close", MARKER)
    for manager in homes:
        assert process(manager), "a gate leaves what runs alone"
        systemctl(manager, "kill", "--signal=KILL", unit.format(manager))
        time.sleep(1)
        assert process(manager) == 0, "Restart=always"
        systemctl(manager, "start", unit.format(manager))
        systemctl(manager, "restart", unit.format(manager))
        assert process(manager) == 0
    faults.reboot(host)
    lifecycle.wait(lambda: systemctl("user", "daemon-reload", check=False).returncode == 0 or None, 20.0, "there is no user manager")
    for manager in homes:
        assert systemctl(manager, "is-enabled", unit.format(manager)).stdout.strip() == "enabled" and process(manager) == 0
    host.inside("python3", "/root/gate.py", "/root/tool.pyz", "open")
    for manager, home in homes.items():
        systemctl(manager, "start", unit.format(manager))
        assert process(manager)
        systemctl(manager, "disable", "--now", unit.format(manager))
        host.inside("sh", "-c", f"! ls {home}/{unit.format(manager)}.d && ! ls -d /home/agent/.openclaw-{manager}.*")
        host.inside("rm", "-r", f"{home}/{unit.format(manager)}", f"/home/agent/.openclaw-{manager}")


def test_a_fence_holds_whoever_orders_the_start(gateways, look_at, tool):
    gateway, other = gateways["rescue"], gateways["default"]
    assert look_at(gateway, "--check", "--diff", state="fenced")["changed"] and gateway.process()
    process = other.process()
    made = look_at(gateway, state="fenced", fence_reason="a bigger machine", fence_moved_to="vps-08")
    assert made["changed"] and made["fence"]["not_prevented"] == "" and not made["gateway"]["enabled"] and gateway.process() == 0
    assert not look_at(gateway, state="fenced")["changed"]
    refused = look_at(gateway, check=False, state="started")
    assert refused["error_code"] == "gateway-gate-closed" and "vps-08" in refused["msg"]
    assert other.process() == process
    gateway.systemctl("start", gateway.unit)
    gateway.command("gateway", "install", "--force", timeout=180)  # somebody who means well: it writes, enables and starts the unit
    assert gateway.process() == 0
    faults.reboot(gateway.host)
    other.wait_until_ready()
    assert gateway.process() == 0 and gateway.probe("healthz") == {}
    assert look_at(gateway, state="fenced")["changed"], "what was taken away of it is put up again"
    result = back_up(gateway, tool(gateway, consistency="stop"))
    assert result["consistency"] == "stop" and result["consistency_reason"] == "the gateway was not running"
    lifted = look_at(gateway, state="unfenced")
    assert lifted["changed"] and lifted["fence"] is None and lifted["gateway"]["enabled"]
    gateway.wait_until_ready()
    assert not look_at(gateway, state="unfenced")["changed"]
    gateway.host.inside("sh", "-c", f"! ls -d {gateway.state_dir}.* {gateway.home}/.config/systemd/user/{gateway.unit}.d")


def test_an_update_to_a_broken_version_is_taken_back_without_help(gateways, tool, tmp_path):
    """First a good one, so that the way there is known to work."""
    gateway = gateways["rescue"]
    host, programs = gateway.host, Programs(gateway, tmp_path)
    python, program, _now, _force, *common = tool(gateway)

    def update(version):
        words = [python, program, "update", "--to", programs.archive(version), *common]
        return json.loads(host.inside(*words, check=False, timeout=600).stdout)

    good = update(NEXT)
    assert good["exit_code"] in (0, 3) and (good["from"], good["to"]) == (INSTALLED, NEXT), good
    assert good["health"]["state"] == "healthy" and good["health"]["version"] == NEXT
    host.write(f"{gateway.workspace}/SOUL.md", "who I am", gateway.user)
    broken = update(BROKEN)
    print("measured:", good["downtime_s"], broken["msg"])
    assert (broken["exit_code"], broken["error_code"]) == (10, "update-undone"), broken
    assert gateway.probe("startupz")["version"] == NEXT and gateway.probe("readyz")["ready"]
    assert programs.version() == NEXT and not programs.left_over()
    assert host.inside("cat", f"{gateway.workspace}/SOUL.md").stdout == "who I am"
    programs.remove()


def test_the_gateways_secret_is_in_no_journal(debian12):
    assert TOKEN not in debian12.inside("journalctl", "--no-pager", "--boot").stdout
