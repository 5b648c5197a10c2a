#!/usr/bin/python

# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: openclaw_restore
short_description: Restore a snapshot of an OpenClaw instance to a directory
version_added: 0.1.0
description:
  - Extracts a snapshot, or a part of it, below a directory and touches nothing outside it.
  - Every piece of content is authenticated, and every file is compared with the digest that was taken at the backup, before the
    task succeeds.
  - The live instance is not changed.
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
      - The snapshot's manifest is read and compared with the target. Nothing is written.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  snapshot:
    description:
      - Which snapshot, as V(latest), its id, V(vN), its name, or the beginning of its time that fits one snapshot alone.
    type: str
    default: latest
  target:
    description:
      - The directory below which files are written. It is made if it does not exist.
    type: path
    required: true
  paths:
    description:
      - Only these files and directories, as they were called on the host, or relative to the state directory.
    type: list
    elements: str
    default: []
  components:
    description:
      - Only these parts of the instance, for example V(config), V(credentials), V(sessions), V(memory), V(workspace), V(cron), or
        V(agent:NAME) for one agent.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Restore everything of the newest snapshot to look at it
  openclaw_ops.backup.openclaw_restore:
    storage:
      url: file:///srv/backup/openclaw
    encryption:
      key_file: /etc/openclaw-backup/repository.key
    target: /srv/restored

- name: Restore the configuration as it was on a day
  openclaw_ops.backup.openclaw_restore:
    storage:
      url: s3://agent-backups/prod
    instance: assistant
    encryption:
      identity_file: /run/operator/identity
    snapshot: "2026-11-20"
    components:
      - config
    target: /srv/restored
"""

RETURN = r"""
snapshot:
  description: The snapshot that was restored.
  returned: success
  type: dict
  contains:
    id:
      description: Its identity.
      type: str
      returned: success
    version:
      description: Its position in time order.
      type: int
      returned: success
target:
  description: Where it was restored to.
  returned: success
  type: str
  sample: /srv/restored
files:
  description: How many entries were written. In check mode, how many would be.
  returned: success
  type: int
  sample: 1290
bytes:
  description: How much content was written.
  returned: success
  type: int
  sample: 1717986918
omissions:
  description: What the snapshot itself lacks, or could not be written as it was, and why.
  returned: success
  type: list
  elements: dict
  sample: []
duration_s:
  description: Seconds that the restore took.
  returned: success
  type: float
  sample: 2.1
requests:
  description: How many requests the storage was sent.
  returned: success
  type: int
  sample: 112
plan:
  description: What a run without check mode would create, replace and delete.
  returned: in check mode
  type: dict
error_code:
  description: A stable code for what went wrong; docs/troubleshooting.md explains each.
  returned: failure
  type: str
  sample: wrong-key
hint:
  description: What to do next.
  returned: failure
  type: str
"""
