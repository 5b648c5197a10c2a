# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is what ansible-doc reads. The work is done by the action plugin of the same name, on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: openclaw_host_tool
short_description: Install the host tool openclaw-backup
version_added: 0.1.0
description:
  - Builds the host tool from this collection's engine, as one file that a Python interpreter runs, and puts it on the host.
  - The same version of the collection gives the same bytes on every controller, so the file is only copied where it differs.
  - The interpreter that runs it needs the packages of the collection's C(requirements/runtime.txt).
    The role P(openclaw_ops.backup.runner#role) installs both.
author:
  - the openclaw_ops.backup authors (@openclaw-ops)
extends_documentation_fragment:
  - openclaw_ops.backup._attributes
attributes:
  action:
    description: Indicates this has a corresponding action plugin so some parts of the options can be executed on the controller.
    support: full
    details:
      - The file is built on the controller.
  async:
    support: none
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - The difference shows checksums.
  idempotent:
    support: full
options:
  dest:
    description:
      - Where the tool is to be. The directory must exist.
    type: path
    default: /usr/local/lib/openclaw-backup/openclaw-backup.pyz
  owner:
    description:
      - The user who is to own the file.
    type: str
  group:
    description:
      - The group that is to own the file.
    type: str
  mode:
    description:
      - The permissions that the file is to have.
    type: str
    default: "0644"
"""

EXAMPLES = r"""
- name: Install the host tool
  openclaw_ops.backup.openclaw_host_tool:
    dest: /usr/local/lib/openclaw-backup/openclaw-backup.pyz
    owner: root
    group: root
"""

RETURN = r"""
dest:
  description: Where the tool is.
  returned: success
  type: str
  sample: /usr/local/lib/openclaw-backup/openclaw-backup.pyz
checksum:
  description: The SHA-256 of the tool.
  returned: success
  type: str
  sample: 6a2da20943931e9834fc12cfe5bb47bbd9ae43489a30726962b576f4e3993e50
size:
  description: The size of the tool in bytes.
  returned: success
  type: int
  sample: 676412
error_code:
  description: A stable code for what went wrong; docs/troubleshooting.md explains each.
  returned: failure of the build
  type: str
  sample: host-tool-not-built
hint:
  description: What to do next.
  returned: failure of the build
  type: str
"""
