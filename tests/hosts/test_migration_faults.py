# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A move between two real hosts with a fault at each order that the playbook gives them: the tool dies before its work, in the middle of
it, or with it done and nothing said; a host goes off; the new one cannot be set up. A watcher sees that never both gateways run.

Each test begins and ends with the agent on the old host.
"""
from __future__ import annotations

import json
import subprocess

import pytest

from hosts.lab import faults, lifecycle
from hosts.lab.host import Host
from hosts.lab.moving import two_hosts

pytestmark = pytest.mark.long  # some fifteen minutes
FAULTS, STANDS = "/run/faults.json", "/run/stands"
# It comes into the tool with the Python of its virtual environment, and acts once. "middle": so many seconds after its begin.
AT_ORDERS = '''
import atexit, json, os, signal, sys, time
def begin():
    with open("/proc/self/cmdline") as stream:
        words = stream.read().split("\\0")
    if not any(word.endswith("openclaw-backup.pyz") for word in words) or not os.path.exists("/run/faults.json"):
        return
    with open("/run/faults.json") as stream:
        order, what = json.load(stream)
    if not set(order) <= set(words):
        return
    os.unlink("/run/faults.json")
    if what == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "lost":
        atexit.register(os._exit, 137)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    elif what == "stand":
        open("/run/stands", "w").close()
        time.sleep(600)
    else:
        signal.setitimer(signal.ITIMER_REAL, float(what))  # nobody handles its signal: it kills
begin()
'''
PLACE = "import site; print(site.getsitepackages()[0])"
BEFORE_THE_CUT_OVER = {  # (whose order, its words, what happens)
    "instances": ("old", ["instances"], "crash"), "survey": ("old", ["survey"], "crash"), "backup": ("old", ["now"], "crash"),
    "backup in the middle": ("old", ["now"], "0.5"), "arrival": ("new", ["survey", "--arrival"], "crash"), "copy": ("new", ["prefetch"], "crash"),
    "copy in the middle": ("new", ["prefetch"], "0.5"), "copy, unsaid": ("new", ["prefetch"], "lost"), "question": ("new", ["prefetch", "--ask"], "crash"),
    "fence there": ("new", ["fence"], "crash")}
IN_THE_CUT_OVER = {
    "fence": ("old", ["fence"], "crash"), "fence in the middle": ("old", ["fence"], "1.5"), "fence, unsaid": ("old", ["fence"], "lost"),
    "restore": ("new", ["restore"], "crash"),
    "restore in the middle": ("new", ["restore"], "2"), "restore, unsaid": ("new", ["restore"], "lost")}


@pytest.fixture(scope="module")
def move(lab, models, s3, tmp_path_factory):
    """The agent on the old host of two; both have what acts at orders, and the new one was set up by a rehearsal."""
    with two_hosts(lab, models, s3, tmp_path_factory.mktemp("move")) as made:
        for host in (made.old, made.new):
            place = host.inside("/opt/openclaw-backup/venv/bin/python", "-c", PLACE).stdout.strip()
            host.write(f"{place}/at_orders.py", AT_ORDERS)
            host.write(f"{place}/at_orders.pth", "import at_orders\n")
        yield made


def let_happen(host: Host, order: list[str], what: str) -> None:
    """At the next order that has these words."""
    host.inside("rm", "-f", STANDS)
    host.write(FAULTS, json.dumps([order, what]))


def it_happened(host: Host) -> bool:
    return host.inside("test", "-e", FAULTS, check=False).returncode == 1


@pytest.mark.parametrize("name", BEFORE_THE_CUT_OVER)
def test_before_the_cut_over_a_fault_stops_nothing(move, name):
    where, order, what = BEFORE_THE_CUT_OVER[name]
    host, process = getattr(move, where), move.gateways[move.old].process()
    let_happen(host, order, what)
    output, report = move.play("migrate", works=False)
    assert it_happened(host) and not report, output[-3000:]
    assert move.gateways[move.old].process() == process and not move.gateways[move.new].process()
    assert move.tool(move.old, "survey")["ground"]["fence"] is None


def runs_on_the_old_one(move, before: int) -> None:
    move.gateways[move.old].wait_until_ready()
    assert move.rows(move.old)[1] >= before and not move.gateways[move.new].process()
    assert move.tool(move.old, "survey")["ground"]["fence"] is None


@pytest.mark.parametrize("name", IN_THE_CUT_OVER)
def test_a_fault_in_the_cut_over_brings_the_old_one_back(move, name):
    where, order, what = IN_THE_CUT_OVER[name]
    host, before = getattr(move, where), move.committed(move.old)
    let_happen(host, order, what)
    _output, report = move.play("migrate", works=False)
    assert it_happened(host) and report["outcome"] == "came-back", report
    runs_on_the_old_one(move, before)


def begin(move) -> subprocess.Popen:
    return subprocess.Popen(move.command("migrate"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def stands(host: Host) -> None:
    lifecycle.wait(lambda: host.inside("test", "-e", STANDS, check=False).returncode == 0 or None, 300.0, "the order was not given")


def test_an_old_host_that_goes_off_while_it_is_fenced_has_its_gateway_again(move):
    """The play cannot ask it any more and says so; when the host is back, the order or the same play goes on."""
    before = move.committed(move.old)
    let_happen(move.old, ["fence"], "stand")
    process = begin(move)
    stands(move.old)
    faults.power_cut(move.old)
    output = process.communicate(timeout=600)[0]
    assert process.returncode and not move.gateways[move.new].process(), output[-3000:]
    faults.power_on(move.old)
    if move.tool(move.old, "survey")["ground"]["fence"]:
        move.tool(move.old, "unfence")
    runs_on_the_old_one(move, before)


def test_a_new_host_that_goes_off_in_the_restore_is_not_trusted(move):
    """Nobody knows whether its gateway will run when it is on again, so the old one stays down. It does not: what state is there is of an
    earlier attempt. The same play then ends the move."""
    let_happen(move.new, ["restore"], "stand")
    process = begin(move)
    stands(move.new)
    committed = move.committed(move.old)
    faults.power_cut(move.new)
    output = process.communicate(timeout=900)[0]
    assert process.returncode and "unfence" in output and not move.gateways[move.old].process(), output[-3000:]
    faults.power_on(move.new)
    gateway = move.gateways[move.new]
    gateway.systemctl("start", gateway.unit, check=False)
    assert not move.gateways[move.old].process() and not gateway.process()
    assert move.play("migrate")[1]["outcome"] == "moved" and move.rows(move.new)[1] >= committed
    move.play("migrate_rollback")
    runs_on_the_old_one(move, committed)


def test_a_new_host_that_cannot_be_set_up_stops_nothing(move):
    process, directory = move.gateways[move.old].process(), "/etc/openclaw-backup"
    move.new.inside("sh", "-c", f"mv {directory} {directory}.kept && touch {directory}")
    output, report = move.play("migrate", works=False)
    move.new.inside("sh", "-c", f"rm {directory} && mv {directory}.kept {directory}")
    assert not report and move.gateways[move.old].process() == process, output[-3000:]
    output, report = move.play("migrate", works=False, openclaw_install=True, openclaw_install_command=["false"])
    assert not report and move.gateways[move.old].process() == process and "Install OpenClaw" in output


def test_timers_that_cannot_be_made_are_told_and_the_agent_runs_there(move):
    judge, committed = "/usr/bin/systemd-analyze", move.committed(move.old)
    move.new.inside("sh", "-c", f"mv {judge} {judge}.kept && ln -s /bin/false {judge}")
    _output, report = move.play("migrate", works=False)
    assert report["outcome"] == "moved" and report["failure"]["step"] == "timers of the new host", report
    assert move.gateways[move.new].probe("readyz")["ready"] and not move.gateways[move.old].process()
    move.new.inside("mv", f"{judge}.kept", judge)
    move.play("migrate_rollback")
    runs_on_the_old_one(move, committed)
