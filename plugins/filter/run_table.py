# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A table over all hosts of what the host tool did there."""
from __future__ import annotations

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.report import words

DOCUMENTATION = r"""
name: run_table
short_description: Show what the host tool did on all hosts
version_added: 0.1.0
description:
  - The playbooks for fleets register the result of M(openclaw_ops.backup.openclaw_host_run) on each host. This filter takes all of
    these, also those of hosts that failed or did not answer.
author:
  - the openclaw_ops.backup authors (@openclaw-ops)
options:
  _input:
    description:
      - The variable C(hostvars).
    type: dict
    required: true
  hosts:
    description:
      - The names of the hosts.
    type: list
    elements: str
    required: true
  variable:
    description:
      - The variable that the result was registered in. Hosts without it are left out.
    type: str
    default: openclaw_run
  expected:
    description:
      - Hosts that must have that variable. One without it is bad.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Show the table
  ansible.builtin.debug:
    msg: "{{ (hostvars | openclaw_ops.backup.run_table(groups['all'])).lines }}"
"""

RETURN = r"""
_value:
  description: The table as C(lines), the number of instances as C(count), and how many of them (or of hosts) are C(bad).
  type: dict
"""

GOOD = {"complete": "ok", "unchanged": "ok, nothing new", "omissions": "INCOMPLETE"}
HEAD = ("HOST", "INSTANCE", "RESULT", "SNAPSHOT", "SIZE", "NEW", "WHY")


def run_table(hostvars, hosts, variable="openclaw_run", expected=()):
    """Lines, bad ones first."""
    rows = []
    for host in sorted(hosts):
        result = hostvars[host].get(variable) if host in hostvars else None
        if isinstance(result, dict) and not result.get("skipped"):
            rows += rows_of(host, result)
        elif host in expected and not result:
            rows.append((True, (host, "", "FAILED", "", "", "", "it failed before, or did not answer: see above")))
    rows.sort(key=lambda row: not row[0])
    table = [HEAD, *(tuple(words.clean(cell, 200) or "-" for cell in row[1]) for row in rows)]
    widths = [max(len(cells[place]) for cells in table) for place in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip() for cells in table]
    bad = sum(1 for wrong, _cells in rows if wrong)
    return {"lines": [*lines, f"{len(rows)} in all, {bad} bad"], "count": len(rows), "bad": bad}


def rows_of(host, result):
    """(whether it is bad, cells) of each instance of a host."""
    if result.get("unreachable"):
        return [(True, (host, "", "UNREACHABLE", "", "", "", result.get("msg", "")))]
    reports = result.get("instances")
    if isinstance(reports, list) and reports and all(isinstance(report, dict) for report in reports):
        return [row_of(host, report) for report in reports]
    return [(True, (host, "", "FAILED", "", "", "", result.get("msg") or "it gave no result"))]


def row_of(host, report):
    """One instance's row."""
    status, snapshot = report.get("status"), report.get("snapshot") or {}
    word = GOOD.get(status, "FAILED")
    code = f" [{report['error_code']}]" if report.get("error_code") else ""
    sizes = [words.size(snapshot[name]) if isinstance(snapshot.get(name), int) else "" for name in ("bytes", "bytes_stored")]
    why = report.get("text") or "" if word.startswith("ok") else f"{report.get('msg') or ''}{code}"
    return (not word.startswith("ok"), (host, report.get("instance") or report.get("name") or "", word, snapshot.get("id") or "", *sizes, why))


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self):
        return {"run_table": run_table}
