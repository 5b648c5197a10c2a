# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From an inventory to the instances that there should be backups of."""
from __future__ import annotations

DOCUMENTATION = r"""
name: expected_instances
short_description: List the instances that the inventory says there should be
version_added: 0.1.0
description:
  - Takes the variable C(openclaw_backup_instances) of each host, so that an instance that never arrived in the storage is noticed.
  - Instances that hosts find themselves (C(openclaw_backup_discover)) are not in an inventory, so they are not in this list.
  - Hosts and instances whose C(enabled) is false, and hosts whose C(openclaw_backup_state) is C(absent), are left out.
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
seealso:
  - module: openclaw_ops.backup.openclaw_fleet_status
"""

EXAMPLES = r"""
- name: Fail if an instance of this inventory is not backed up
  openclaw_ops.backup.openclaw_fleet_status:
    storage:
      url: s3://agent-backups/prod
    expected: "{{ hostvars | openclaw_ops.backup.expected_instances(groups['openclaw_servers']) }}"
    fail_on: bad
"""

RETURN = r"""
_value:
  description: The option O(openclaw_ops.backup.openclaw_fleet_status#module:expected).
  type: list
  elements: dict
"""

OBJECTIVES = ("max_age", "max_unverified_age")


def expected_instances(hostvars, hosts):
    """[{"instance", "host", and objectives where they are set}], sorted by name."""
    found = {}
    for host in hosts:
        variables = hostvars[host] if host in hostvars else {}
        if not _on(variables.get("openclaw_backup_enabled", True)) or variables.get("openclaw_backup_state") == "absent":
            continue
        common = variables.get("openclaw_backup_objectives") or {}
        for instance in variables.get("openclaw_backup_instances") or []:
            if _on(instance.get("enabled", True)):
                objectives = {**common, **(instance.get("objectives") or {})}
                found[instance["name"]] = {
                    "instance": instance["name"], "host": host,
                    **{name: _spelled(objectives[name]) for name in OBJECTIVES if objectives.get(name) is not None}}
    return [found[name] for name in sorted(found)]


def _on(value) -> bool:
    return str(value).lower() not in ("false", "no", "off", "0")


def _spelled(value) -> str:
    """As openclaw_fleet_status takes it, which knows no "off"."""
    return "0" if str(value).lower() in ("off", "") else str(value)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self):
        return {"expected_instances": expected_instances}
