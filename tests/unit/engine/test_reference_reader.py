# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/format.md is complete: a reader written from it alone restores what the engine stored, bit for bit."""
from __future__ import annotations

import ast
import os
import re
import sqlite3
import sys
from pathlib import Path

import pytest

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st

import reference_reader
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Clock, Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import crypto, keys, names, pack
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.file import FileStorage
from support.agent import Agent
from support.random_tree import ROOTS, build, facts

CHECKOUT = Path(__file__).resolve().parents[3]
READER = CHECKOUT / "tests" / "reference_reader.py"
FORMAT = CHECKOUT / "docs" / "format.md"
PRIVATE, PUBLIC = keys.new_operator()
SECRETS = {  # kind for the reader: (secret to make the slot, secret to open it)
    "passphrase": (keys.passphrase("correct horse e\u0301 battery", new=True), "correct horse \u00e9 battery".encode()),
    "key-file": (keys.Secret(keys.KEY_FILE, keys.new_key_file().encode()),) * 2,
    "key-file of another kind": (keys.Secret(keys.KEY_FILE, b"any file\n\xff\x00"),) * 2,
    "operator": (keys.Secret(keys.OPERATOR, PUBLIC.encode()), PRIVATE.encode()),
}


def an_agent(directory: Path, kind: str = "open") -> Agent:
    """An agent whose repository, in a directory, is open, and opened by a secret of this kind too."""
    storage = FileStorage(str(directory / "repository"), Context(), initialise=True)
    agent = Agent(directory, storage, Clock())
    if kind in SECRETS:
        name, content = keys.make_slot(
            agent.open().reader(), SECRETS[kind][0], "test", "2026-11-20T00:00:00.000Z", fips=kind.startswith("key-file"))
        storage.create(name, [content])
    return agent


def read(agent: Agent, target: Path, kind: str = "open", snapshot: str = "") -> Path:
    """Restore with the reference reader; where the agent's state is then."""
    opens = SECRETS[kind][1] if kind in SECRETS else b""
    opens = opens.value if isinstance(opens, keys.Secret) else opens
    reference_reader.restore(agent.storage.url.removeprefix("file://"), str(target), kind.partition(" ")[0], opens, snapshot)
    return Path(f"{target}{agent.state}")


def test_the_reader_needs_only_this_page_two_libraries_and_a_screenful_of_code():
    text = READER.read_text()
    assert len(text.splitlines()) <= 200
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else name.name).partition(".")[0]
        for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.Import, ast.ImportFrom)) for name in node.names}
    assert imported - sys.stdlib_module_names - {"compression"} == {"cryptography", "backports"}


@given(tree=ROOTS, kind=st.sampled_from(["open", "open", "open", *SECRETS]))
@settings(max_examples=max(40, settings.default.max_examples // 4))
def test_random_trees_come_back_bit_for_bit(tmp_path_factory, tree, kind):
    directory = tmp_path_factory.mktemp("tree")
    agent = an_agent(directory, kind)
    build(os.fsencode(agent.state), tree)
    agent.write("openclaw.json", "{}")
    agent.backup()
    before = facts(os.fsencode(agent.state))
    assert facts(os.fsencode(read(agent, directory / "out", kind))) == before


@given(first=ROOTS, second=ROOTS)
@settings(max_examples=max(15, settings.default.max_examples // 10))
def test_each_snapshot_is_complete_in_itself(tmp_path_factory, first, second):
    directory = tmp_path_factory.mktemp("tree")
    agent = an_agent(directory)
    expected = {}
    for name, tree in (("one", first), ("two", second)):
        (agent.state / name).mkdir()
        build(os.fsencode(agent.state / name), tree)
        agent.write("openclaw.json", name)
        expected[agent.backup().id] = facts(os.fsencode(agent.state))
    for number, (snapshot, before) in enumerate(expected.items()):
        assert facts(os.fsencode(read(agent, directory / f"out-{number}", snapshot=snapshot))) == before


@pytest.mark.parametrize("left", ["open", "without its index", "closed"])
def test_databases_with_a_log_come_back_with_their_rows(tmp_path, left):
    agent = an_agent(tmp_path)
    agent.write("openclaw.json", "{}")
    connections = []
    for name in ("a.db", "a.db-x.db", "b.sqlite"):  # their logs do not sort as they do
        connection = sqlite3.connect(agent.state / name, isolation_level=None)
        connection.executescript("PRAGMA journal_mode=WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        connection.execute("PRAGMA wal_checkpoint")
        connection.execute("INSERT INTO t VALUES (?)", (name,))
        connections.append(connection)
        if left == "without its index":
            (agent.state / f"{name}-shm").unlink()
        elif left == "closed":
            connection.close()
    agent.backup()
    state = read(agent, tmp_path / "out")
    for name in ("a.db", "a.db-x.db", "b.sqlite"):
        assert (state / f"{name}-wal").exists() is (left == "without its index")
        restored = sqlite3.connect(state / name)
        assert restored.execute("SELECT x FROM t").fetchall() == [(1,), (name,)]
        assert restored.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        restored.close()
    for connection in connections:
        connection.close()


def test_a_wrong_key_opens_nothing(tmp_path):
    agent = an_agent(tmp_path, "passphrase")
    agent.write("openclaw.json", "{}")
    agent.backup()
    with pytest.raises(ValueError, match="opens no slot"):
        reference_reader.restore(agent.storage.url.removeprefix("file://"), str(tmp_path / "out"), "passphrase", b"another one")


def test_the_page_states_the_values_that_the_engine_makes():
    page, key = FORMAT.read_text(), bytes(range(32))
    repository, pack_id = "00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"
    sealed = crypto.Sealer(pack.pack_key(key, repository, pack_id)).seal(0, b"frame", pack.frame_context(repository, pack_id, 0))
    for value in (crypto.derive(key, "pack", repository, pack_id).hex(), sealed.hex(),
                  crypto.with_checksum({"b": 1, "a": "\u00e9\udcff/\x7f", "c": [None, True, {}]}).decode()):
        assert f"`{value}`" in page


def test_every_object_in_a_repository_is_one_that_the_page_names(tmp_path):
    agent = an_agent(tmp_path)
    agent.write("openclaw.json", "{}")
    agent.backup()
    page = FORMAT.read_text()
    for item in agent.storage.list(""):
        kind = item.name.partition("/")[0]
        assert re.search(rf"^\| `{re.escape(kind)}(/|`)", page, re.M), item.name
    assert names.KEYS + "<slot id>" in page
