# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts said of their backups, as the list that openclaw_fleet_status takes."""
from __future__ import annotations

import json

DOCUMENTATION = r"""
name: host_reports
short_description: Turn what hosts said of their backups into reports for openclaw_fleet_status
version_added: 0.1.0
description:
  - The playbook C(openclaw_ops.backup.status) runs a script on each host. This filter takes what was registered of it.
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
      - The variable that the script's result was registered in. Hosts without it are left out.
    type: str
    default: openclaw_status_report
seealso:
  - module: openclaw_ops.backup.openclaw_fleet_status
"""

EXAMPLES = r"""
- name: Judge with what the hosts say
  openclaw_ops.backup.openclaw_fleet_status:
    storage:
      url: s3://agent-backups/prod
    reports: "{{ hostvars | openclaw_ops.backup.host_reports(groups['all']) }}"
"""

RETURN = r"""
_value:
  description: A report for each instance, and one without an instance for each host that did not answer.
  type: list
  elements: dict
"""


def host_reports(hostvars, hosts, variable="openclaw_status_report"):
    """The reports of those hosts that were asked."""
    found = []
    for host in hosts:
        result = hostvars[host].get(variable) if host in hostvars else None
        if not isinstance(result, dict):
            continue
        if result.get("unreachable"):
            found.append({"host": host, "reachable": False})
            continue
        try:
            said = json.loads(result.get("stdout") or "[]")
        except ValueError:
            said = []
        found.extend({**item, "host": host} for item in said if isinstance(item, dict))
    return found


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self):
        return {"host_reports": host_reports}
