# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module openclaw_gateway found of several gateways, each also in words."""
from __future__ import annotations

DOCUMENTATION = r"""
name: gateway_reports
short_description: Gather how gateways are
version_added: 0.1.0
description:
  - Takes the results of a task that ran M(openclaw_ops.backup.openclaw_gateway) in a loop, those that failed among them.
author:
  - the openclaw_ops.backup authors (@openclaw-ops)
options:
  _input:
    description:
      - The C(results) that such a task registered. The loop's variable is C(gateway_item).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Gather what was found
  ansible.builtin.set_fact:
    gateway_report: "{{ gateway_results.results | openclaw_ops.backup.gateway_reports }}"
"""

RETURN = r"""
_value:
  description:
    - For each, the module's RV(ignore:gateway) with C(name) (of the instance), C(fit) (whether it does its work) and C(text) (all of
      it in words). Where the module failed, C(state) is V(unknown), and C(error_code) says why.
  type: list
  elements: dict
"""

FIT = ("healthy", "channels-failing")


def gateway_reports(results):
    """One report for each result."""
    return [report_of(result, name_of(result.get("gateway_item") or {})) for result in results]


def name_of(item):
    """What to call an instance."""
    return item.get("name") or " ".join(item[part] for part in ("user", "profile") if item.get(part)) or "default"


def report_of(result, name):
    """What was found, or why nothing was."""
    found = result.get("gateway")
    if not found:
        why = result.get("msg") or "no reason given"
        return {"name": name, "state": "unknown", "fit": False, "error_code": result.get("error_code"), "text": f"gateway: {why}"}
    health = found.get("health") or {}
    failing = [*(health.get("failing") or ()), *(health.get("channels_failing") or ())]
    words = [f"{found.get('unit') or 'gateway'} is {found.get('state')}", health.get("state"), *failing, found.get("version")]
    return {"name": name, **found, "fit": health.get("state") in FIT, "text": ", ".join(word for word in words if word)}


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self):
        return {"gateway_reports": gateway_reports}
