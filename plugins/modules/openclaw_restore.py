#!/usr/bin/python

# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: openclaw_restore
short_description: Restore a snapshot of an OpenClaw instance, over its live state or to a directory
version_added: 0.1.0
description:
  - With O(target), extracts a snapshot, or a part of it, below a directory and touches nothing outside it.
  - Without O(target), puts it where the live state is, as a transaction. It is restored and checked beside the live state while the
    gateway runs; then the gateway is stopped, the states are swapped by rename, and the gateway is started and seen healthy. Whatever
    fails until then is taken back. The old state is kept aside for a while.
  - Every piece of content is authenticated, and every file is compared with the digest that was taken at the backup, before the
    task succeeds.
  - What a backup leaves out, a restore leaves alone. See docs/restore.md of the collection.
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
      - The snapshot's manifest is read and compared with the target, or with the live state. Nothing is written.
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
      - Without it, the live state is replaced.
    type: path
  confirm:
    description:
      - The name of the host, without its domain. Without O(target) nothing is changed unless it is given, outside of check mode.
    type: str
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
  merge:
    description:
      - Without O(target), only these of the snapshot, added to what the live state has.
    type: list
    elements: str
    choices: [cron, sessions]
    default: []
  pre_restore_snapshot:
    description:
      - Without O(target), whether to make a snapshot of the live state first.
    type: bool
    default: true
  keep_aside:
    description:
      - Without O(target), for how long the old state is kept beside the new one, as in V(7d) or V(12h); V(0) removes it at once.
      - A later restore, or C(openclaw-backup recover), removes it when its time is over.
    type: str
    default: 7d
  start:
    description:
      - Without O(target), whether to start the gateway. V(auto) starts one that ran, tried to, or is enabled.
    type: str
    choices: [auto, always, never]
    default: auto
  version:
    description:
      - Without O(target), what to do where another OpenClaw is installed than the one that the snapshot was made with.
      - V(keep) lets the installed one open the state, V(install) installs the snapshot's, V(refuse) fails.
      - A state that is too new for the OpenClaw that would open it is refused before anything is stopped.
    type: str
    choices: [keep, install, refuse]
    default: keep
  deliveries:
    description:
      - Without O(target), whether what was queued to be sent or answered is held back, or sent.
    type: str
    choices: [hold, keep]
    default: hold
  missed_cron:
    description:
      - Without O(target), whether runs of cron jobs that were due since the snapshot are skipped, or run.
    type: str
    choices: [skip, run]
    default: skip
  turns:
    description:
      - Without O(target), whether turns of agents that were under way are closed, or resumed.
    type: str
    choices: [settle, resume]
    default: settle
  locks:
    description:
      - Without O(target), whether locks, sockets and process ids that a process left behind are removed.
    type: str
    choices: [remove, keep]
    default: remove
  anchors:
    description:
      - Without O(target), whether what OpenClaw compares its config with is brought in line with the restored config, so that it does
        not go back to another one.
    type: str
    choices: [refresh, keep]
    default: refresh
  identity:
    description:
      - Without O(target), whose device identity, gateway token and pairings the gateway has afterwards, all together.
    type: str
    choices: [snapshot, target]
    default: snapshot
  service_files:
    description:
      - Without O(target), whether unit and environment files outside of the state directory are restored, too.
    type: bool
    default: false
  exclude:
    description:
      - Without O(target), the patterns that backups of this instance leave out. What lies there is left alone.
    type: list
    elements: str
    default: []
  moves:
    description:
      - Without O(target), paths that are restored to other ones. Another user, home, profile or state directory needs none.
    type: list
    elements: dict
    default: []
    suboptions:
      from:
        description:
          - The path at the backup.
        type: path
        required: true
      to:
        description:
          - The path on this host.
        type: path
        required: true
  unfence:
    description:
      - Without O(target), whether a fence around the gateway (see M(openclaw_ops.backup.openclaw_gateway)) is taken away with the state
        behind it. It stays until the restored state is in place, and stands again if the restore is taken back.
    type: bool
    default: false
  force:
    description:
      - Without O(target), restore although the snapshot is in place and nothing has changed since.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Put the newest snapshot where the live state is
  openclaw_ops.backup.openclaw_restore:
    storage:
      url: s3://agent-backups/prod
    encryption:
      key_file: /etc/openclaw-backup/repository.key
    user: openclaw
    confirm: "{{ ansible_facts.hostname }}"

