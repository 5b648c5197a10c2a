# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role migrate with a fault at each of its steps: nothing stops before the cut-over, never do two gateways run, and the old one is
back wherever that is safe. The way back, too.

The host tool is a fake that keeps two gateways in a file; tests/hosts/test_migration.py does the same with real ones. All moves are
made side by side in one play. The steps that set up a host (prepare.yml, schedule.yml) have tests of their own with the roles they use.
"""
from __future__ import annotations

import json
import sys

import pytest

pytestmark = pytest.mark.long  # one play of five minutes, for all of them

# Which host an order is for follows from the order. faults: order → "before", "after" (it has done its work), "killed" (no result).
TOOL = """\
#!{python}
import json, sys
words = sys.argv[3:] if sys.argv[2] == "--all" else sys.argv[4:]
verb, text = words[0], " ".join(words)
with open({state!r}) as stream:
    state = json.load(stream)
surveyed = any(one == "survey-old" for one in state["orders"])
host = {{"instances": "old", "restore": "new", "prefetch": "new", "survey": "new" if "--arrival" in words or surveyed else "old",
         "fence": "old" if "--last-backup" in words else "new", "unfence": "new" if "--no-start" in words else "old",
         "now": "new" if "left it" in text else "old"}}[verb]
kind = "-ask" if "--ask" in words else "-discard" if "--discard" in words else "-arrival" if "--arrival" in words else ""
order = verb + kind + "-" + host
def finish(code, **more):
    state["both"] = state["both"] or len(state["running"]) > 1
    with open({state!r}, "w") as stream:
        json.dump(state, stream)
    if state["faults"].get(order, "").startswith("killed"):
        sys.exit(137)
    bad = code >= 10
    print(json.dumps({{"instance": "assistant", "status": "failed" if bad else "complete", "exit_code": code, "hint": "",
                      "error_code": "test-fault" if bad else None, "msg": order + " failed" if bad else "", "took_s": 3.0, **more}}))
    sys.exit(code)
def begin():
    state["orders"].append(order)
    if state["faults"].get(order) in ("before", "killed before"):
        finish(10)
begin()
more = {{"changed": True, "snapshot": {{"id": "a", "bytes_stored": 5}}, "start_s": 1.0}}
if verb == "survey":
    there = {{"moved_to": "new" if host == "old" else "old"}} if host in state["fenced"] else None
    ground = {{"host": host, "fence": there, "state": "running" if host in state["running"] else "stopped", "versions": {{}}}}
    more = {{"ground": ground, "problems": state["problems"] if kind else [], "channels": [], "snapshot": {{"id": "a", "moves": []}}}}
elif verb == "fence":
    state["running"] = [one for one in state["running"] if one != host]
    state["fenced"] = sorted({{*state["fenced"], host}})
    if "--last-backup" in words and state["faults"].get(order) not in ("after", "killed"):
        order = "now-old-last"
        begin()
    more.update(fence_s=1.0, backup={{**more, "took_s": 1.0}})
elif verb == "unfence":
    state["fenced"] = [one for one in state["fenced"] if one != host]
    if "--no-start" not in words:
        state["running"] = sorted({{*state["running"], host}})
elif verb == "restore":
    state["fenced"] = [one for one in state["fenced"] if one != host or "--unfence" not in words]
    state["running"] = sorted({{*state["running"], *({{host}} - set(state["fenced"]))}})
finish(10 if state["faults"].get(order) == "after" else 0, **more)
"""
PLAY = """
- hosts: moves
  gather_facts: false
  module_defaults:
    openclaw_ops.backup.openclaw_host_run: {executable: "{{ test_tool }}"}
  vars:
    openclaw_backup_progress: false
    openclaw_from: "{{ test_from }}"
    openclaw_to: "{{ inventory_hostname }}"
    openclaw_confirm: "{{ inventory_hostname if test_begin != 'unconfirmed' else 'another' }}"
    openclaw_instance: assistant
    openclaw_source_gone: "{{ test_gone }}"
    openclaw_report: "{{ test_directory }}/report.json"
  tasks:
    - when: test_begin != 'cutover'
      block:
        - ansible.builtin.include_role: {name: openclaw_ops.backup.migrate, tasks_from: source.yml}
        - ansible.builtin.include_role: {name: openclaw_ops.backup.migrate, tasks_from: round.yml}
        - ansible.builtin.include_role: {name: openclaw_ops.backup.migrate, tasks_from: ask.yml}
        - ansible.builtin.include_role: {name: openclaw_ops.backup.migrate, tasks_from: arrival.yml}
        - ansible.builtin.include_role: {name: openclaw_ops.backup.migrate, tasks_from: confirm.yml}
    - when: test_begin == 'cutover'
      ansible.builtin.set_fact:
        migrate_facts: "{{ test_facts }}"
    - ansible.builtin.include_role: {name: openclaw_ops.backup.migrate, tasks_from: cutover.yml}
    - when: test_begin == 'after'
      ansible.builtin.include_role: {name: openclaw_ops.backup.migrate, tasks_from: after.yml}
    - ansible.builtin.include_role: {name: openclaw_ops.backup.migrate, tasks_from: report.yml}
