# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: openclaw_fleet_status
short_description: Say how the backups of all OpenClaw instances of a storage are
version_added: 0.1.0
description:
  - Looks at all repositories of a storage, without a key, and judges each. Is there a fresh backup, does it fail, is something
    missing in it, and was it lately proven to restore?
  - Reads one listing and a few small objects of each instance. What it has read is remembered in O(cache_dir).
  - Can write the result as a self-contained HTML page, as JSON, and as metrics for Prometheus.
author:
  - the openclaw_ops.backup authors (@openclaw-ops)
extends_documentation_fragment:
  - ansible.builtin.files
  - openclaw_ops.backup._attributes
  - openclaw_ops.backup._attributes.actiongroup
  - openclaw_ops.backup._common
  - openclaw_ops.backup._common.storage
attributes:
  async:
    support: full
  check_mode:
    support: full
    details:
      - In check mode no file is written.
  diff_mode:
    support: none
  idempotent:
    support: none
    details:
      - What it writes holds the time of the look.
options:
  only:
    description:
      - Look at these instances and no others. The default is all that the storage holds.
    type: list
    elements: str
    default: []
  expected:
    description:
      - Instances that there should be. One that the storage does not hold is shown as never backed up.
    type: list
    elements: dict
    default: []
    suboptions:
      instance:
        description:
          - The name of the instance.
        type: str
        required: true
      host:
        description:
          - The host that it is on, for people.
        type: str
      max_age:
        description:
          - As O(max_age), for this instance.
        type: str
      max_unverified_age:
        description:
          - As O(max_unverified_age), for this instance.
        type: str
  max_age:
    description:
      - How old the last good backup of an instance may be, for example V(26h) or V(2d). V(0) means any age.
    type: str
    default: 26h
  max_unverified_age:
    description:
      - How long ago a restore may last have been proven to work. V(0) means any time.
    type: str
    default: 35d
  reports:
    description:
      - What hosts say of themselves, as the playbook C(openclaw_ops.backup.status) collects it.
      - Each entry may have the keys C(instance), C(host), C(reachable), C(enabled), C(next_run), C(failing_since), C(error_code),
        C(msg) and C(channels).
    type: list
    elements: dict
    default: []
  title:
    description:
      - What stands above the page.
    type: str
    default: OpenClaw backups
  html_dest:
    description:
      - Where to write the page. The directory must exist.
    type: path
  json_dest:
    description:
      - Where to write the result as JSON.
    type: path
  prometheus_dest:
    description:
      - Where to write metrics. For the textfile collector the name must end in C(.prom).
    type: path
  report_dest:
    description:
      - Where to write the report for auditors, JSON. Its signature is written beside it, with C(.sig) appended.
    type: path
  report_key:
    description:
      - The Ed25519 key, PEM, that signs the report. Where there is none it is made, and its public half beside it, with C(.pub) appended.
    type: path
  fail_on:
    description:
      - Fail, after everything was written, if an instance is in such a state or a worse one.
    type: str
    choices: [none, bad, attention]
    default: none
"""

EXAMPLES = r"""
- name: Write the page of the fleet
  openclaw_ops.backup.openclaw_fleet_status:
    storage:
      url: s3://agent-backups/prod
    html_dest: /srv/www/backups.html
    mode: "0644"

- name: Fail if an instance of this inventory is not backed up
  openclaw_ops.backup.openclaw_fleet_status:
    storage:
      url: file:///srv/backup/openclaw
    expected:
      - instance: assistant
        host: vps-01
        max_age: 2h
    fail_on: bad
"""

RETURN = r"""
instances:
  description: The instances, the one that needs a person most first; docs/monitoring.md describes each key.
  returned: success, and failure by O(fail_on)
  type: list
  elements: dict
  contains:
    instance:
      description: Its name.
      type: str
      returned: always
    host:
      description: The host that it is on, where that is known.
      type: str
      returned: always
    health:
      description: The worst that is to be said of it.
      type: str
      returned: always
      sample: stale
    severity:
      description: V(ok), V(attention) or V(bad).
      type: str
      returned: always
    reason:
      description: Why it is not in order, in a sentence.
      type: str
      returned: always
    age_s:
      description: Seconds since it was last known to be backed up.
      type: int
      returned: always
worst:
  description: The health of the worst instance.
  returned: success, and failure by O(fail_on)
  type: str
  sample: ok
severity:
  description: The severity of the worst instance.
  returned: success, and failure by O(fail_on)
  type: str
  sample: ok
counts:
  description: How many instances are of each severity.
  returned: success, and failure by O(fail_on)
  type: dict
  sample: {bad: 0, attention: 1, ok: 48}