- name: Show what bringing back yesterday's memory would change
  openclaw_ops.backup.openclaw_restore:
    storage:
      url: s3://agent-backups/prod
    user: openclaw
    snapshot: "2026-11-20"
    components:
      - memory
  check_mode: true
  diff: true

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
  returned: with O(target)
  type: str
  sample: /srv/restored
state_dir:
  description: Where OpenClaw's state directory is, below the target if there is one.
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
  returned: with O(target), when not in check mode
  type: bool
notes:
  description: Remarks.
  returned: when not in check mode
  type: list
  elements: str
plan:
  description:
    - What a run without check mode would create, replace and delete.
    - Without O(target), also what is swapped, left alone and left out, the versions, what is held back, and channels that may have to
      be paired again.
  returned: in check mode, and without O(target)
  type: dict
pre_restore_snapshot:
  description: The snapshot that was made of the live state before.
  returned: without O(target), when not in check mode
  type: str
edits:
  description: What was changed in the restored state so that it fits here and does not act on the past, and paths that lead nowhere.
  returned: without O(target), when not in check mode
  type: dict
  contains:
    changes:
      description: Each with C(kind), C(path), C(field), C(before) and C(after).
      type: list
      elements: dict
      returned: success
    unmapped:
      description: Each with C(path), C(field), C(value) and C(reason).
      type: list
      elements: dict
      returned: success
judged:
  description:
    - What the OpenClaw that was to open the restored state said of its databases and its config before anything was stopped. Null where
      there was nobody to ask.
  returned: without O(target), when not in check mode
  type: dict
aside:
  description: The directories that hold the old state.
  returned: without O(target), when not in check mode
  type: list
  elements: str
  sample: [/home/openclaw/.openclaw-restore-1f0c2ab4]
aside_until:
  description: Until when they are kept, in seconds since 1970.
  returned: without O(target), when not in check mode
  type: float
asides_removed:
  description: Old states of earlier restores that were removed, since their time was over.
  returned: without O(target), when not in check mode
  type: list
  elements: str
health:
  description: The health of the gateway afterwards, if it was started.
  returned: without O(target), when not in check mode
  type: dict
channels_failing:
  description: Accounts of channels that do not work, for instance since they want to be paired again.
  returned: without O(target), when not in check mode
  type: list
  elements: str
downtime_s:
  description: Seconds from the order to stop until the gateway was healthy; of these C(stop_s) for its stop and C(start_s) for its start.
  returned: without O(target), when not in check mode
  type: float
  sample: 12.9
stop_s:
  description: Seconds that the gateway took to stop.
  returned: without O(target), when not in check mode
  type: float
  sample: 1.9
start_s:
  description: Seconds that it took to start and be healthy.
  returned: without O(target), when not in check mode
  type: float
  sample: 10.8
duration_s:
  description: Seconds that the whole restore took.
  returned: without O(target), when not in check mode
  type: float
  sample: 31.4
recovered:
  description: Whether an earlier restore that was cut short was taken back first.
  returned: without O(target), when not in check mode
  type: bool
details:
  description:
    - Facts about a failure.
    - After C(restore-undone), C(cause) is the code of what failed, C(log) holds the last lines that the gateway said, and C(log_file) is
      the file on the host with more of them.
  returned: failure
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

import os

from ansible_collections.openclaw_ops.backup.plugins.module_utils import _adapter, _argspec
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import opening, restore
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.edits.apply import CHOICES, EditOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.inplace import confirm, execute, plan, recover
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.inplace.options import STARTS, VERSIONS, InPlaceOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import GatewayOptions, from_dict

TOOL = "/usr/local/bin/openclaw-backup"  # of the role runner, if it was here
TOOL_CONFIG = "/etc/openclaw-backup/instances"
ARGUMENTS = _argspec.merged(_argspec.INSTANCE, _argspec.STORAGE, _argspec.ENCRYPTION, _argspec.GATEWAY, {
    "snapshot": {"type": "str", "default": "latest"},
    "target": {"type": "path"},
    "confirm": {"type": "str"},
    "paths": {"type": "list", "elements": "str", "default": []},
    "components": {"type": "list", "elements": "str", "default": []},
    "merge": {"type": "list", "elements": "str", "choices": ["cron", "sessions"], "default": []},
    "pre_restore_snapshot": {"type": "bool", "default": True},
    "keep_aside": {"type": "str", "default": "7d"},
    "start": {"type": "str", "choices": list(STARTS), "default": "auto"},
    "version": {"type": "str", "choices": list(VERSIONS), "default": "keep"},
    **{name: {"type": "str", "choices": list(choices), "default": getattr(EditOptions, name)} for name, choices in CHOICES.items()},
    "service_files": {"type": "bool", "default": False},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "moves": {"type": "list", "elements": "dict", "default": [], "options": {
        "from": {"type": "path", "required": True}, "to": {"type": "path", "required": True}}},
    "unfence": {"type": "bool", "default": False},
    "force": {"type": "bool", "default": False},
})


