#!/usr/bin/python

# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: openclaw_repository
short_description: Make the repository of an OpenClaw instance and manage its keys
version_added: 0.1.0
description:
  - Makes a repository if there is none, and finds out what its storage really does.
  - Adds and removes key slots. A slot is what one passphrase, key file or operator's key opens; changing slots touches no data.
  - Exports the writer key, with which a host backs up but reads no content.
  - Losing every key loses the backups. Keep one of them somewhere else than on the host that is backed up.
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
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  label:
    description:
      - What the key that O(encryption) names is called in listings, if this task makes the repository with it.
    type: str
    default: first
  fips:
    description:
      - Stretch passphrases with PBKDF2 in place of Argon2id, in the slots that this task makes.
    type: bool
    default: false
  create_key_file:
    description:
      - Make O(encryption.key_file) with a random key, readable by its owner only, if neither it nor the repository exists.
    type: bool
    default: false
  operator_identity_dest:
    description:
      - Make an operator's key pair if this file does not exist. The private key is written to it, readable by its owner only, and the
        public key beside it with C(.pub) at the end of the name.
      - Do this where the operator works, not on a host that is backed up.
    type: path
  slots:
    description:
      - Key slots that there are to be, or not to be. Slots that are not listed stay as they are.
    type: list
    elements: dict
    default: []
    suboptions:
      label:
        description: What the slot is called. A present slot of this label is left alone.
        type: str
        required: true
      state:
        description: Whether there is to be such a slot. The last slot cannot be removed.
        type: str
        choices: [present, absent]
        default: present
      passphrase_file:
        description: A file on the host that holds the new passphrase.
        type: path
      passphrase_env:
        description: The name of an environment variable of the module that holds the new passphrase.
        type: str
      key_file:
        description: A file on the host that is to open the repository.
        type: path
      operator_public_file:
        description: A file on the host with an operator's public key. The private one opens the slot.
        type: path
  writer_key_dest:
    description:
      - Write the writer key to this file on the host, readable by its owner only.
    type: path
"""

EXAMPLES = r"""
- name: Make a repository with a random key
  openclaw_ops.backup.openclaw_repository:
    storage:
      url: file:///srv/backup/openclaw
    encryption:
      key_file: /etc/openclaw-backup/repository.key
    create_key_file: true

- name: Let two operators open it, and give the host a key that cannot read
  openclaw_ops.backup.openclaw_repository:
    storage:
      url: s3://agent-backups/prod
    instance: assistant
    encryption:
      passphrase_file: /run/operator/passphrase
    slots:
      - label: alice
        operator_public_file: /run/operator/alice.pub
      - label: bob
        operator_public_file: /run/operator/bob.pub
      - label: mallory
        state: absent
    writer_key_dest: /run/operator/assistant-writer.key
"""

RETURN = r"""
repository:
  description: The repository.
  returned: success
  type: dict
  contains:
    id:
      description: Its identity. In check mode, empty for one that would be made.
      type: str
      returned: success
    url:
      description: Where it is.
      type: str
      returned: success
      sample: file:///srv/backup/openclaw/assistant
    created:
      description: When it was made.
      type: str
      returned: success
    slots:
      description: Its key slots.
      type: list
      elements: dict
      returned: success
      contains:
        slot:
          description: The slot's identity.
          type: str
          returned: success
        label:
          description: What it is called.
          type: str
          returned: success
        kind:
          description: What opens it.
          type: str
          returned: success
          sample: key-file
        created:
          description: When it was made.
          type: str
          returned: success
    create_only:
      description: Whether the storage itself refuses to overwrite objects.
      type: bool
      returned: when the repository was made
    can_delete:
      description: Whether these credentials may delete objects.
      type: bool
      returned: when the repository was made
plan:
  description: What a run without check mode would do, in words.
  returned: in check mode
  type: dict
error_code:
  description: A stable code for what went wrong; docs/troubleshooting.md explains each.
  returned: failure
  type: str
  sample: repository-exists
hint:
  description: What to do next.
  returned: failure
  type: str
"""

from ansible_collections.openclaw_ops.backup.plugins.module_utils import _adapter, _argspec
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import administer, opening
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import RepositoryOptions, SlotOptions, from_dict

ARGUMENTS = _argspec.merged(_argspec.INSTANCE, _argspec.STORAGE, _argspec.ENCRYPTION, {
    "label": {"type": "str", "default": "first"},
    "fips": {"type": "bool", "default": False},
    "create_key_file": {"type": "bool", "default": False, "no_log": False},
    "operator_identity_dest": {"type": "path"},
    "slots": {
        "type": "list", "elements": "dict", "default": [],
        "options": {
            "label": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "passphrase_file": {"type": "path", "no_log": False},
            "passphrase_env": {"type": "str", "no_log": False},
            "key_file": {"type": "path", "no_log": False},
            "operator_public_file": {"type": "path"},
        },
    },
    "writer_key_dest": {"type": "path", "no_log": False},
})


def administer_repository(module, context):
    """Compare, and unless in check mode, make it so."""
    options = _adapter.options_of(module, RepositoryOptions, slots=tuple(from_dict(SlotOptions, slot) for slot in module.params["slots"]))
    where = _adapter.storage_options(module)
    name = opening.instance_name(_adapter.instance_options(module), where, context)
    _adapter.share_with_tool(module, context, name)
    storage = opening.storage_of(name, where, context, initialise=True)
    made = administer.plan(storage, name, _adapter.encryption_options(module), options, context)
    difference = {"before": made.before(), "after": made.after()}
    if module.check_mode:
        found = made.repository
        repository = {
            "id": found.id if found else "", "url": storage.url, "created": found.description.get("created", "") if found else "",
            "slots": [vars(slot) for slot in made.slots]}
        return {"changed": made.changed, "repository": repository, "plan": made.to_dict(), "diff": difference}
    return {**administer.execute(made, context).to_dict(), "diff": difference}


def main():
    _adapter.run(ARGUMENTS, administer_repository)


if __name__ == "__main__":
    main()
