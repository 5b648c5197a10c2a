#!/usr/bin/python

# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: openclaw_backup
short_description: Back up an OpenClaw instance
version_added: 0.1.0
description:
  - Stores a snapshot of an OpenClaw instance in its repository, encrypted on the host, while the gateway runs.
  - The snapshot holds configuration, credentials, sessions, memory, workspaces and whatever else belongs to the instance.
  - Only blocks that the repository does not hold yet are stored. Where nothing changed, no snapshot is made.
  - Databases are captured live, all of one moment; nothing is stopped unless O(consistency) says so.
  - What should be in the snapshot and is not is listed in RV(omissions), and the task says so in a warning.
author:
  - the openclaw_ops.backup authors (@openclaw-ops)
extends_documentation_fragment:
  - openclaw_ops.backup._attributes
  - openclaw_ops.backup._attributes.actiongroup
  - openclaw_ops.backup._attributes.progress
  - openclaw_ops.backup._common
  - openclaw_ops.backup._common.encryption
  - openclaw_ops.backup._common.gateway
  - openclaw_ops.backup._common.instance
  - openclaw_ops.backup._common.storage
attributes:
  async:
    support: full
  check_mode:
    support: full
    details:
      - The instance is scanned and compared with the latest snapshot. Nothing is stored.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - The second of two runs makes no snapshot if nothing changed in between. A running gateway changes its state all the time.
options:
  scope:
    description:
      - What the snapshot holds.
      - V(config) is configuration and credentials, V(workspace) the agents' workspaces, V(state) everything but these workspaces.
    type: str
    choices: [everything, config, state, workspace]
    default: everything
  include:
    description:
      - What is backed up beside the state directory.
    type: dict
    suboptions:
      workspace:
        description:
          - Whether the agents' workspaces are in the snapshot.
        type: bool
        default: true
      extra_paths:
        description:
          - Files and directories of the host that belong to the agent too.
          - Absolute paths, V(HOME) for the user's home directory, or V(/) for everything except C(/proc), C(/sys), C(/dev), C(/tmp) and C(/run).
        type: list
        elements: str
        default: []
  exclude:
    description:
      - Patterns of files that are left out, as in a C(.gitignore) file, in addition to the documented default list.
      - Configuration, credentials and databases cannot be left out.
    type: list
    elements: str
    default: []
  kind:
    description:
      - Why the snapshot is made. V(manual) ones are never removed automatically.
    type: str
    choices: [manual, scheduled, pre-update, pre-restore, migration]
    default: manual
  name:
    description:
      - A name for the snapshot, which no other snapshot of the repository may have. Named snapshots are never removed automatically.
    type: str
  note:
    description:
      - A remark that is kept with the snapshot, encrypted.
    type: str
    default: ""
  force:
    description:
      - Make a snapshot even though nothing changed.
    type: bool
    default: false
  consistency:
    description:
      - How the moment of the snapshot is held still.
      - V(live) leaves the gateway alone; every file is sound and all databases are of one moment.
      - V(suspend) asks the gateway itself to let its work come to an end and to take no new work, for the moment in which files are
        listed and databases are pinned. Its process stays up.
      - V(stop) stops it for that moment, starts it again, and waits until it is healthy. Only then is anything read and stored.
      - A gateway that is stopped already stays so. Where the plan finds nothing to store, the gateway is left alone.
      - RV(consistency) is the level that was reached.
    type: str
    choices: [live, suspend, stop]
    default: live
  on_busy:
    description:
      - What to do where O(consistency=suspend) does not come about, since work does not end within O(gateway.drain_timeout), the
        release is too old for it, or the gateway refuses.
      - V(live) backs up all the same and says so, V(stop) stops the gateway, V(fail) makes no snapshot.
      - With O(consistency=stop), V(live) also means that a gateway that is not stopped in time is started again and backed up live.
    type: str
    choices: [live, stop, fail]
    default: live
"""

EXAMPLES = r"""
- name: Back up to a directory
  openclaw_ops.backup.openclaw_backup:
    storage:
      url: file:///srv/backup/openclaw
    encryption:
      key_file: /etc/openclaw-backup/repository.key

