# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What every module says about check mode, differences, idempotency, platforms and its action group."""
from __future__ import annotations


class ModuleDocFragment:
    """Documentation that the modules share."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
  async:
    description: Supports use with the C(async) keyword.
  platform:
    description: Target OS or families that can be operated against.
    platforms: posix
    support: full
"""

    ACTIONGROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/openclaw_ops.backup.openclaw) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - openclaw_ops.backup.openclaw
"""

    PROGRESS = r"""
options: {}
attributes:
  action:
    description: Indicates this has a corresponding action plugin so some parts of the options can be executed on the controller.
    support: full
    details:
      - The action plugin runs the module asynchronously and prints a line of progress for each host now and then, more rarely the
        longer it takes, and nothing for work of a few seconds.
      - With the variable C(openclaw_backup_progress) set to V(false) it prints nothing, and the module runs as modules usually do.
      - A task that has C(async) set runs as Ansible runs such tasks, without progress.
      - If the connection breaks, the work goes on on the host, and the task waits up to ten minutes for the host to answer again.
"""
