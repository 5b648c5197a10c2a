# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What another host has to be told of an instance that moves there."""
from __future__ import annotations

DOCUMENTATION = r"""
name: moved_instance
short_description: Take the settings of an instance from one host's variables to another's
version_added: 0.1.0
description:
  - Used by the role C(openclaw_ops.backup.migrate). What the new host's own variables say of the instance counts; where they do not
    name it, it keeps the settings that it has on the old one.
author:
  - the openclaw_ops.backup authors (@openclaw-ops)
options:
  _input:
    description:
      - The variable C(hostvars).
    type: dict
    required: true
  source:
    description:
      - The old host.
    type: str
    required: true
  target:
    description:
      - The new host.
    type: str
    required: true
  name:
    description:
      - The instance.
    type: str
    required: true
  found:
    description:
      - What the tool's command C(instances) says of it on the old host; it tells user and profile of instances that were found there.
    type: dict
"""

EXAMPLES = r"""
- name: See what the new host is told
  ansible.builtin.debug:
    msg: "{{ hostvars | openclaw_ops.backup.moved_instance('vps-07', 'vps-08', 'assistant') }}"
"""

RETURN = r"""
_value:
  description: Values for the variables C(openclaw_backup_instances) (as C(instances)) and C(openclaw_backup_secrets) (as C(secrets)).
  type: dict
"""

# Variables for all instances of a host, and what they are called in one instance's entry.
COMMON = {
    f"openclaw_backup_{name}": name
    for name in ("enabled", "schedule", "scope", "include", "exclude", "consistency", "on_busy", "gateway", "storage", "encryption",
                 "retention", "max_delete_share", "notify_on_failure", "notify", "objectives")}
INSTANCES = "openclaw_backup_instances"
SECRETS = "openclaw_backup_secrets"
PLACE = ("user", "profile", "state_dir")


def moved_instance(hostvars, source, target, name, found=None):
    """The new host's instances with this one among them, and the secrets that they name."""
    old, new = hostvars.get(source) or {}, hostvars[target]
    own = list(new.get(INSTANCES) or [])
    secrets = dict(new.get(SECRETS) or {})
    if any(one["name"] == name for one in own):
        return {"instances": own, "secrets": secrets}
    entry = {"name": name, **{short: old[variable] for variable, short in COMMON.items() if old.get(variable) is not None}}
    given = next((one for one in old.get(INSTANCES) or [] if one["name"] == name), None)
    if given is not None:
        entry.update(given)
    elif found:
        entry.update({key: found[key] for key in PLACE if found.get(key)})
    named = set(texts(entry))
    for secret, value in dict(old.get(SECRETS) or {}).items():
        if secret in named:
            secrets.setdefault(secret, value)
    return {"instances": [*own, entry], "secrets": secrets}


def texts(value):
    """All texts in a nested value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from texts(one)
    elif isinstance(value, str):
        yield value


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self):
        return {"moved_instance": moved_instance}
