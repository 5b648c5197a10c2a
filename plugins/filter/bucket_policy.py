# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter bucket_policy: what each party may do in a bucket, as an IAM policy."""
from __future__ import annotations

DOCUMENTATION = r"""
name: bucket_policy
version_added: 0.1.0
author: The openclaw_ops.backup authors (@openclaw-ops)
short_description: The least permissions of each party, as an IAM policy for a bucket
description:
  - Makes the policy that a host, whoever prunes, whoever restores, or a monitor needs in an S3 bucket, and no more.
  - The policy is a dictionary; C(to_json) makes it what IAM interfaces take.
positional: party
options:
  _input:
    description: Where the repositories are, as in C(storage.url) of the modules, for example V(s3://agent-backups/prod).
    type: str
    required: true
  party:
    description:
      - Who gets the policy.
      - V(host) backs up, creates and reads its own repository, and can neither delete nor write verifications.
      - V(janitor) prunes. It holds no key, reads no packs and no key slots, and cannot create anything.
      - V(restorer) reads everything and writes verifications.
      - V(monitor) reads what a status needs, without any content.
      - V(owner) makes repositories and changes their keys.
    type: str
    choices: [host, janitor, restorer, monitor, owner]
    required: true
  instance:
    description: The one repository that the policy is for. Without it, the policy is for all repositories below the URL.
    type: str
  create_only:
    description:
      - Permit writes only when they ask not to overwrite, by the condition key C(s3:if-none-match).
      - AWS S3 knows it. Ceph and others that do not would refuse every write. There, switch on versioning.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Write the policy of each host
  ansible.builtin.copy:
    content: "{{ 's3://agent-backups/prod' | openclaw_ops.backup.bucket_policy('host', instance=item) | to_nice_json }}"
    dest: "policies/{{ item }}.json"
    mode: "0644"
  loop: "{{ groups['openclaw_servers'] }}"
  delegate_to: localhost

- name: Show what whoever prunes everything needs
  ansible.builtin.debug:
    msg: "{{ 's3://agent-backups/prod' | openclaw_ops.backup.bucket_policy('janitor') }}"
"""

RETURN = r"""
_value:
  description: The policy.
  type: dict
"""

from ansible.errors import AnsibleFilterError

# Below a repository: what each party reads, creates and deletes. docs/format.md says what lies there.
PARTIES = {
    "host": {"s3:GetObject": ["*"], "s3:PutObject": ["packs/*", "snapshots/*", "runs/*"]},
    "janitor": {
        "s3:GetObject": ["repository.json", "snapshots/*", "verifications/*"],
        "s3:DeleteObject": ["packs/*", "snapshots/*", "runs/*", "verifications/*"]},
    "restorer": {"s3:GetObject": ["*"], "s3:PutObject": ["verifications/*"]},
    "monitor": {"s3:GetObject": ["repository.json", "snapshots/*", "runs/*", "verifications/*"]},
    "owner": {
        "s3:GetObject": ["*"], "s3:PutObject": ["repository.json", "keys/*", "probes/*", "runs/*"], "s3:DeleteObject": ["keys/*", "probes/*"]},
}


def bucket_policy(url: str, party: str, instance: str | None = None, create_only: bool = False) -> dict:
    """The policy of a party. AnsibleFilterError for a URL or a party that is none."""
    bucket, _slash, prefix = url.removeprefix("s3://").partition("/")
    if not url.startswith("s3://") or not bucket:
        raise AnsibleFilterError(f"bucket_policy: {url!r} is not s3://bucket/prefix")
    if party not in PARTIES:
        raise AnsibleFilterError(f"bucket_policy: there is no party {party!r}; there are {', '.join(PARTIES)}")
    base = f"arn:aws:s3:::{bucket}/" + "".join(f"{part}/" for part in [*prefix.strip("/").split("/"), instance or "*"] if part)
    statements = [{"Sid": "List", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"}]
    for action, names in PARTIES[party].items():
        statement: dict = {"Sid": action.removeprefix("s3:"), "Effect": "Allow", "Action": action, "Resource": [base + name for name in names]}
        if create_only and action == "s3:PutObject":
            statement["Condition"] = {"Null": {"s3:if-none-match": "false"}}
        statements.append(statement)
    return {"Version": "2012-10-17", "Statement": statements}


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict:
        """Name to function."""
        return {"bucket_policy": bucket_policy}
