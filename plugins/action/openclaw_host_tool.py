# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import tempfile

from ansible.plugins.action import ActionBase
from ansible_collections.openclaw_ops.backup.plugins.plugin_utils import _host_tool

DEFAULT = "/usr/local/lib/openclaw-backup/openclaw-backup.pyz"
ARGUMENTS = {
    "dest": {"type": "path", "default": DEFAULT}, "owner": {"type": "str"}, "group": {"type": "str"},
    "mode": {"type": "str", "default": "0644"}}


class ActionModule(ActionBase):
    """Builds the host tool on the controller, and has Ansible's own copy bring it to the host where it differs."""

    TRANSFERS_FILES = True
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        """The whole task."""
        result = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(ARGUMENTS)
        try:
            content = _host_tool.build()
        except OSError as exc:
            return {
                **result, "failed": True, "error_code": "host-tool-not-built", "msg": f"The host tool cannot be built: {exc}",
                "hint": "Install the collection anew: its archive holds all that this needs."}
        with tempfile.NamedTemporaryFile(prefix="openclaw-backup-", suffix=".pyz") as stream:
            stream.write(content)
            stream.flush()
            copied = self._copy(stream.name, arguments, task_vars)
        checksum = hashlib.sha256(content).hexdigest()
        result.update({name: copied[name] for name in ("failed", "msg", "changed", "exception") if name in copied})
        result.update(dest=arguments["dest"], checksum=checksum, size=len(content))
        if self._task.diff and copied.get("changed"):
            result["diff"] = _difference(arguments["dest"], checksum, copied)
        return result

    def _copy(self, source: str, arguments: dict, task_vars: dict) -> dict:
        """Run ansible.builtin.copy. Its own difference would be that of two binary files."""
        task = self._task.copy()
        task.args = {"src": source, **{name: value for name, value in arguments.items() if value is not None}}
        task.diff = False
        action = self._shared_loader_obj.action_loader.get(
            "ansible.legacy.copy", task=task, connection=self._connection, play_context=self._play_context, loader=self._loader,
            templar=self._templar, shared_loader_obj=self._shared_loader_obj)
        return action.run(task_vars=task_vars)


def _difference(dest: str, checksum: str, copied: dict) -> dict:
    mode = copied.get("mode")
    after = f"sha256 {checksum}\n" + (f"mode {mode}\n" if mode else "")
    return {"before_header": dest, "after_header": f"{dest} of this collection", "before": "another tool, or none\n", "after": after}
