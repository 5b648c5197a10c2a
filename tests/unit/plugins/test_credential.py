# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module openclaw_credential: encrypted where that is possible, for root's eyes only, once, and never shown."""
from __future__ import annotations

import pytest

pytest.importorskip("ansible")

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError  # noqa: E402
from ansible_collections.openclaw_ops.backup.plugins.modules import openclaw_credential  # noqa: E402


class Module:
    """What the module uses of an AnsibleModule; systemd-creds turns content around."""

    def __init__(self, directory, works=True, **params):
        self.params = {
            "name": "key", "content": "secret", "encrypt": "auto", "state": "present", "store": str(directory / "plain"),
            "encrypted_store": str(directory / "encrypted"), **params}
        self.check_mode = False
        self._works = works

    def get_bin_path(self, name):
        return f"/usr/bin/{name}"

    def run_command(self, command, data=None, binary_data=False, encoding=None):
        assert "secret" not in " ".join(command)
        if not self._works:
            return 1, b"", b"no key"
        if command[1] == "encrypt":
            return 0, data[::-1], b""
        with open(command[3], "rb") as stream:
            return 0, stream.read()[::-1], b""


def test_it_is_encrypted_and_kept_once(tmp_path):
    module = Module(tmp_path)
    result = openclaw_credential.keep(module)
    path = tmp_path / "encrypted" / "key"
    assert result == {"changed": True, "path": str(path), "encrypted": True}
    assert path.read_text() == "terces" and path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert not openclaw_credential.keep(module)["changed"]
    assert openclaw_credential.keep(Module(tmp_path, content="another"))["changed"]


def test_where_encryption_does_not_work_it_is_a_file_for_root(tmp_path):
    assert not openclaw_credential.keep(Module(tmp_path, works=False))["encrypted"]
    path = tmp_path / "plain" / "key"
    assert path.read_text() == "secret" and path.stat().st_mode & 0o777 == 0o600
    assert not openclaw_credential.keep(Module(tmp_path, works=False))["changed"]
    with pytest.raises(EngineError, match="cannot encrypt"):
        openclaw_credential.keep(Module(tmp_path, works=False, encrypt="always"))


def test_a_host_that_learns_to_encrypt_keeps_no_plain_copy(tmp_path):
    openclaw_credential.keep(Module(tmp_path, encrypt="never"))
    assert openclaw_credential.keep(Module(tmp_path))["changed"]
    assert not (tmp_path / "plain" / "key").exists()


def test_wrong_permissions_are_put_right(tmp_path):
    openclaw_credential.keep(Module(tmp_path))
    (tmp_path / "encrypted" / "key").chmod(0o644)
    assert openclaw_credential.keep(Module(tmp_path))["changed"]
    assert (tmp_path / "encrypted" / "key").stat().st_mode & 0o777 == 0o600


def test_a_rehearsal_changes_nothing(tmp_path):
    module = Module(tmp_path)
    module.check_mode = True
    assert openclaw_credential.keep(module)["changed"]
    assert not list(tmp_path.iterdir())
    module.check_mode = False
    openclaw_credential.keep(module)
    module.check_mode = True
    module.run_command = lambda command, **_: Module.run_command(module, command) if command[1] == "decrypt" else pytest.fail("it encrypts")
    assert not openclaw_credential.keep(module)["changed"]


def test_it_is_removed_from_both_places(tmp_path):
    openclaw_credential.keep(Module(tmp_path, encrypt="never"))
    (tmp_path / "encrypted").mkdir()
    (tmp_path / "encrypted" / "key").write_text("x")
    assert openclaw_credential.keep(Module(tmp_path, state="absent", content=None))["changed"]
    assert not openclaw_credential.keep(Module(tmp_path, state="absent", content=None))["changed"]
    assert not (tmp_path / "plain" / "key").exists() and not (tmp_path / "encrypted" / "key").exists()


@pytest.mark.parametrize("name", ["../etc/passwd", "", ".hidden", "a/b"])
def test_a_name_leads_nowhere_else(tmp_path, name):
    with pytest.raises(EngineError):
        openclaw_credential.keep(Module(tmp_path, name=name))
