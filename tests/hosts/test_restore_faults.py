# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restore over a real gateway with a fault at each of its steps and renames: an error, a kill, a power cut; a disk that is full; a
damaged pack; a database from a later OpenClaw. Afterwards the old state is what it was, byte for byte, and its gateway runs.

The gateway's unit lists the whole state each time before it starts and after it has stopped, so that the two lists can be compared.
"""
from __future__ import annotations

import pytest

from hosts.lab import faults, lifecycle
from hosts.lab.fleet import Fleet
from hosts.lab.gateway import HostedGateway
from hosts.lab.restoring import Restored
from hosts.lab.suites import find_suite

pytestmark = pytest.mark.long  # some twenty minutes
VARIABLES = {
    "openclaw_backup_storage": {"url": "file:///srv/restore-faults"}, "openclaw_backup_encryption": {"enabled": False},
    "openclaw_backup_instances": [{"name": "assistant", "user": "agent", "gateway": {"start_timeout": 150}}],
}
WANTED = ("first", "--no-snapshot", "--keep-aside", "0")
LISTS = "/home/agent/lists"
LIST = """#!/bin/sh
umask 077; mkdir -p {lists}; number=$(ls {lists} | wc -l); list={lists}/$(printf %04d $number)-$1
cd /home/agent && {{ find {roots} -printf '%p %y %m %U %s %T@ %l\\n' | sort; find {roots} -type f -exec sha256sum {{}} + | sort -k 2; }} > $list
"""
# Before these the old gateway is not stopped, and nothing is swapped.
BEFORE_THE_STOP = ("before-part", "parts-restored", "edited", "staged", "prepared", "gate-closed")
STOPPED = ("stopped", "edited-at-last", "swapping", "before-swap", "before-exchange", "after-exchange", "before-rename",
           "after-rename", "all-swapped", "gate-opened", "before-start", "before-commit")
BEHIND_THE_COMMIT = ("committed", "before-removal")
GOING_BACK = ("before-undo", "before-exchange", "after-exchange", "old-state-back", "before-old-start", "before-removal",
              "before-journal-removal")


class Faulty(Restored):
    """With the lists that the gateway's unit makes."""

    def watch(self) -> None:
        """Let the unit list the state."""
        roots = " ".join([".openclaw", *(f"default-{agent}" for agent in self.gateway.agents if agent != "main")])
        self.host.write("/home/agent/list.sh", LIST.format(lists=LISTS, roots=roots), "agent", "0700")
        drop_in = f"{self.gateway.home}/.config/systemd/user/{self.gateway.unit}.d/30-lists.conf"
        self.host.write(drop_in, "[Service]\nExecStartPre=-/home/agent/list.sh start\nExecStopPost=-/home/agent/list.sh stop\n", "agent")
        self.gateway.systemctl("daemon-reload")
        self.gateway.systemctl("restart", self.gateway.unit)
        self.gateway.wait_until_ready()

    def begin(self, case: str) -> None:
        """The agent has gone on since the snapshot, and no list is there yet."""
        self.note(f"before {case}")
        self.host.inside("rm", "-rf", LISTS)

    def difference(self) -> str:
        """Between the list after the first stop and those before a start: nothing if one is the same, or if it was not stopped at all.
        One of the new state may come between, and more of the old one when it had to be recovered twice."""
        names = self.host.inside("sh", "-c", f"ls {LISTS} 2>/dev/null", check=False).stdout.split()
        stops, starts = ([name for name in names if name.endswith(kind)] for kind in ("stop", "start"))
        found = [self.host.inside("diff", f"{LISTS}/{stops[0]}", f"{LISTS}/{start}", check=False).stdout for start in starts] if stops else [""]
        return "" if "" in found else (found or ["it was not started again"])[-1]

    def is_as_before(self, case: str, process: int) -> list[str]:
        """What is not as it should be after a restore that came to nothing. process: 0 if the gateway may be another one."""
        found = []
        lifecycle.wait(lambda: self.gateway.probe("readyz").get("ready") or None, 240.0, f"{case}: the gateway did not come back")
        if process and self.gateway.process() != process:
            found.append("the gateway was stopped for nothing")
        if self.notes() != f"before {case}":
            found.append(f"the state is of {self.notes()!r}")
        if difference := self.difference():
            found.append(f"the state is not what it was: {difference[:2000]}")
        if self.put_aside() or self.roots_files():
            found.append(f"left: {self.put_aside()} {self.roots_files()}")
        if self.host.inside("test", "-e", f"{self.gateway.state_dir}.restore/journal.json", check=False).returncode == 0:
            found.append("left: the journal")
        return [f"{case}: {one}" for one in found]


