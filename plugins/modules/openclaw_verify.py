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
      - Which snapshot, as V(latest), its id, V(vN), its name, or the beginning of its time that fits one snapshot alone; V(all) for all
        of them, except with O(level=restore).
    type: str
    default: latest
  level:
    description:
      - V(quick) looks whether every object that the snapshot needs exists with the right size, and whether the chain of snapshots
        is unbroken.
      - V(data) also reads content, all or a share, decrypts it and compares it.
      - V(restore) also restores into a scratch directory, checks every database and parses every configuration and session file.
      - Booting the gateway of what was restored takes a staging host, and the host tool; the playbook C(openclaw_ops.backup.verify)
        asks it for that.
    type: str
    choices: [quick, data, restore]
    default: quick
  sample:
    description:
      - How much of the content O(level=data) reads, in percent. Which part it is, is drawn anew each time.
    type: float
    default: 100.0
  scratch_dir:
    description:
      - Where O(level=restore) restores to, in a directory of its own that is removed again. It needs room for the whole snapshot.
      - The default is the host's directory for temporary files.
    type: path
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
  returned: when O(snapshot) is not V(all)
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
snapshots:
  description: The ids of the snapshots that were verified.
  returned: always
  type: list
  elements: str
level:
  description: How thoroughly.
  returned: always
  type: str
  sample: quick
sample:
  description: How much of the content was to be read, in percent.
  returned: always
  type: float
  sample: 100.0
ok:
  description: Whether nothing is wrong. A task with V(false) here fails.
  returned: when not in check mode
  type: bool
problems:
  description: What is wrong.
  returned: when not in check mode
  type: list
  elements: dict
  contains:
    snapshot:
      description: In which snapshot.
      type: str
      returned: always
    check:
      description: Which check found it.
      type: str
      returned: always
    object:
      description: The stored object or the path concerned.
      type: str
      returned: always
    message:
      description: What is wrong with it.
      type: str
      returned: always
  sample: []
checks:
  description: Which checks were made, whether they found nothing, and how many seconds each took.
  returned: when not in check mode
  type: list
  elements: dict
omissions:
  description: What the snapshot lacks since it was made.
  returned: when O(snapshot) is not V(all)
  type: list
  elements: dict
bytes_read:
  description: How many bytes the storage sent.
  returned: when not in check mode
  type: int
bytes_checked:
  description: How much content was decrypted and compared.
  returned: when not in check mode
  type: int
files_checked:
  description: How many restored files were checked.
  returned: when not in check mode
  type: int
databases_checked:
  description: How many restored databases were checked with SQLite.
  returned: when not in check mode
  type: int
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

import dataclasses
import os
import shutil
import tempfile

from ansible_collections.openclaw_ops.backup.plugins.module_utils import _adapter, _argspec
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import opening, verify
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError

ARGUMENTS = _argspec.merged(_argspec.INSTANCE, _argspec.STORAGE, _argspec.ENCRYPTION, {
    "snapshot": {"type": "str", "default": "latest"},
    "level": {"type": "str", "choices": ["quick", "data", "restore"], "default": "quick"},
    "sample": {"type": "float", "default": 100.0},
    "scratch_dir": {"type": "path"},
})


def verify_snapshots(module, context):
    """Choose the snapshots, and unless in check mode, check them."""
    where = _adapter.storage_options(module)
    name = opening.instance_name(_adapter.instance_options(module), where, context)
    _adapter.share_with_tool(module, context, name)
    repository = opening.repository_of(name, where, _adapter.encryption_options(module), context)
    options = _adapter.options_of(module, verify.VerifyOptions, scratch=tempfile.gettempdir())
    made = verify.plan(repository, options, context)
    planned = made.to_dict()
    known = {"level": planned["level"], "sample": planned["sample"], "snapshots": planned["snapshots"]}
    if module.params["snapshot"] != "all":
        known.update(_adapter.describe_snapshot(repository, made.refs[0]))
    if module.check_mode:
        return {**known, "changed": False, "plan": planned}
    result = _execute(module, made, known, context)
    if "snapshot" in known:
        known["snapshot"].update(duration_s=result["duration_s"], requests=result["requests"])
    return {**known, **result}


def _execute(module, made, known, context):
    """Check, in a scratch directory where one is needed, which is removed again. What is known goes into a failure's result too."""
    scratch = _make_scratch(module) if module.params["level"] == "restore" else None
    made.options = dataclasses.replace(made.options, scratch=scratch)
    try:
        return verify.execute(made, context).to_dict()
    except EngineError as exc:
        exc.details = {"result": {**known, **exc.details}}
        raise
    finally:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)


def _make_scratch(module):
    """A new directory for a restore that is checked and thrown away."""
    parent = module.params["scratch_dir"] or tempfile.gettempdir()
    try:
        os.makedirs(parent, mode=0o700, exist_ok=True)
        return tempfile.mkdtemp(prefix="openclaw-verify-", dir=parent)
    except OSError as exc:
        raise EngineError(
            "scratch-not-writable", f"No directory can be made in {parent}: {os.strerror(exc.errno or 0)}",
            "Set scratch_dir to a directory with room for the whole snapshot.") from exc


def main():
    _adapter.run(ARGUMENTS, verify_snapshots)


if __name__ == "__main__":
    main()
