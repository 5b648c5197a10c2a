# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A setting names a credential: it is found where systemd puts it, and an encrypted one is decrypted into memory only."""
from __future__ import annotations

import importlib
import os

import pytest

FAKE = """#!/bin/sh
# decrypt --name=NAME FILE -: what this pretends to encrypt is turned around.
[ "$2" = "--name=$(basename "$3")" ] || { echo "name does not fit" >&2; exit 1; }
rev "$3"
"""


@pytest.fixture
def stores(tool, tmp_path, monkeypatch):
    """A plain and an encrypted store, and a systemd-creds that decrypts."""
    for name in ("plain", "encrypted", "unit", "bin"):
        (tmp_path / name).mkdir()
    (tmp_path / "bin" / "systemd-creds").write_text(FAKE)
    (tmp_path / "bin" / "systemd-creds").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    return tmp_path


def credentials(stores, **environment):
    module = importlib.import_module("openclaw_backup_tool.credentials")
    return module.Credentials(environment, str(stores / "plain"), str(stores / "encrypted"))


def error_of(function, *arguments) -> str:
    errors = importlib.import_module("openclaw_backup_engine.errors")
    with pytest.raises(errors.EngineError) as caught:
        function(*arguments)
    return caught.value.code


def test_a_path_stays_a_path(stores):
    assert credentials(stores).path("/etc/a key") == "/etc/a key"
    assert credentials(stores).path(None) is None


def test_what_the_unit_was_given_comes_first(stores):
    for place in ("unit", "plain"):
        (stores / place / "key").write_text(place)
    assert credentials(stores, CREDENTIALS_DIRECTORY=str(stores / "unit")).path("key") == str(stores / "unit" / "key")
    assert credentials(stores).path("key") == str(stores / "plain" / "key")


def test_an_encrypted_one_is_read_and_never_lies_on_the_disk(stores):
    (stores / "encrypted" / "key").write_text("terces")
    before = {path for path in stores.rglob("*")}
    found = credentials(stores)
    path = found.path("key")
    with open(path) as one, open(path) as two:  # as often as the engine likes
        assert (one.read().strip(), two.read().strip()) == ("secret", "secret")
    assert {path for path in stores.rglob("*")} == before
    assert found.shown == {path: "credential key"}
    found.close()
    assert not os.path.exists(path)


def test_what_cannot_be_found_or_decrypted_is_said(stores):
    assert error_of(credentials(stores).path, "nowhere") == "credential-missing"
    assert error_of(credentials(stores).path, "..") == "configuration-invalid"
    (stores / "bin" / "systemd-creds").write_text("#!/bin/sh\necho 'no key' >&2; exit 1\n")
    (stores / "encrypted" / "key").write_text("terces")
    assert error_of(credentials(stores).path, "key") == "credential-unreadable"


def test_messages_name_the_credential_and_not_where_it_lies_in_memory(backed_up, stores, monkeypatch):
    module = importlib.import_module("openclaw_backup_tool.credentials")
    monkeypatch.setattr(module.Credentials.__init__, "__defaults__", (str(stores / "plain"), str(stores / "encrypted")))
    (stores / "encrypted" / "passphrase").write_text("\n")
    backed_up.configure(encryption={"passphrase_file": "passphrase"})
    done = backed_up.run("list")
    assert "credential passphrase" in done.error and "/proc" not in done.error