def restore_snapshot(module, context):
    """To a directory, or over the live state."""
    where = _adapter.storage_options(module)
    name = opening.instance_name(_adapter.instance_options(module), where, context)
    _adapter.share_with_tool(module, context, name)
    repository = opening.repository_of(name, where, _adapter.encryption_options(module), context)
    return extract(module, context, repository) if module.params["target"] else put_in_place(module, context, repository, name)


def extract(module, context, repository):
    """Plan, and unless in check mode, write."""
    options = _adapter.options_of(module, restore.RestoreOptions)
    made = restore.plan(repository, options, context)
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
    warn(module, result)
    return {**result, "diff": difference}


def put_in_place(module, context, repository, name):
    """Plan; unless in check mode, end what an earlier restore has left, and do it."""
    recovered = False
    instance, gateway = _adapter.instance_options(module), from_dict(GatewayOptions, module.params["gateway"])
    if not module.check_mode:
        confirm.require(module.params["confirm"])
        recovered = recover.execute(recover.plan(instance, context), gateway, context, start=False)["phase"] is not None
    where = plan.Where(instance, _adapter.storage_options(module), _adapter.encryption_options(module))
    made = plan.plan(repository, options_of(module, gateway), where, context)
    planned = made.to_dict()
    about = _adapter.describe_snapshot(made.repository, made.ref, made.manifest.meta)["snapshot"]
    difference = difference_of(planned)
    if module.check_mode:
        kept = {key: planned[key] for key in ("changed", "state_dir", "files", "bytes", "omissions")}
        return {**kept, "snapshot": about, "plan": planned, "diff": difference}
    if os.geteuid() == 0 and os.path.exists(TOOL) and os.path.exists(f"{TOOL_CONFIG}/{name}.json"):
        context.recover_command = (TOOL, f"--instance={name}", "recover")
    result = execute.execute(made, context).to_dict()
    warn(module, result)
    return {**result, "snapshot": about, "recovered": recovered, "diff": difference}


def options_of(module, gateway):
    """The options of a restore in place."""
    given = module.params
    return InPlaceOptions(
        snapshot=given["snapshot"], paths=tuple(given["paths"]), components=tuple(given["components"]), merge=tuple(given["merge"]),
        exclude=tuple(given["exclude"]), moves=tuple((move["from"], move["to"]) for move in given["moves"]),
        service_files=given["service_files"],
        pre_restore=given["pre_restore_snapshot"], keep_aside=given["keep_aside"], start=given["start"], version=given["version"],
        unfence=given["unfence"], force=given["force"], edits=EditOptions(**{name: given[name] for name in CHOICES}), gateway=gateway)


def difference_of(planned):
    """The paths before and after, for --diff. A path that is replaced is in both, with what becomes of it."""
    paths = planned["paths"]
    before = [*paths["deleted"], *(f"{path} (now)" for path in paths["replaced"])]
    after = [*paths["created"], *(f"{path} (of {planned['snapshot']})" for path in paths["replaced"])]
    return {"before": "".join(f"{path}\n" for path in sorted(before)), "after": "".join(f"{path}\n" for path in sorted(after))}


def warn(module, result):
    """Say what a person should not overlook."""
    _adapter.warn_of_omissions(module, "The snapshot lacks", result["omissions"])
    for database in result["damaged_databases"][:10]:
        module.warn(f"The database {database['path']} was damaged when it was backed up")
    for channel in result.get("channels_failing", ())[:10]:
        module.warn(f"The channel {channel} does not work: it may want to be paired again")
    for note in result["notes"]:
        module.warn(note)


def main():
    _adapter.run(ARGUMENTS, restore_snapshot)


if __name__ == "__main__":
    main()
