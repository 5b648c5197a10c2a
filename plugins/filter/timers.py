# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From schedules as people write them to the systemd timers of a host."""
from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import durations, schedule
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError

DOCUMENTATION = r"""
name: timers
short_description: Turn the schedules of instances into systemd timers
version_added: 0.1.0
description:
  - Used by the role C(openclaw_ops.backup.schedule).
author:
  - the openclaw_ops.backup authors (@openclaw-ops)
options:
  _input:
    description:
      - The instances, as in the variable C(openclaw_backup_instances). Of each, C(name), C(schedule) and C(enabled) count.
    type: list
    elements: dict
    required: true
  common:
    description:
      - The schedule of all instances, as in C(openclaw_backup_schedule).
    type: raw
  enabled:
    description:
      - Whether instances are backed up that do not say so themselves.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: See which timers there will be
  ansible.builtin.debug:
    msg: "{{ [{'name': 'assistant', 'schedule': '6h'}] | openclaw_ops.backup.timers('1d') }}"
"""

RETURN = r"""
_value:
  description: A timer for each operation of each instance, with C(instance), C(operation), C(unit), C(enabled), C(lines) and C(delay).
  type: list
  elements: dict
"""

UNITS = {"backup": "openclaw-backup", "prune": "openclaw-backup-prune", "verify": "openclaw-backup-verify"}
USUAL = {"backup": "1d", "prune": "1d", "verify": "7d"}


def timers(instances, common=None, enabled=True):
    """All timers. An instance named "" stands for those that are found at run time: its units are the templates."""
    found = []
    for instance in instances:
        wanted = {**USUAL, **_plain(common), **_plain(instance.get("schedule"))}
        on = instance.get("enabled", enabled)
        for operation, unit in UNITS.items():
            found.append(_timer(str(instance["name"]), operation, unit, wanted, bool(on)))
    return found


def _plain(value):
    """A schedule as a dictionary. A preset gives way to what is said beside it."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        return {"backup": str(value)}
    given = {name: str(text) for name, text in value.items() if text not in (None, "")}
    unknown = set(given) - {*UNITS, "randomized_delay", "preset"}
    if unknown:
        raise AnsibleFilterError(
            f"openclaw_backup_schedule has no key {sorted(unknown)[0]}: keys are backup, prune, verify, randomized_delay and preset")
    preset = given.pop("preset", None)
    if preset is not None and preset not in schedule.PRESETS:
        raise AnsibleFilterError(f"There is no schedule preset {preset}: presets are {', '.join(schedule.PRESETS)}")
    return {**({"backup": schedule.PRESETS[preset][0]} if preset else {}), **given}


def _timer(instance, operation, unit, wanted, enabled):
    try:
        made = schedule.timer(wanted[operation], f"schedule.{operation} of {instance or 'found instances'}")
        delay = durations.parse(wanted["randomized_delay"], "schedule.randomized_delay") if wanted.get("randomized_delay") else made.delay
    except EngineError as exc:
        raise AnsibleFilterError(f"{exc.message}. {exc.hint}") from exc
    return {
        "instance": instance, "operation": operation, "unit": f"{unit}@{instance}", "enabled": enabled and made.enabled,
        "lines": list(made.lines), "delay": delay, "catches_up": made.catches_up}


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self):
        return {"timers": timers}
