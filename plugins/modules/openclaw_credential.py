# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: openclaw_credential
short_description: Keep a secret on a host as a systemd credential
version_added: 0.1.0
description:
  - Puts a secret where systemd units and the host tool C(openclaw-backup) find it by its name, readable for root only.
  - Where the host can, the secret is encrypted with a key of the host, so that a copy of its disk or a backup of C(/etc) does not
    give it away. Elsewhere it is a plain file with mode V(0600).
author:
  - the openclaw_ops.backup authors (@openclaw-ops)
extends_documentation_fragment:
  - openclaw_ops.backup._attributes
attributes:
  async:
    support: none
    details:
      - While an asynchronous module runs, its arguments lie on the host's disk. Do not do that to a secret.
  check_mode:
    support: full
  diff_mode:
    support: none
    details:
      - A secret is never shown.
  idempotent:
    support: full
options:
  name:
    description:
      - The name of the credential, 1 to 128 letters, digits, dots, hyphens and underscores.
    type: str
    required: true
  content:
    description:
      - The secret. Required with O(state=present).
    type: str
  encrypt:
    description:
      - V(auto) encrypts where C(systemd-creds) is there (systemd 250 and later) and works, V(never) never does.
      - V(always) fails where that is not possible.
    type: str
    choices: [auto, always, never]
    default: auto
  state:
    description:
      - V(absent) removes the credential.
    type: str
    choices: [present, absent]
    default: present
  store:
    description:
      - The directory of plain credentials.
    type: path
    default: /etc/credstore
  encrypted_store:
    description:
      - The directory of encrypted credentials.
    type: path
    default: /etc/credstore.encrypted
"""

EXAMPLES = r"""
- name: Keep the passphrase of the repository
  openclaw_ops.backup.openclaw_credential:
    name: openclaw-backup-passphrase
    content: "{{ vault_openclaw_passphrase }}"
"""

RETURN = r"""
path:
  description: Where the credential is.
  returned: success, with O(state=present), when not in check mode
  type: str
  sample: /etc/credstore.encrypted/openclaw-backup-passphrase
encrypted:
  description: Whether it is encrypted.
  returned: success, with O(state=present), when not in check mode
  type: bool
error_code:
  description: A stable code for what went wrong; docs/troubleshooting.md explains each.
  returned: failure
  type: str
  sample: credential-not-written
hint:
  description: What to do next.
  returned: failure
  type: str
"""

import os
import re
import stat
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.openclaw_ops.backup.plugins.module_utils import _adapter
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError

# Whether it may be encrypted. A rehearsal cannot try: the first encryption makes the host's key.
FORMS = {"auto": (True, False), "always": (True,), "never": (False,)}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class Credential:
    """One credential of a host, in its two possible places."""

    def __init__(self, module) -> None:
        self._module = module
        self.name = module.params["name"]
        self.plain = os.path.join(module.params["store"], self.name)
        self.encrypted = os.path.join(module.params["encrypted_store"], self.name)
        self._tool = module.get_bin_path("systemd-creds")

    def encrypt(self, content: bytes) -> bytes | None:
        """The content as it would be stored, or None where this host cannot encrypt or is not to."""
        wanted = self._module.params["encrypt"]
        if wanted == "never":
            return None
        error = "there is no systemd-creds"
        if self._tool:
            code, output, error = self._module.run_command(
                [self._tool, "encrypt", f"--name={self.name}", "-", "-"], data=content, binary_data=True, encoding=None)
            if code == 0:
                return output
            error = error.decode(errors="replace").strip()
        if wanted == "always":
            raise EngineError("credential-not-encrypted", f"This host cannot encrypt credentials: {error}", "Use encrypt: auto, or never.")
        return None

    def holds(self, content: bytes, encrypted: bool) -> bool:
        """Whether it is there already, in this form, alone, and for root's eyes only."""
        path, other = (self.encrypted, self.plain) if encrypted else (self.plain, self.encrypted)
        try:
            status = os.lstat(path)
            if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077 or status.st_uid != os.geteuid() or os.path.lexists(other):
                return False
            if not encrypted:
                with open(path, "rb") as stream:
                    return stream.read() == content
        except OSError:
            return False
        code, output, _error = self._module.run_command(
            [self._tool, "decrypt", f"--name={self.name}", path, "-"], encoding=None)
        return code == 0 and output == content

    def write(self, path: str, content: bytes) -> None:
        """Replace a file as a whole. EngineError "credential-not-written"."""
        directory = os.path.dirname(path)
        try:
            os.makedirs(directory, mode=0o700, exist_ok=True)
            descriptor, new = tempfile.mkstemp(dir=directory, prefix=".openclaw-")
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(new, path)
        except OSError as exc:
            raise _not_written(path, exc) from exc

    def remove(self, path: str) -> None:
        """Remove a file that may be gone. EngineError "credential-not-written"."""
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
        except OSError as exc:
            raise _not_written(path, exc) from exc


def _not_written(path: str, exc: OSError) -> EngineError:
    return EngineError("credential-not-written", f"{path} cannot be changed: {os.strerror(exc.errno or 0)}", "Run this as root.")


def keep(module) -> dict:
    """Make it so."""
    if not NAME.fullmatch(module.params["name"]):
        raise EngineError(
            "option-invalid", f"{module.params['name']!r} cannot name a credential", "Use letters, digits, dots, hyphens, underscores.")
    credential = Credential(module)
    if module.params["state"] == "absent":
        there = [path for path in (credential.plain, credential.encrypted) if os.path.lexists(path)]
        for path in there if not module.check_mode else ():
            credential.remove(path)
        return {"changed": bool(there)}
    content = module.params["content"].encode()
    if module.check_mode:
        return {"changed": not any(credential.holds(content, encrypted) for encrypted in FORMS[module.params["encrypt"]])}
    stored = credential.encrypt(content)
    path, other = (credential.plain, credential.encrypted) if stored is None else (credential.encrypted, credential.plain)
    changed = not credential.holds(content, stored is not None)
    if changed:
        credential.write(path, content if stored is None else stored)
        credential.remove(other)
    return {"changed": changed, "path": path, "encrypted": stored is not None}


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "content": {"type": "str", "no_log": True},
            "encrypt": {"type": "str", "choices": ["auto", "always", "never"], "default": "auto"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "store": {"type": "path", "default": "/etc/credstore"},
            "encrypted_store": {"type": "path", "default": "/etc/credstore.encrypted"},
        },
        required_if=[("state", "present", ["content"])], supports_check_mode=True)
    try:
        result = keep(module)
    except EngineError as exc:
        _adapter.fail(module, exc)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