@pytest.fixture(scope="module")
def faulty(lab, models, tmp_path_factory):
    """A host with a gateway of two agents, one with its workspace elsewhere, and a snapshot "first"."""
    host, = lifecycle.bring_up(lab, {"faulty": find_suite("debian13")})
    gateway = HostedGateway(host, models=models.url, agents=("main", "ada"))
    gateway.install()
    gateway.wait_until_ready()
    Fleet([host], tmp_path_factory.mktemp("play"), VARIABLES).install_tool()
    made = Faulty(gateway)
    gateway.command("agent", "--agent", "main", "--message", "remember the blue door", "--json", timeout=120)
    made.watch()
    made.note("first")
    made.tool("now", "--name", "first")
    yield made
    lifecycle.remove(host)


@pytest.fixture(scope="module")
def steps(faulty) -> list[tuple[str, int]]:
    """All of them, from a restore that works, and that leaves nothing."""
    faulty.begin("all is well")
    done = faulty.restore_with([], *WANTED)
    assert done["status"] in ("complete", "omissions") and faulty.notes() == "first" and not faulty.put_aside() and not faulty.roots_files(), done
    found = faulty.steps()
    print(found)
    assert {name for name, _number in found} <= {*BEFORE_THE_STOP, *STOPPED, *BEHIND_THE_COMMIT}, "a step that no fault is tried at"
    assert {"all-swapped", "before-exchange", "before-commit"} <= {name for name, _number in found}
    return [(name, number) for name, number in found if name in (*BEFORE_THE_STOP, *STOPPED)]