- name: Back up to an S3 service with a key that cannot read backups
  openclaw_ops.backup.openclaw_backup:
    instance: assistant
    user: openclaw
    storage:
      url: s3://agent-backups/prod
      endpoint: https://s3.example.com
      region: eu-central-1
      access_key_id_file: /etc/openclaw-backup/access-key-id
      secret_access_key_file: /etc/openclaw-backup/secret-access-key
    encryption:
      writer_key_file: /etc/openclaw-backup/writer.key
    kind: scheduled

- name: Back up while the gateway holds still; stop it if it is too busy for that
  openclaw_ops.backup.openclaw_backup:
    storage:
      url: file:///srv/backup/openclaw
    encryption:
      key_file: /etc/openclaw-backup/repository.key
    consistency: suspend
    on_busy: stop
    gateway:
      drain_timeout: 30

- name: Keep a snapshot by name before an update
  openclaw_ops.backup.openclaw_backup:
    storage:
      url: file:///srv/backup/openclaw
    encryption:
      passphrase_file: /root/openclaw-passphrase
    kind: pre-update
    name: before-2026.10
    note: Last state before the update
    force: true
"""

RETURN = r"""
snapshot:
  description:
    - The snapshot that was made, or, where nothing changed, the one that already holds this state.
    - In check mode, what is known of the snapshot that would be made.
  returned: success
  type: dict
  contains:
    id:
      description: Its time in UTC, which is its identity.
      type: str
      returned: success
      sample: "2026-11-20T02:30:00.123Z"
    version:
      description: Its position in time order; the newest is the highest. Snapshots can be named by it.
      type: str
      returned: success
      sample: v3
    kind:
      description: Why it was made.
      type: str
      returned: success
      sample: manual
    scope:
      description: What it holds.
      type: str
      returned: success
      sample: everything
    name:
      description: Its name, if it has one.
      type: str
      returned: success
      sample: before-2026.10
    created:
      description: When the state was captured, by the host's clock.
      type: str
      returned: success
      sample: "2026-11-20T02:30:00.123Z"
    files:
      description: How many files, directories and links it holds.
      type: int
      returned: success
      sample: 1290
    bytes:
      description: How much content it holds.
      type: int
      returned: success
      sample: 1717986918
    bytes_stored:
      description: How many bytes making this snapshot added to the storage.
      type: int
      returned: success
      sample: 18234001
    chunks_new:
      description: How many chunks of content were stored anew.
      type: int
      returned: success
      sample: 1102
    chunks_reused:
      description: How many chunks the repository held already.
      type: int
      returned: success
      sample: 103755
    omissions:
      description: How many entries should be in the snapshot and are not. RV(omissions) lists them.
      type: int
      returned: success
      sample: 0
    excluded:
      description: How many entries were left out by rule.
      type: int
      returned: success
      sample: 42
    duration_s:
      description: Seconds that the backup took.
      type: float
      returned: success
      sample: 3.4
    requests:
      description: How many requests the storage was sent.
      type: int
      returned: success
      sample: 12
omissions:
  description: What should be in the snapshot and is not.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: Where it is on the host.
      type: str
      returned: success
    reason:
      description: Why it is not in the snapshot.
      type: str
      returned: success
  sample: []
findings:
  description: What was noticed about the instance on the way and a person should know.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description: A stable code.
      type: str
      returned: success
    message:
      description: What was noticed.
      type: str
      returned: success
    path:
      description: Where, if anywhere.
      type: str
      returned: success
  sample: []
damaged_databases:
  description: Databases that were damaged already, with what SQLite says of them. They are in the snapshot as they are.
  returned: when not in check mode
  type: list
  elements: dict
  sample: []
consistency:
  description: How the moment was held still in the end.
  returned: when not in check mode
  type: str
  sample: suspend
consistency_reason:
  description: Why it is not what O(consistency) asks for.
  returned: when not in check mode
  type: str
  sample: the gateway was not running
