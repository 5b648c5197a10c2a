# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host tool openclaw-backup: a front end of the engine for people and for systemd timers.

It is shipped together with the engine in one file (plugins/plugin_utils/_host_tool.py builds it), where the engine is the
package openclaw_backup_engine.
"""
