# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a move to another host."""
from __future__ import annotations

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.report import migration

DOCUMENTATION = r"""
name: migration_report
short_description: Put what a move to another host did into a report
version_added: 0.1.0
description:
  - Used by the role C(openclaw_ops.backup.migrate).
author:
  - the openclaw_ops.backup authors (@openclaw-ops)
options:
  _input:
    description:
      - What the role gathered.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the report
  ansible.builtin.debug:
    msg: "{{ (migrate_facts | openclaw_ops.backup.migration_report).lines }}"
"""

RETURN = r"""
_value:
  description: The report for programs as C(report), and as C(lines) for people. docs/migration.md describes its fields.
  type: dict
"""


def migration_report(facts):
    """Both forms of it."""
    made = migration.report(facts)
    return {"report": made, "lines": migration.lines(made)}


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self):
        return {"migration_report": migration_report}
