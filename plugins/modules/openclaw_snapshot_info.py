#!/usr/bin/python

# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: openclaw_snapshot_info
short_description: List the snapshots of an OpenClaw instance
version_added: 0.1.0
description:
  - Lists the snapshots of a repository, oldest first, with their times, kinds and sizes.
  - Without a key all but names and notes is known; with one these are too, and the list is authenticated.
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
      - This module never changes anything.
  diff_mode:
    support: N/A
  idempotent:
    support: full
options:
  query:
    description:
      - A JMESPath expression over the list of snapshots, as in the query option of AWS command line tools.
      - Its result is returned as RV(result).
    type: str
"""

EXAMPLES = r"""
- name: List all snapshots
  openclaw_ops.backup.openclaw_snapshot_info:
    storage:
      url: file:///srv/backup/openclaw
  register: listing

- name: The ids of the snapshots with omissions
  openclaw_ops.backup.openclaw_snapshot_info:
    storage:
      url: s3://agent-backups/prod
    instance: assistant
    query: "[?omissions > `0`].id"
  register: incomplete
"""

RETURN = r"""
snapshots:
  description: The snapshots, oldest first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Its identity.
      type: str
      returned: success
      sample: "2026-11-20T02:30:00.123Z"
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
    note:
      description: The remark that was kept with it.
      type: str
      returned: success
    complete:
      description: Whether nothing is missing in it.
      type: bool
      returned: success
    duration_s:
      description: Seconds that making it took.
      type: float
      returned: success
    parent:
      description: The snapshot that it was compared with.
      type: str
      returned: success
    packs:
      description: How many stored packs it needs.
      type: int
      returned: success
    openclaw_version:
      description: The version of OpenClaw that it was taken of.
      type: str
      returned: success
    verified:
      description:
        - What the newest verification that read its content has found, if there was one, with its C(time), its C(level) and whether
          it C(passed).
      type: dict
      returned: success
      sample: {"time": "2026-11-21T03:12:45.000Z", "level": "boot", "passed": true}
    error:
      description: What is wrong with it, if it cannot be read.
      type: str
      returned: success
instance:
  description: Whose repository it is.
  returned: success
  type: str
result:
  description: What O(query) gave.
  returned: when O(query) is given
  type: raw
error_code:
  description: A stable code for what went wrong; docs/troubleshooting.md explains each.
  returned: failure
  type: str
  sample: query-invalid
hint:
  description: What to do next.
  returned: failure
  type: str
"""

from ansible_collections.openclaw_ops.backup.plugins.module_utils import _adapter, _argspec
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import opening, query, snapshots

ARGUMENTS = _argspec.merged(_argspec.INSTANCE, _argspec.STORAGE, _argspec.ENCRYPTION, {"query": {"type": "str"}})


def list_snapshots(module, context):
    """List, and search the list."""
    expression = query.parse(module.params["query"]) if module.params["query"] else None
    where, encryption = _adapter.storage_options(module), _adapter.encryption_options(module)
    name = opening.instance_name(_adapter.instance_options(module), where, context)
    _adapter.share_with_tool(module, context, name)
    if opening.has_key(encryption):
        repository = opening.repository_of(name, where, encryption, context)
        listing = snapshots.described(snapshots.list_infos(repository), repository.storage, repository.bundle)
    else:
        storage = opening.storage_of(name, where, context)
        listing = snapshots.described(snapshots.list_without_key(storage), storage)
    result = {"changed": False, "instance": name, "snapshots": listing}
    if expression is not None:
        result["result"] = query.search(expression, listing)
    return result


def main():
    _adapter.run(ARGUMENTS, list_snapshots)


if __name__ == "__main__":
    main()
