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
      - O(retention.max_age_days) is applied first, then O(retention.max_backups).
    type: dict
    suboptions:
      max_backups:
        description: How many automatic snapshots stay at most.
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
bytes_freed:
  description: How many bytes of stored objects were removed.
  returned: success
  type: int
  sample: 18234001
requests:
  description: How many requests the storage was sent.
  returned: success
  type: int
  sample: 9
error_code:
  description: A stable code for what went wrong; docs/troubleshooting.md explains each.
  returned: failure
  type: str
  sample: too-much-to-delete
hint:
  description: What to do next.
  returned: failure
  type: str
"""
