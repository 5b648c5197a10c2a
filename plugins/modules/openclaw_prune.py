#!/usr/bin/python

# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: openclaw_prune
short_description: Remove old snapshots of an OpenClaw instance
version_added: 0.1.0
description:
  - Removes the snapshots that a retention policy no longer keeps, and the stored objects that no remaining snapshot uses.
  - Reads no content and needs no key. With a key it also checks that the snapshots which it keeps are genuine.
  - Never removes the newest snapshots, the newest verified one, or anything younger than two days by the storage's clock. Snapshots of
    kind V(manual) and named ones go only when O(delete) names them.
author:
  - the openclaw_ops.backup authors (@openclaw-ops)
extends_documentation_fragment:
  - openclaw_ops.backup._attributes
  - openclaw_ops.backup._attributes.actiongroup
  - openclaw_ops.backup._common
  - openclaw_ops.backup._common.encryption
  - openclaw_ops.backup._common.instance
  - openclaw_ops.backup._common.storage
attributes:
  async:
    support: full
  check_mode:
    support: full
    details:
      - RV(plan) lists every snapshot and the reason why it would stay or go.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  retention:
    description:
      - Which snapshots stay. V(0) turns a rule off. A snapshot stays if any C(keep_) rule keeps it.
      - O(retention.max_age_days) is applied first, then O(retention.max_backups). With C(keep_) rules alone, what none of them
        keeps goes; with no rule at all, everything stays.
      - Each scope is judged by itself. Ages and calendar periods are by the storage's clock, in UTC; weeks begin on Monday.
    type: dict
    suboptions:
      max_backups:
        description:
          - How many automatic snapshots stay at most, beside those that another rule keeps.
          - The newest of each day count first, then the others, so that many snapshots of one day take the place of one older day only.
        type: int
        default: 7
      max_age_days:
        description: How many days an automatic snapshot stays at most.
        type: int
        default: 30
      keep_hourly:
        description: For how many hours with snapshots the newest of each stays.
        type: int
        default: 0
      keep_daily:
        description: For how many days with snapshots the newest of each stays.
        type: int
        default: 0
      keep_weekly:
        description: For how many weeks with snapshots the newest of each stays.
        type: int
        default: 0
      keep_monthly:
        description: For how many months with snapshots the newest of each stays.
        type: int
        default: 0
      keep_yearly:
        description: For how many years with snapshots the newest of each stays.
        type: int
        default: 0
  delete:
    description:
      - Snapshots to remove whatever the policy says, by id, V(vN) or name; manual and named ones too.
      - When it is given, the retention policy is not applied.
    type: list
    elements: str
    default: []
  max_delete_share:
    description:
      - The share of all snapshots that a single run may remove at most. More is refused.
    type: float
    default: 0.5
"""

EXAMPLES = r"""
- name: Keep a week of days, a month of weeks and a year of months
  openclaw_ops.backup.openclaw_prune:
    storage:
      url: s3://agent-backups/prod
    instance: assistant
    retention:
      max_backups: 0
      max_age_days: 0
      keep_daily: 7
      keep_weekly: 4
      keep_monthly: 12

- name: Show what would go, and why
  openclaw_ops.backup.openclaw_prune:
    storage:
      url: s3://agent-backups/prod
    instance: assistant
  check_mode: true
  diff: true
  register: result

- name: Remove one snapshot by name
  openclaw_ops.backup.openclaw_prune:
    storage:
      url: file:///srv/backup/openclaw
    delete:
      - before-2026.10
"""

RETURN = r"""
plan:
  description: Every snapshot of the repository and what happens to it.
  returned: success
  type: dict
removed:
  description: The ids of the snapshots that were removed. In check mode, of those that would be.
  returned: success
  type: list
  elements: str
  sample: ["2026-10-01T02:30:00.123Z"]
absent:
  description: What O(delete) names and is not there any more.
  returned: when not in check mode
  type: list
  elements: str
  sample: []
bytes_freed:
  description: How many bytes of stored objects were removed. In check mode, how many would be.
  returned: success
  type: int
  sample: 18234001
packs_removed:
  description: How many packs were removed because no remaining snapshot needs them.
  returned: when not in check mode
  type: int
  sample: 3
packs_spared:
  description: Why no pack was removed, if there is a reason.
  returned: when not in check mode
  type: str
records_removed:
  description: How many old records of runs and verifications were removed.
  returned: when not in check mode
  type: int
  sample: 0
duration_s:
  description: Seconds that it took.
  returned: when not in check mode
  type: float
  sample: 0.2
not_removed:
  description: What could not be removed, and why.
  returned: failure, when something could not be removed
  type: list
  elements: dict
requests:
  description: How many requests the storage was sent.
  returned: when not in check mode
  type: int
  sample: 9
error_code:
  description: A stable code for what went wrong; docs/troubleshooting.md explains each.
  returned: failure
  type: str
  sample: prune-too-much
hint:
  description: What to do next.
  returned: failure
  type: str
"""

from ansible_collections.openclaw_ops.backup.plugins.module_utils import _adapter, _argspec
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import opening, prune
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import PruneOptions

ARGUMENTS = _argspec.merged(_argspec.INSTANCE, _argspec.STORAGE, _argspec.ENCRYPTION, {
    "retention": {
        "type": "dict",
        "options": {
            "max_backups": {"type": "int", "default": 7},
            "max_age_days": {"type": "int", "default": 30},
            "keep_hourly": {"type": "int", "default": 0},
            "keep_daily": {"type": "int", "default": 0},
            "keep_weekly": {"type": "int", "default": 0},
            "keep_monthly": {"type": "int", "default": 0},
            "keep_yearly": {"type": "int", "default": 0},
        },
    },
    "delete": {"type": "list", "elements": "str", "default": []},
    "max_delete_share": {"type": "float", "default": 0.5},
})


def prune_snapshots(module, context):
    """Plan, and unless in check mode, delete."""
    options = _adapter.options_of(module, PruneOptions)
    where, encryption = _adapter.storage_options(module), _adapter.encryption_options(module)
    name = opening.instance_name(_adapter.instance_options(module), where, context)
    _adapter.share_with_tool(module, context, name)
    if opening.has_key(encryption):
        repository = opening.repository_of(name, where, encryption, context)
        made = prune.plan(repository.storage, options, context, repository)
    else:
        made = prune.plan(opening.storage_of(name, where, context), options, context)
    planned = made.to_dict()
    difference = {"before": made.before(), "after": made.after()}
    if module.check_mode:
        return {
            "changed": made.changed, "removed": planned["remove"], "bytes_freed": planned["bytes_freed"], "plan": planned,
            "diff": difference}
    result = prune.execute(made, context).to_dict()
    del result["failed"]
    return {**result, "plan": planned, "diff": difference}


def main():
    _adapter.run(ARGUMENTS, prune_snapshots)


if __name__ == "__main__":
    main()
