# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the host tool's list of instances to what the role gateway takes."""
from __future__ import annotations

DOCUMENTATION = r"""
name: gateway_instances
short_description: Let the role gateway see to the instances of a host
version_added: 0.1.0
description:
  - Makes C(gateway_instances) of the role P(openclaw_ops.backup.gateway#role) from what C(openclaw-backup --all --json instances)
    prints. Instances with a configuration that is wrong are left out.
author:
  - the openclaw_ops.backup authors (@openclaw-ops)
options:
  _input:
    description:
      - The text that the tool printed.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Look at the gateways of all instances
  ansible.builtin.include_role:
    name: openclaw_ops.backup.gateway
  vars:
    gateway_instances: "{{ listed.stdout | openclaw_ops.backup.gateway_instances }}"
"""

RETURN = r"""
_value:
  description: One entry for each instance.
  type: list
  elements: dict
"""

import json

from ansible.errors import AnsibleFilterError

PLACES = ("user", "profile", "state_dir", "config_path")


def gateway_instances(printed):
    """AnsibleFilterError where that is no list of instances."""
    try:
        found = json.loads(printed)["instances"]
        return [
            {"name": item["instance"], "control": item["gateway"], **{name: item[name] for name in PLACES if item.get(name)}}
            for item in found if item["status"] == "complete"]
    except (ValueError, KeyError, TypeError) as exc:
        raise AnsibleFilterError("gateway_instances: that is not what openclaw-backup --all --json instances prints") from exc


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self):
        return {"gateway_instances": gateway_instances}
