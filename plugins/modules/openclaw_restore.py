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
      - A new or empty directory. Files get their original absolute paths below it. Nothing is ever overwritten.
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
      - Only these parts of the instance. V(config), V(credentials), V(sessions), V(memory), V(cron), V(workspace), V(skills), V(state),
        V(unit), V(extra), or V(agent:ID) for all that belongs to one agent.
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
target:
  description: Where it was restored to.
  returned: success
  type: str
  sample: /srv/restored
state_dir:
  description: Where OpenClaw's state directory is below the target.
  returned: success
  type: str
  sample: /srv/restored/home/openclaw/.openclaw
files:
  description: How many files were written. In check mode, how many would be.
  returned: success
  type: int
  sample: 1290
bytes:
  description: How much content was written.
  returned: success
  type: int
  sample: 1717986918
omissions:
  description: What the snapshot itself lacks of what was asked for, and why.
  returned: success
  type: list
  elements: dict
  sample: []
databases_checked:
  description: How many databases were checked with SQLite after they were written.
  returned: when not in check mode
  type: int
  sample: 3
damaged_databases:
  description: Databases that were damaged already when they were backed up.
  returned: when not in check mode
  type: list
  elements: dict
  sample: []
attributes_refused:
  description: Files whose ownership, extended attributes or access lists the target did not take.
  returned: when not in check mode
  type: list
  elements: dict
  sample: []
ownership_kept:
  description: Whether files got their original owners, which only root can give.
  returned: when not in check mode
  type: bool
notes:
  description: Remarks.
  returned: when not in check mode
  type: list
  elements: str
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

from ansible_collections.openclaw_ops.backup.plugins.module_utils import _adapter, _argspec
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import opening, restore

ARGUMENTS = _argspec.merged(_argspec.INSTANCE, _argspec.STORAGE, _argspec.ENCRYPTION, {
    "snapshot": {"type": "str", "default": "latest"},
    "target": {"type": "path", "required": True},
    "paths": {"type": "list", "elements": "str", "default": []},
    "components": {"type": "list", "elements": "str", "default": []},
})


def restore_snapshot(module, context):
    """Plan, and unless in check mode, write."""
    options = _adapter.options_of(module, restore.RestoreOptions)
    where = _adapter.storage_options(module)
    name = opening.instance_name(_adapter.instance_options(module), where, context)
    _adapter.share_with_tool(module, context, name)
    made = restore.plan(opening.repository_of(name, where, _adapter.encryption_options(module), context), options, context)
    planned = made.to_dict()
    about = _adapter.describe_snapshot(made.repository, made.ref, made.manifest.meta)["snapshot"]
    difference = {
        "before": "" if made.changed else f"{options.target}: snapshot {planned['snapshot']}\n",
        "after": f"{options.target}: snapshot {planned['snapshot']}\n"}
    if module.check_mode:
        kept = {key: planned[key] for key in ("changed", "target", "state_dir", "files", "bytes", "omissions")}
        return {**kept, "snapshot": about, "plan": planned, "diff": difference}
    result = restore.execute(made, context).to_dict()
    result["snapshot"] = {**about, **{key: result["snapshot"][key] for key in ("duration_s", "requests")}}
    _adapter.warn_of_omissions(module, "The snapshot lacks", result["omissions"])
    for database in result["damaged_databases"][:10]:
        module.warn(f"The database {database['path']} was damaged when it was backed up")
    return {**result, "diff": difference}


def main():
    _adapter.run(ARGUMENTS, restore_snapshot)


if __name__ == "__main__":
    main()