recoverable:
  description: How many instances could be brought back today.
  returned: success, and failure by O(fail_on)
  type: int
  sample: 48
report_signed_by:
  description: The fingerprint of the key that signed the report, SHA-256 in hexadecimal.
  returned: when O(report_dest) is given
  type: str
table:
  description: The same as lines of text.
  returned: success, and failure by O(fail_on)
  type: list
  elements: str
written:
  description: The files that were written, or would be.
  returned: success, and failure by O(fail_on)
  type: list
  elements: str
error_code:
  description: A stable code for what went wrong; docs/troubleshooting.md explains each.
  returned: failure
  type: str
  sample: fleet-not-in-order
hint:
  description: What to do next.
  returned: failure
  type: str
"""

import json
import os
import socket
import tempfile

from ansible_collections.openclaw_ops.backup.plugins.module_utils import _adapter, _argspec
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.report import metrics, page, signed, text
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.status import expectations, fleet, model

ARGUMENTS = _argspec.merged(_argspec.STORAGE, {
    "only": {"type": "list", "elements": "str", "default": []},
    "expected": {"type": "list", "elements": "dict", "default": [], "options": {
        "instance": {"type": "str", "required": True},
        "host": {"type": "str"},
        "max_age": {"type": "str"},
        "max_unverified_age": {"type": "str"},
    }},
    "max_age": {"type": "str", "default": "26h"},
    "max_unverified_age": {"type": "str", "default": "35d"},
    "reports": {"type": "list", "elements": "dict", "default": []},
    "title": {"type": "str", "default": "OpenClaw backups"},
    "html_dest": {"type": "path"},
    "json_dest": {"type": "path"},
    "prometheus_dest": {"type": "path"},
    "report_dest": {"type": "path"},
    "report_key": {"type": "path", "no_log": False},
    "fail_on": {"type": "str", "choices": ["none", "bad", "attention"], "default": "none"},
})


def tell(module, context):
    """Look, write what is wanted, and judge."""
    params = module.params
    objectives = expectations.objectives(params)
    found = fleet.look(
        _adapter.storage_options(module), context, objectives, expectations.expected(params["expected"], objectives),
        expectations.reports(params["reports"]), params["only"])
    documents = {
        params["html_dest"]: lambda: page.page(found, params["title"]),
        params["json_dest"]: lambda: json.dumps(found.to_dict(), indent=1) + "\n",
        params["prometheus_dest"]: lambda: metrics.textfile(found)}
    written = [path for path in documents if path]
    for path in written:
        if not module.check_mode:
            write(module, path, documents[path]().encode())
    described = found.to_dict()
    result = {
        "changed": bool(written), "written": written, "table": text.table(found).splitlines(),
        **{name: described[name] for name in ("instances", "worst", "severity", "counts", "recoverable")}}
    if params["report_dest"]:
        result.update(changed=True, written=[*written, params["report_dest"], params["report_dest"] + signed.SIGNATURE])
        if not module.check_mode:
            result["report_signed_by"] = write_report(module, found)
    wrong = model.SEVERITIES.index(found.severity)
    if params["fail_on"] != "none" and wrong >= model.SEVERITIES.index(params["fail_on"]):
        raise EngineError("fleet-not-in-order", text.summary(found), "See instances in the result: each one says why.", {"result": result})
    return result


def write_report(module, found):
    """Write the report and its signature; gives the fingerprint of the key. EngineError as of write(), "signing-key-unusable"."""
    path = module.params["report_dest"]
    signer = signed.Signer(module.params["report_key"])
    document = signed.document(found, signer, socket.gethostname())
    write(module, path, document)
    write(module, path + signed.SIGNATURE, signer.sign(document))
    return signer.fingerprint


def write(module, path, content):
    """Replace a file at once, so that nobody reads half of it. EngineError "destination-not-writable"."""
    try:
        directory = os.path.dirname(path) or "."
        with tempfile.NamedTemporaryFile("wb", dir=directory, prefix=".openclaw-", delete=False) as stream:
            stream.write(content)
        module.atomic_move(stream.name, path)
    except OSError as exc:
        raise EngineError(
            "destination-not-writable", f"{path} cannot be written: {os.strerror(exc.errno or 0)}", "Make its directory, or choose another."
        ) from exc
    module.set_fs_attributes_if_different(module.load_file_common_arguments(module.params, path=path), False)


def main():
    _adapter.run(ARGUMENTS, tell, add_file_common_args=True, required_together=[("report_dest", "report_key")])


if __name__ == "__main__":
    main()