def once_or_twice(steps: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The first time that each step comes, and the last one: ten pieces are swapped in the same way."""
    last = dict(steps)
    return [(name, number) for name, number in steps if number in (1, last[name])]


def each_step(faulty, steps, kind: str, happen) -> list[str]:
    """What went wrong: for each step, what is not as it was after happen(case, step, occurrence)."""
    wrong = []
    for name, number in steps:
        case = f"{kind} at {name} {number}"
        faulty.begin(case)
        process = faulty.gateway.process() if name in BEFORE_THE_STOP and kind != "power cut" else 0
        happen(name, number)
        wrong += faulty.is_as_before(case, process)
        print(case, wrong, flush=True)
    return wrong


def test_an_error_at_any_step_is_taken_back(faulty, steps):
    def happen(name, number):
        done = faulty.restore_with([(name, number, "error")], *WANTED)
        assert done["error_code"], done
    assert not each_step(faulty, once_or_twice(steps), "error", happen)


def test_after_a_kill_at_any_step_recover_brings_the_old_state_back(faulty, steps):
    def happen(name, number):
        assert faulty.restore_with([(name, number, "kill")], *WANTED) is None
        faulty.tool("recover")
    assert not each_step(faulty, once_or_twice(steps), "kill", happen)


def test_a_recovery_that_is_killed_is_recovered(faulty, steps):
    assert steps
    wrong = []
    for name in GOING_BACK:
        case = f"kill on the way back at {name}"
        faulty.begin(case)
        number = 1 + sum(1 for step, _number in steps if step == name)
        assert faulty.restore_with([("before-start", 1, "error"), (name, number, "kill")], *WANTED) is None, case
        faulty.tool("recover")
        wrong += faulty.is_as_before(case, 0)
        print(case, wrong, flush=True)
    assert not wrong


def test_after_a_power_cut_at_any_step_the_old_state_is_back_by_itself(faulty, steps):
    def happen(name, number):
        faulty.stand_at(name, number, *WANTED)
        faults.power_cut(faulty.host)
        faults.power_on(faulty.host)
        lifecycle.wait(lambda: not faulty.put_aside() or None, 120.0, "what was begun was not cleared away")
    assert not each_step(faulty, [(name, number) for name, number in steps if number == 1], "power cut", happen)


def test_what_is_committed_stays_after_a_kill(faulty, steps):
    assert steps
    faulty.begin("a kill behind the commit")
    assert faulty.restore_with([("committed", 1, "kill")], *WANTED) is None
    faulty.tool("recover")
    assert faulty.notes() == "first" and faulty.gateway.probe("readyz")["ready"] and not faulty.put_aside()


def test_a_disk_that_is_full_at_a_step_changes_nothing(faulty, steps):
    """The user's home is on a disk of its own, which something fills at the step."""
    assert steps
    gateway, host = faulty.gateway, faulty.host
    on_a_small_disk = """mkdir /srv/home && mount -t tmpfs -o size=$(($(du -sm /home/agent | cut -f1) * 3 + 100))m tmpfs /srv/home
        cp -a /home/agent/. /srv/home/ && chown --reference=/home/agent /srv/home && chmod --reference=/home/agent /srv/home
        mount --bind /srv/home /home/agent"""
    gateway.stop()
    host.inside("sh", "-ec", on_a_small_disk)
    gateway.start()
    gateway.wait_until_ready()
    wrong = []
    for name in ("before-part", "staged", "prepared", "stopped", "swapping", "all-swapped"):
        case = f"full at {name}"
        faulty.begin(case)
        process = gateway.process() if name in BEFORE_THE_STOP and name != "prepared" else 0
        done = faulty.restore_with([(name, 1, "dd if=/dev/zero of=/home/agent/filler bs=64k status=none")], *WANTED)
        assert done["error_code"], (case, done)
        print(case, done["error_code"], done["msg"])
        host.inside("rm", "/home/agent/filler")
        faulty.tool("recover")
        wrong += faulty.is_as_before(case, process)
    gateway.stop()
    host.inside("sh", "-ec", "umount /home/agent && umount /srv/home && rmdir /srv/home")
    gateway.start()
    gateway.wait_until_ready()
    assert not wrong


def test_a_damaged_pack_is_found_before_anything_stops(faulty, steps):
    assert steps
    process, host = faulty.gateway.process(), faulty.host
    faulty.begin("a damaged pack")
    packs = host.inside("sh", "-c", "find /srv/restore-faults -path '*pack*' -type f | sort").stdout.split()
    assert packs
    for pack in packs:
        host.inside("sh", "-c", f"cp -a {pack} {pack}.whole && printf spoilt | dd of={pack} bs=1 seek=$(($(stat -c %s {pack}) / 2)) conv=notrunc status=none")
    done = faulty.restore_with([], *WANTED)
    for pack in packs:
        host.inside("mv", f"{pack}.whole", pack)
    assert done["error_code"] and done["exit_code"] not in (0, 3, 4), done
    print(done["error_code"], done["msg"])
    assert not faulty.is_as_before("a damaged pack", process)


SET_SCHEMA = "import sqlite3, sys; base = sqlite3.connect(sys.argv[1]); base.execute(f'PRAGMA user_version = {sys.argv[2]}'); base.commit()"


def test_a_database_of_a_later_openclaw_is_refused_before_anything_stops(faulty, steps):
    assert steps
    gateway, host = faulty.gateway, faulty.host
    database = f"{gateway.state_dir}/state/openclaw.sqlite"
    gateway.stop()
    now = gateway.schema()
    host.as_user("agent", "python3", "-c", SET_SCHEMA, database, "9999")
    faulty.tool("now", "--name", "later")
    host.as_user("agent", "python3", "-c", SET_SCHEMA, database, str(now))
    gateway.start()
    gateway.wait_until_ready()
    faulty.begin("a later schema")
    process = gateway.process()
    done = faulty.restore("later", "--no-snapshot", check=False)
    assert done["error_code"] == "openclaw-refuses-state", done
    assert not faulty.is_as_before("a later schema", process)
