# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cut-over of role migrate with a fault at each of its steps: never two gateways, and the old one back wherever that is safe.

The host tool is a fake that keeps two gateways in a file; tests/hosts/test_migration.py does the same with real ones. All moves are
made side by side in one play.
"""
from __future__ import annotations

import json
import sys

import pytest

# Which host an order is for follows from the order. faults: order → "before", "after" (it has done its work), "killed" (no result).
TOOL = """\
#!{python}
import json, os, sys
words = [word for word in sys.argv[1:] if word not in ("--json",)][2:]
verb, text = words[0], " ".join(words)
host = {{"now": "old", "restore": "new"}}.get(verb) or ("new" if "--moved-to old" in text or "--no-start" in text else "old")
order = verb + "-" + host
with open({state!r}) as stream:
    state = json.load(stream)
fault = state["faults"].get(order)
def finish(code, **more):
    state["orders"].append(order)
    state["both"] = state["both"] or len(state["running"]) > 1
    with open({state!r}, "w") as stream:
        json.dump(state, stream)
    if fault == "killed":
        sys.exit(137)
    bad = code >= 10
    print(json.dumps({{"instance": "assistant", "status": "failed" if bad else "complete", "exit_code": code, "hint": "",
                      "error_code": "test-fault" if bad else None, "msg": order + " failed" if bad else "", **more}}))
    sys.exit(code)
if fault == "before":
    finish(10)
if verb == "fence":
    state["running"] = [one for one in state["running"] if one != host]
    state["fenced"] = sorted({{*state["fenced"], host}})
elif verb == "unfence":
    state["fenced"] = [one for one in state["fenced"] if one != host]
    if "--no-start" not in words:
        state["running"] = sorted({{*state["running"], host}})
elif verb == "restore" and host not in state["fenced"]:
    state["running"] = sorted({{*state["running"], host}})
finish(10 if fault == "after" else 0, changed=True, snapshot={{"id": "a", "bytes_stored": 5}})
"""
PLAY = """
- hosts: all:!old
  gather_facts: false
  module_defaults:
    openclaw_ops.backup.openclaw_host_run: {executable: "{{ test_tool }}"}
  vars:
    openclaw_backup_progress: false
    openclaw_from: old
    openclaw_to: "{{ inventory_hostname }}"
    openclaw_instance: assistant
    openclaw_source_gone: "{{ test_gone }}"
    openclaw_report: "{{ test_directory }}/report.json"
  tasks:
    - ansible.builtin.set_fact:
        migrate_facts:
          {instance: assistant, from: old, to: "{{ inventory_hostname }}", outcome: unsure, rounds: [], times: {}, target: {ground: "{{ test_ground }}"}}
    - ansible.builtin.include_role: {name: openclaw_ops.backup.migrate, tasks_from: cutover.yml}
    - ansible.builtin.include_role: {name: openclaw_ops.backup.migrate, tasks_from: report.yml}
"""
# Which orders fail and how.
BACK = {
    "back1": {"fence-old": "after"}, "back2": {"now-old": "before"}, "back3": {"restore-new": "before"}, "back4": {"restore-new": "after"},
    "back5": {"restore-new": "killed"}, "back6": {"now-old": "killed", "fence-new": "before"}}
UNSURE = {
    "unsure1": {"restore-new": "after", "fence-new": "before"}, "unsure2": {"restore-new": "killed", "fence-new": "killed"},
    "unsure3": {"now-old": "before", "unfence-old": "before"}}
GONE = {"gone": {"restore-new": "after"}}
MOVES = {"well": {}, **BACK, **UNSURE, **GONE}


@pytest.fixture(scope="module")
def moves(ansible_in, tmp_path_factory):
    """name → what is the case afterwards, and the report."""
    base = tmp_path_factory.mktemp("moves")
    (base / "home").mkdir()
    (base / "play.yml").write_text(PLAY)
    hosts = {}
    for name, faults in MOVES.items():
        directory = base / name
        directory.mkdir()
        tool, state = directory / "tool", directory / "state.json"
        tool.write_text(TOOL.format(python=sys.executable, state=str(state)))
        tool.chmod(0o755)
        state.write_text(json.dumps(
            {"faults": faults, "running": [] if name in GONE else ["old"], "fenced": ["new"], "both": False, "orders": []}))
        hosts[name] = {"test_tool": str(tool), "test_directory": str(directory), "test_gone": name in GONE,
                       "test_ground": {"fence": {"moved_to": "old"}, "host": "new"}}
    (base / "inventory.json").write_text(json.dumps({"all": {"hosts": {**hosts, "old": {}}}}))
    done = ansible_in(base / "home").run(base / "play.yml", "-i", str(base / "inventory.json"), "-f", "8")
    print(done.stdout[-5000:], done.stderr[-2000:])
    failed = {name for name in MOVES if f"failed: [{name}]" in done.stdout or f"fatal: [{name}]" in done.stdout}
    return {
        name: (json.loads((base / name / "state.json").read_text()), json.loads((base / name / "report.json").read_text()), name in failed)
        for name in MOVES}


@pytest.mark.parametrize("name", MOVES)
def test_never_do_both_run(moves, name):
    assert not moves[name][0]["both"]


def test_without_a_fault_the_new_one_runs(moves):
    found, report, failed = moves["well"]
    assert (failed, found["running"], found["fenced"], report["outcome"]) == (False, ["new"], ["old"], "moved")
    assert found["orders"] == ["fence-old", "now-old", "unfence-new", "restore-new"]
    assert report["downtime_s"] > 0 and set(report["downtime_parts"]) == {"stop_s", "last_backup_s", "restore_and_start_s"}


@pytest.mark.parametrize("name", BACK)
def test_a_fault_brings_the_old_one_back(moves, name):
    found, report, failed = moves[name]
    order, kind = next(iter(BACK[name].items()))
    assert (failed, found["running"], report["outcome"]) == (True, ["old"], "came-back")
    assert "fence-new" in found["orders"] and found["orders"].index("fence-new") < found["orders"].index("unfence-old")
    assert report["failure"]["step"] and (kind == "killed" or f"{order} failed" in report["failure"]["msg"])
    assert report["downtime_s"] is None


@pytest.mark.parametrize("name", UNSURE)
def test_where_two_could_run_none_is_started(moves, name):
    found, report, failed = moves[name]
    assert failed and report["outcome"] == "unsure" and "old" not in found["running"]
    assert any("unfence" in line for line in report["to_do"])


def test_without_an_old_host_a_failure_leaves_it_down(moves):
    found, report, failed = moves["gone"]
    assert (failed, found["running"], report["outcome"]) == (True, [], "stopped")
    assert "unfence-old" not in found["orders"] and "now-old" not in found["orders"]
