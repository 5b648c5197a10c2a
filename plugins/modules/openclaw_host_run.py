#!/usr/bin/python

# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: openclaw_host_run
short_description: Run the host tool openclaw-backup and give its results
version_added: 0.1.0
description:
  - Runs a command of the tool that the role P(openclaw_ops.backup.runner#role) has installed, with the configuration and the
    credentials of the host, as its timers do. What the playbooks for fleets are made of.
  - Where the controller or the connection is lost, the command goes on on the host.
author:
  - the openclaw_ops.backup authors (@openclaw-ops)
extends_documentation_fragment:
  - openclaw_ops.backup._attributes
  - openclaw_ops.backup._attributes.progress
attributes:
  async:
    support: full
  check_mode:
    support: partial
    details:
      - C(prune), C(update), and C(restore) over the live state, run with C(--dry-run), and commands that only look are run. All
        others are skipped.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - As the command.
options:
  arguments:
    description:
      - The command and its options, as C(openclaw-backup --help) shows them. Neither C(--json) nor the choice of instances.
      - No option of the tool takes a secret.
    type: list
    elements: str
    required: true
  instance:
    description:
      - The instance that is meant. Without it, all instances of the host.
    type: str
  executable:
    description:
      - The tool.
    type: path
    default: /usr/local/bin/openclaw-backup
"""

EXAMPLES = r"""
- name: Back up all instances of the host before it moves
  openclaw_ops.backup.openclaw_host_run:
    arguments: [now, --kind, migration, --note, before the move, --wait, "1800"]

- name: Show what prune would remove of one
  openclaw_ops.backup.openclaw_host_run:
    arguments: [prune]
    instance: assistant
  check_mode: true
"""

RETURN = r"""
instances:
  description: The tool's report of each instance; docs/tool.md describes its fields.
  returned: when the tool gave one
  type: list
  elements: dict
  sample: [{"instance": "assistant", "operation": "backup", "status": "complete", "exit_code": 0}]
exit_code:
  description: The tool's exit status. From 10 on it is a failure.
  returned: when it ran
  type: int
  sample: 0
error_code:
  description: A stable code for what went wrong with the first instance that failed; docs/troubleshooting.md explains each.
  returned: failure
  type: str
  sample: storage-unreachable
hint:
  description: What to do next.
  returned: failure
  type: str
  sample: Check the network.
"""

import json
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.openclaw_ops.backup.plugins.module_utils._adapter import in_home
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.progress_file import VARIABLE

FAILED = 10  # exit statuses from here on
LOOKS = ("list", "status", "diff", "ls", "doctor", "instances", "survey")  # commands that change nothing
REHEARSED = ("prune", "restore", "update")  # that say with --dry-run what they would do


def command_of(params, check_mode):
    """The words of the command, or None where check mode has to leave it out."""
    arguments = list(params["arguments"])
    changing = bool(arguments) and arguments[0] not in LOOKS and arguments[:2] not in (["keys"], ["keys", "list"])
    if check_mode and changing:
        if arguments[0] not in REHEARSED or any(word.startswith("--target") for word in arguments):
            return None
        arguments.append("--dry-run")
    which = ["--instance", params["instance"]] if params["instance"] else ["--all"]
    return [params["executable"], "--json", *which, *arguments]


def result_of(code, output, error):
    """What the module says of a run."""
    try:
        said = json.loads(output)
        reports = said["instances"] if "instances" in said else [said]
        if not all(isinstance(report, dict) for report in reports):
            raise ValueError("a report is no object")
    except (ValueError, TypeError, KeyError):
        lines = (error.strip() or output.strip()).splitlines() or ["it says nothing"]
        return {
            "failed": True, "exit_code": code, "error_code": "host-tool-failed",
            "msg": f"openclaw-backup ended with status {code} and without a result: {lines[-1][:500]}",
            "hint": "Run the same command on the host, as root."}
    result = {"changed": any(report.get("changed") is True for report in reports), "instances": reports, "exit_code": code}
    first = next((report for report in reports if report.get("status") == "failed"), None)
    if code >= FAILED and first:
        result.update({"failed": True}, **{name: first.get(name) for name in ("msg", "error_code", "hint")})
    return result


def main():
    module = AnsibleModule(
        argument_spec={
            "arguments": {"type": "list", "elements": "str", "required": True},
            "instance": {"type": "str"},
            "executable": {"type": "path", "default": "/usr/local/bin/openclaw-backup"},
        },
        supports_check_mode=True)
    command = command_of(module.params, module.check_mode)
    if command is None:
        module.exit_json(skipped=True, msg="Left out in check mode: it would change something")
    if not os.access(command[0], os.X_OK):
        module.fail_json(
            msg=f"There is no {command[0]} on this host", error_code="host-tool-missing",
            hint="Set the host up first: ansible-playbook openclaw_ops.backup.site.")
    progress = {VARIABLE: in_home(os.environ[VARIABLE])} if os.environ.get(VARIABLE) else {}
    code, output, error = module.run_command(command, environ_update=progress)
    result = result_of(code, output, error)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
