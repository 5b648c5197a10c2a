#!/usr/bin/python

# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: openclaw_verify
short_description: Verify that snapshots of an OpenClaw instance can be restored
version_added: 0.1.0
description:
  - Checks a repository or one snapshot at a level of thoroughness, and fails if anything is wrong.
  - A verification never changes the repository, except for the record that it leaves of its own result.
author:
  - the openclaw_ops.backup authors (@openclaw-ops)
extends_documentation_fragment:
  - openclaw_ops.backup._attributes
  - openclaw_ops.backup._attributes.actiongroup
  - openclaw_ops.backup._attributes.progress
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
      - RV(plan) says what would be checked. Nothing is read beyond the list of snapshots and the manifest.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  snapshot:
    description:
      - Which snapshot, as V(latest), its id, V(vN), its name, or the beginning of its time that fits one snapshot alone.
    type: str
    default: latest
  level:
    description:
      - V(quick) looks whether every object that the snapshot needs exists with the right size, and whether the chain of snapshots
        is unbroken.
      - V(data) also reads content, all or a share, decrypts it and compares it.
      - V(restore) also restores into a scratch directory, checks every database and parses every configuration and session file.
    type: str
    choices: [quick, data, restore]
    default: quick
  sample:
    description:
      - The share of content that O(level=data) reads, from V(0.0) to V(1.0).
    type: float
    default: 1.0
"""

EXAMPLES = r"""
- name: See that the newest snapshot is complete
  openclaw_ops.backup.openclaw_verify:
    storage:
      url: file:///srv/backup/openclaw
    encryption:
      key_file: /etc/openclaw-backup/repository.key

- name: Prove that it can be restored
  openclaw_ops.backup.openclaw_verify:
    storage:
      url: s3://agent-backups/prod
    instance: assistant
    encryption:
      identity_file: /run/operator/identity
    level: restore
"""

RETURN = r"""
snapshot:
  description: The snapshot that was verified.
  returned: success
  type: dict
  contains:
    id:
      description: Its identity.
      type: str
      returned: success
    version:
      description: Its position in time order.
      type: str
      returned: success
      sample: v3
    kind:
      description: Why it was made.
      type: str
      returned: success
      sample: scheduled
    scope:
      description: What it holds.
      type: str
      returned: success
      sample: everything
    name:
      description: Its name, if it has one.
      type: str
      returned: success
    created:
      description: When the state was captured, by the host's clock.
      type: str
      returned: success
      sample: "2026-11-20T02:30:00.123Z"
    files:
      description: How many files it holds.
      type: int
      returned: success
      sample: 1290
    bytes:
      description: How much content it holds.
      type: int
      returned: success
      sample: 1717986918
    bytes_stored:
      description: How many bytes making it added to the storage.
      type: int
      returned: success
      sample: 18234001
    chunks_new:
      description: How many chunks of content were stored anew for it.
      type: int
      returned: success
      sample: 1102
    chunks_reused:
      description: How many chunks the repository held already.
      type: int
      returned: success
      sample: 103755
    omissions:
      description: How many entries should be in it and are not.
      type: int
      returned: success
      sample: 0
    excluded:
      description: How many entries were left out by rule.
      type: int
      returned: success
      sample: 42
    duration_s:
      description: Seconds that this task's work took.
      type: float
      returned: success
      sample: 2.1
    requests:
      description: How many requests this task sent to the storage.
      type: int
      returned: success
      sample: 112
level:
  description: How thoroughly.
  returned: success
  type: str
  sample: quick
problems:
  description: What is wrong, one entry each. Not empty only when the task fails.
  returned: always
  type: list
  elements: dict
  sample: []
plan:
  description: What a run without check mode would check.
  returned: in check mode
  type: dict
error_code:
  description: A stable code for what went wrong; docs/troubleshooting.md explains each.
  returned: failure
  type: str
  sample: verification-failed
hint:
  description: What to do next.
  returned: failure
  type: str
"""
