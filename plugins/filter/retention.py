# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Retention rules in words."""
from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import schedule
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError

DOCUMENTATION = r"""
name: retention
short_description: Turn retention rules in words into options
version_added: 0.1.0
description:
  - Turns rules as V(7 daily + 4 weekly) into the suboptions of the option C(retention). Rules that are not named are off.
  - The presets V(hourly), V(daily) and V(weekly) stand for rules that go with a schedule of that name.
author:
  - the openclaw_ops.backup authors (@openclaw-ops)
options:
  _input:
    description:
      - The rules, joined by V(+).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Keep seven days and four weeks
  openclaw_ops.backup.openclaw_prune:
    storage:
      url: s3://agent-backups/prod
    retention: "{{ '7 daily + 4 weekly' | openclaw_ops.backup.retention }}"
"""

RETURN = r"""
_value:
  description: The suboptions.
  type: dict
"""


def retention(text):
    """The options that rules or a preset mean."""
    try:
        return schedule.retention(schedule.PRESETS[text][1] if text in schedule.PRESETS else str(text))
    except EngineError as exc:
        raise AnsibleFilterError(f"{exc.message}. {exc.hint}") from exc


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self):
        return {"retention": retention}