downtime_s:
  description: Seconds during which the gateway took no new work, until it was healthy again.
  returned: when not in check mode
  type: float
  sample: 0.31
drain_s:
  description: Seconds of RV(downtime_s) that running work took to end before the gateway held still.
  returned: when not in check mode
  type: float
  sample: 0.28
stop_s:
  description: Seconds of RV(downtime_s) until the gateway was fully stopped.
  returned: when not in check mode
  type: float
  sample: 0.0
start_s:
  description: Seconds of RV(downtime_s) from the order to start until the gateway was healthy.
  returned: when not in check mode
  type: float
  sample: 0.0
files_changed_since:
  description: How many files, databases apart, were written between the moment in which the gateway held still and their reading.
  returned: when not in check mode
  type: int
  sample: 0
plan:
  description: What a run without check mode would do.
  returned: in check mode
  type: dict
error_code:
  description: A stable code for what went wrong; docs/troubleshooting.md explains each.
  returned: failure
  type: str
  sample: repository-missing
hint:
  description: What to do next.
  returned: failure
  type: str
  sample: Check the place (is the disk mounted, is the prefix right?).
"""

from ansible_collections.openclaw_ops.backup.plugins.module_utils import _adapter, _argspec
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import backup, opening, source
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import BackupOptions

ARGUMENTS = _argspec.merged(_argspec.INSTANCE, _argspec.STORAGE, _argspec.ENCRYPTION, _argspec.GATEWAY, {
    "scope": {"type": "str", "choices": ["everything", "config", "state", "workspace"], "default": "everything"},
    "include": {
        "type": "dict",
        "options": {
            "workspace": {"type": "bool", "default": True},
            "extra_paths": {"type": "list", "elements": "str", "default": []},
        },
    },
    "exclude": {"type": "list", "elements": "str", "default": []},
    "kind": {"type": "str", "choices": ["manual", "scheduled", "pre-update", "pre-restore", "migration"], "default": "manual"},
    "name": {"type": "str"},
    "note": {"type": "str", "default": ""},
    "force": {"type": "bool", "default": False},
    "consistency": {"type": "str", "choices": ["live", "suspend", "stop"], "default": "live"},
    "on_busy": {"type": "str", "choices": ["live", "stop", "fail"], "default": "live"},
})


def back_up(module, context):
    """Plan, and unless in check mode, store."""
    options = _adapter.options_of(module, BackupOptions)
    where, encryption = _adapter.storage_options(module), _adapter.encryption_options(module)
    chosen = source.choose(_adapter.instance_options(module), options, where, encryption, context)
    name = chosen.source.instance.name
    _adapter.share_with_tool(module, context, name)
    made = backup.plan(lambda: opening.repository_of(name, where, encryption, context), chosen.source, options, context)
    findings = [vars(finding) for finding in chosen.findings()]
    planned = made.to_dict()
    difference = {"before": "", "after": "".join(path + "\n" for path in planned["changed_paths"])}
    if module.check_mode:
        snapshot = {
            "id": None, "version": None, "kind": options.kind, "scope": options.scope, "name": options.name, "created": None,
            "files": planned["files"], "bytes": planned["bytes"], "bytes_stored": None, "chunks_new": None, "chunks_reused": None,
            "omissions": len(planned["omissions"]), "excluded": sum(planned["excluded"].values()), "duration_s": None, "requests": None}
        return {
            "changed": made.changed, "snapshot": snapshot, "omissions": planned["omissions"], "findings": findings, "plan": planned,
            "diff": difference}
    result = backup.execute(made, context).to_dict()
    if result["consistency"] == "live" and result["consistency_reason"]:
        module.warn(f"Backed up live, not with consistency {options.consistency}: {result['consistency_reason']}")
    _adapter.warn_of_omissions(module, "Not in the snapshot:", result["omissions"])
    for database in result["damaged_databases"][:10]:
        module.warn(f"The database {database['path']} is damaged, and was stored as it is: {database['quick_check']}")
    return {**result, "findings": findings, "diff": difference}


def main():
    _adapter.run(ARGUMENTS, back_up)


if __name__ == "__main__":
    main()