- hosts: ways_back
  gather_facts: false
  module_defaults:
    openclaw_ops.backup.openclaw_host_run: {executable: "{{ test_tool }}"}
  vars:
    openclaw_from: old
    openclaw_to: "{{ inventory_hostname }}"
    openclaw_report: "{{ test_directory }}/report.json"
  tasks:
    - ansible.builtin.include_role: {name: openclaw_ops.backup.migrate, tasks_from: take_back.yml}
"""
# Which orders fail and how.
STAYS = {
    "stays1": {"instances-old": "before"}, "stays2": {"survey-old": "before"}, "stays3": {"now-old": "before"}, "stays4": {"now-old": "killed"},
    "stays5": {"prefetch-new": "before"}, "stays6": {"prefetch-new": "killed"}, "stays7": {"prefetch-ask-new": "before"},
    "stays8": {"survey-arrival-new": "killed"}, "stays9": {}, "stays10": {}}
BACK = {
    "back1": {"fence-old": "after"}, "back2": {"now-old-last": "before"}, "back3": {"restore-new": "before"}, "back4": {"restore-new": "after"},
    "back5": {"restore-new": "killed"}, "back6": {"now-old-last": "before", "fence-new": "before"}, "back7": {"fence-old": "before"},
    "back8": {"fence-old": "killed"}}
UNSURE = {
    "unsure1": {"restore-new": "after", "fence-new": "before"}, "unsure2": {"restore-new": "killed", "fence-new": "killed"},
    "unsure3": {"fence-old": "after", "fence-new": "before", "unfence-old": "before"}}
NOT_BACK = {"notback1": {"now-old-last": "before", "unfence-old": "before"}, "notback2": {"restore-new": "after", "unfence-old": "killed before"}}
GONE = {"gone": {"restore-new": "after"}}
FRESH = {"untried": {}, "first1": {"fence-new": "before"}, "first2": {"fence-new": "killed"}}  # nobody has tried before
MOVES = {"well": {}, "lost": {}, "late": {"prefetch-discard-new": "before"}, **STAYS, **BACK, **UNSURE, **NOT_BACK, **GONE, **FRESH}
WAYS_BACK = {
    "taken": {}, "kept": {"fence-new": "before"}, "down1": {"unfence-old": "before"}, "down2": {"unfence-old": "killed before"},
    "kept2": {"fence-new": "after"}, "unsaved1": {"now-new": "before"}, "unsaved2": {"now-old": "before"}}
BEGIN = {"lost": "cutover", "late": "after", "stays9": "unconfirmed"}
TARGET = {"ground": {"fence": {"moved_to": "old"}, "host": "new"}}
PROBLEM = {"level": "error", "code": "room-missing", "message": "There is no room", "hint": "Make room."}


def _host(directory, name: str, faults: dict) -> dict:
    """The fake tool of one move with its state; the variables of the host that plays it."""
    directory.mkdir()
    tool, state = directory / "tool", directory / "state.json"
    tool.write_text(TOOL.format(python=sys.executable, state=str(state)))
    tool.chmod(0o755)
    moved = name in WAYS_BACK
    running = [] if name in GONE else ["new" if moved else "old"]
    state.write_text(json.dumps({
        "faults": faults, "running": running, "fenced": [] if name in FRESH else ["old" if moved else "new"], "both": False, "orders": [],
        "problems": [PROBLEM] if name == "stays10" else []}))
    facts = {"instance": "assistant", "from": "dead", "to": name, "outcome": "unsure", "rounds": [], "times": {}, "target": TARGET}
    return {"test_tool": str(tool), "test_directory": str(directory), "test_gone": name in GONE, "test_begin": BEGIN.get(name, "source"),
            "test_from": "dead" if name == "lost" else "old", "test_facts": facts}


@pytest.fixture(scope="module")
def moves(ansible_in, tmp_path_factory):
    """name → what is the case afterwards, the report or None, and whether the play failed."""
    base = tmp_path_factory.mktemp("moves")
    (base / "home").mkdir()
    (base / "play.yml").write_text(PLAY)
    hosts = {name: _host(base / name, name, faults) for name, faults in {**MOVES, **WAYS_BACK}.items()}
    dead = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_become": False}
    (base / "inventory.json").write_text(json.dumps({"all": {"hosts": {"old": {}, "dead": dead}, "children": {
        "moves": {"hosts": {name: hosts[name] for name in MOVES}}, "ways_back": {"hosts": {name: hosts[name] for name in WAYS_BACK}}}}}))
    done = ansible_in(base / "home").run(base / "play.yml", "-i", str(base / "inventory.json"), "-f", "8")
    print(done.stdout[-9000:], done.stderr[-2000:])
    result = {}
    for name in hosts:
        report = base / name / "report.json"
        failed = f"failed: [{name}]" in done.stdout or f"fatal: [{name}" in done.stdout
        result[name] = (
            json.loads((base / name / "state.json").read_text()), json.loads(report.read_text()) if report.exists() else None, failed)
    return result


@pytest.mark.parametrize("name", [*MOVES, *WAYS_BACK])
def test_never_do_both_run(moves, name):
    assert not moves[name][0]["both"]


def test_without_a_fault_the_new_one_runs(moves):
    found, report, failed = moves["well"]
    assert (failed, found["running"], found["fenced"], report["outcome"]) == (False, ["new"], ["old"], "moved")
    assert found["orders"] == [
        "instances-old", "survey-old", "survey-new", "now-old", "survey-arrival-new", "prefetch-new", "prefetch-ask-new",
        "survey-arrival-new", "fence-old", "now-old-last", "restore-new"]
    assert report["downtime_s"] > 0 and set(report["downtime_parts"]) == {"stop_s", "last_backup_s", "restore_s", "start_s", "between_s"}


def test_a_new_gateway_cannot_start_before_its_state_is_there(moves):
    found, report, failed = moves["untried"]
    assert (failed, found["running"], found["fenced"], report["outcome"]) == (False, ["new"], ["old"], "moved")
    assert found["orders"][-4:] == ["fence-new", "fence-old", "now-old-last", "restore-new"]
    for name in ("first1", "first2"):
        found, report, failed = moves[name]
        assert (failed, found["running"], report) == (True, ["old"], None) and found["orders"][-1] == "fence-new"


@pytest.mark.parametrize("name", STAYS)
def test_before_the_cut_over_a_fault_stops_nothing(moves, name):
    found, report, failed = moves[name]
    assert (failed, found["running"], found["fenced"], report) == (True, ["old"], ["new"], None)
    assert not {"fence-old", "restore-new"} & set(found["orders"])


@pytest.mark.parametrize("name", BACK)
def test_a_fault_brings_the_old_one_back(moves, name):
    found, report, failed = moves[name]
    order, kind = next(iter(BACK[name].items()))
    assert (failed, found["running"], report["outcome"]) == (True, ["old"], "came-back")
    assert found["orders"].index("fence-new") < found["orders"].index("unfence-old")
    assert report["failure"]["step"] and (kind == "killed" or f"{order} failed" in report["failure"]["msg"])
    assert report["downtime_s"] is None


@pytest.mark.parametrize("name", UNSURE)
def test_where_two_could_run_none_is_started(moves, name):
    found, report, failed = moves[name]
    assert failed and report["outcome"] == "unsure" and "old" not in found["running"]
    assert any("unfence" in line for line in report["to_do"])


@pytest.mark.parametrize("name", NOT_BACK)
def test_an_old_one_that_does_not_come_back_is_told(moves, name):
    found, report, failed = moves[name]
    assert (failed, found["running"], report["outcome"]) == (True, [], "not-back")
    assert any("unfence" in line for line in report["to_do"])


def test_an_old_host_that_does_not_answer_is_a_failure_like_any_other(moves):
    found, report, failed = moves["lost"]
    assert (failed, report["outcome"]) == (True, "not-back") and "dead does not answer" in report["failure"]["msg"]
    assert found["orders"] == ["fence-new"] and found["running"] == ["old"]


def test_a_fault_when_it_runs_there_is_told_and_takes_nothing_back(moves):
    found, report, _failed = moves["late"]
    assert (found["running"], found["fenced"], report["outcome"]) == (["new"], ["old"], "moved")
    assert report["failure"]["step"] == "timers of the new host"


def test_without_an_old_host_a_failure_leaves_it_down(moves):
    found, report, failed = moves["gone"]
    assert (failed, found["running"], report["outcome"]) == (True, [], "stopped")
    assert not {"unfence-old", "fence-old", "now-old"} & set(found["orders"])


def test_it_is_taken_back(moves):
    found, report, failed = moves["taken"]
    assert (failed, found["running"], found["fenced"], report["outcome"]) == (False, ["old"], ["new"], "taken-back")
    assert found["orders"] == ["survey-old", "fence-new", "unfence-old", "now-new", "now-old"] and report["downtime_s"] > 0


@pytest.mark.parametrize("name", ["kept", "kept2"])
def test_it_is_not_taken_back_where_the_new_one_may_run(moves, name):
    found, report, failed = moves[name]
    assert (failed, report["outcome"], found["fenced"]) == (True, "not-taken-back", ["old"] if name == "kept" else ["new", "old"])
    assert "unfence-old" not in found["orders"] and "fence-new failed" in report["failure"]["msg"]


@pytest.mark.parametrize("name", ["down1", "down2"])
def test_a_way_back_that_ends_with_none_is_told(moves, name):
    found, report, failed = moves[name]
    assert (failed, found["running"], report["outcome"]) == (True, [], "not-back")
    assert any("unfence" in line for line in report["to_do"])


def test_what_was_not_kept_is_told(moves):
    found, report, failed = moves["unsaved1"]
    assert (failed, found["running"], report["outcome"], report["last_backup"]) == (False, ["old"], "taken-back", None)
    found, report, failed = moves["unsaved2"]
    assert (failed, found["running"], report["outcome"]) == (True, ["old"], "taken-back") and "now-old failed" in report["failure"]["msg"]
