# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A gateway's identity is kept from the live state as a whole, or not at all; nothing of the live state is touched."""
from __future__ import annotations

import json
import os

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture import json5_text
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.edits.identity import keep_identity
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.edits.json5_member import with_member
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from support.fake_host import leave_log, write
from support.staged_state import HOME, STATE, StagedState, connect

IDENTITIES = "CREATE TABLE device_identities (identity_key TEXT PRIMARY KEY, device_id TEXT NOT NULL)"
PAIRED = "CREATE TABLE device_pairing_paired (device_id TEXT PRIMARY KEY, tokens_json TEXT)"
CONFIG = "{ // mine\n gateway: { port: 1, auth: { mode: 'token', token: 'theirs', /* old */ }, }, }"


class Both:
    """A staged state and a live one in its place, which is elsewhere on this machine."""

    def __init__(self, directory):
        self.state = StagedState(directory / "stage", home=str(directory / "home"), captured_home=str(directory / "home"))
        self.live = directory / "home" / ".openclaw"
        self.config = self.state.add(f"{self.live}/openclaw.json", CONFIG)
        write(self.live / "openclaw.json", '{"gateway": {"auth": {"mode": "password", "password": "ours"}}}')
        self.state.make_databases()
        self.add_tables(self.state.database, "theirs")

    @staticmethod
    def add_tables(path, name):
        connection = connect(path)
        for statement in (IDENTITIES, PAIRED, f"INSERT INTO device_identities VALUES ('primary', '{name}')",
                          f"INSERT INTO device_pairing_paired VALUES ('phone-{name}', '{{}}')"):
            connection.execute(statement)
        connection.close()

    def make_live_database(self):
        """As after a clean stop: the newest rows are in the log only."""
        path = self.live / "state" / "openclaw.sqlite"
        path.parent.mkdir(parents=True)
        connect(path).close()
        leave_log(path, IDENTITIES, PAIRED, "INSERT INTO device_identities VALUES ('primary', 'ours')",
                  "INSERT INTO device_pairing_paired VALUES ('phone-ours', '{}')", with_shm=False)
        return path

    def keep(self):
        return keep_identity(self.state.staged(), str(self.live))


@pytest.fixture
def both(tmp_path):
    return Both(tmp_path)


def files(path):
    return {os.path.join(folder, name): open(os.path.join(folder, name), "rb").read() for folder, _, names in os.walk(path) for name in names}


def test_keys_pairings_and_the_secret_are_this_hosts_and_the_live_state_stays_untouched(both):
    both.make_live_database()
    env = both.state.add(f"{both.live}/.env", "A=1\nOPENCLAW_GATEWAY_TOKEN=theirs\n", "environment")
    write(both.live / ".env", "B=2\nexport OPENCLAW_GATEWAY_TOKEN=ours\n")
    before = files(both.live)
    changes = both.keep()
    assert both.state.rows("SELECT device_id FROM device_identities") == [("ours",)]
    assert both.state.rows("SELECT device_id FROM device_pairing_paired") == [("phone-ours",)]
    assert json5_text.parse(both.config.read_text()) == {"gateway": {"port": 1, "auth": {"mode": "password", "password": "ours"}}}
    assert "// mine" in both.config.read_text()
    assert env.read_text() == "A=1\nexport OPENCLAW_GATEWAY_TOKEN=ours\n"
    assert files(both.live) == before
    assert {change.field for change in changes} == {
        "device_identities", "device_pairing_paired", "gateway.auth", "OPENCLAW_GATEWAY_TOKEN, OPENCLAW_GATEWAY_PASSWORD"}
    assert "'ours'" not in str(changes) and "=ours" not in str(changes)
    assert sorted(os.listdir(both.state.disk(str(both.live)))) == [".env", "agents", "openclaw.json", "state"]
    assert os.listdir(both.state.database.parent) == ["openclaw.sqlite"]
    assert both.keep() == []


def test_in_files_as_older_releases_keep_it(tmp_path):
    both = Both(tmp_path)
    both.state.database.unlink()
    both.state.add(f"{both.live}/identity/device.json", "theirs")
    both.state.add(f"{both.live}/devices/pending.json", "theirs")
    for name in ("identity/device.json", "devices/paired.json"):
        write(both.live / name, "ours")
    both.keep()
    kept = {os.path.relpath(path, both.state.disk(str(both.live))): content for path, content in files(both.state.disk(str(both.live))).items()}
    assert kept["identity/device.json"] == kept["devices/paired.json"] == b"ours"
    assert "devices/pending.json" not in kept
    assert both.keep() == []


@pytest.mark.parametrize("spoil", ["none", "files", "columns", "include", "broken"])
def test_what_cannot_be_kept_as_a_whole_is_refused(both, spoil):
    if spoil == "files":
        write(both.live / "identity/device.json", "{}")
        both.state.add(f"{both.live}/openclaw.json", "[]")
    elif spoil != "none":
        live = both.make_live_database()
        if spoil == "columns":
            connection = connect(live)
            connection.execute("ALTER TABLE device_identities ADD COLUMN more TEXT")
            connection.close()
        elif spoil == "include":
            both.state.add(f"{both.live}/openclaw.json", "{gateway: {$include: './more.json5', auth: {}}}")
            both.state.add(f"{both.live}/more.json5", "{auth: {token: 'theirs'}}", "include")
        else:
            both.state.add(f"{both.live}/openclaw.json", "{gateway: ")
    with pytest.raises(EngineError) as raised:
        both.keep()
    assert raised.value.code == "identity-unlike"
    assert ".identity-of-this-host" not in os.listdir(both.state.disk(str(both.live)))


@pytest.mark.parametrize("text, after", [
    ("{}", {"gateway": {"auth": {"t": 1}}}), ("{a: [{gateway: 1}], }", {"a": [{"gateway": 1}], "gateway": {"auth": {"t": 1}}}),
    ("{gateway: {}}", {"gateway": {"auth": {"t": 1}}}), ("{'gateway': {port: 1,}}", {"gateway": {"auth": {"t": 1}, "port": 1}}),
    ("{gateway: {auth: null, x: 'auth: }'}, b: 1}", {"gateway": {"auth": {"t": 1}, "x": "auth: }"}, "b": 1}),
    ("{gateway: {auth: [1, {a: 2}]}}", {"gateway": {"auth": {"t": 1}}}), ("{gateway: 5}", None), ("[]", None), ("{", None), ("5", None),
])
def test_a_member_of_a_json5_text_is_set(text, after):
    found = with_member(text, ("gateway", "auth"), {"t": 1})
    assert (found and json5_text.parse(found)) == after


def test_without_the_state_there_is_nothing_to_keep(tmp_path):
    assert keep_identity(StagedState(tmp_path, home=HOME).staged(), STATE) == []


def test_the_json_of_a_report_has_no_secret(both):
    both.make_live_database()
    assert "password" not in json.dumps([vars(change) for change in both.keep()]).lower().replace("openclaw_gateway_password", "")
