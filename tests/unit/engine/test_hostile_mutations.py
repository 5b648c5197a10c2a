# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a stolen key writes, at random: the engine works or says what is wrong, within bounds of memory."""
from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import snapshots, verify
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import crypto, keys, names, repository
from support.forging import COLUMNS, Forger

CHECKOUT = Path(__file__).resolve().parents[3]
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(1 << 70), 1 << 70), st.floats(), st.text(max_size=5),
              st.sampled_from(["", "..", "/", "/a", "-wal"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)), max_leaves=5)


@st.composite
def mutated(draw, value):
    """A JSON value with a few places replaced, removed or added."""
    value = copy.deepcopy(value)
    for _change in range(draw(st.integers(1, 3))):
        value = _mutate(draw, value)
    return value


def _mutate(draw, value):
    if isinstance(value, dict) and value and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(sorted(value)))
        what = draw(st.sampled_from(["deeper", "deeper", "deeper", "remove", "add"]))
        if what == "remove":
            del value[key]
        elif what == "add":
            value[draw(st.text(max_size=5))] = draw(JSON)
        else:
            value[key] = _mutate(draw, value[key])
        return value
    if isinstance(value, list) and value and draw(st.integers(0, 3)):
        index = draw(st.integers(0, len(value) - 1))
        what = draw(st.sampled_from(["deeper", "deeper", "deeper", "remove", "twice", "swap"]))
        if what == "remove":
            del value[index]
        elif what == "twice":
            value.insert(index, copy.deepcopy(value[index]))
        elif what == "swap":
            value.reverse()
        else:
            value[index] = _mutate(draw, value[index])
        return value
    if type(value) is int and draw(st.booleans()):
        return value + draw(st.integers(-2, 2))
    return draw(JSON)


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Forger:
    return Forger(tmp_path_factory.mktemp("shared"))


def withstands(forger: Forger, before: set[str]) -> None:
    """Listing, verifying, restoring and backing up either work or say what is wrong; then the storage is as before."""
    try:
        snapshots.list_infos(forger.agent.open())
        snapshots.list_without_key(forger.storage)
        newest = forger.agent.open().snapshots()[-1].id
        for attempt in (lambda: forger.restore(newest), lambda: forger.agent.backup(force=True), lambda: verify.execute(
                verify.plan(forger.agent.open(), verify.VerifyOptions(level="data", snapshot="all"), Context()), Context())):
            try:
                attempt()
            except EngineError:
                pass
    finally:
        forger.forget_target()
        for name in set(forger.storage.objects) - before:
            del forger.storage.objects[name]


@given(data=st.data())
@settings(max_examples=max(150, settings.default.max_examples))
def test_mutated_entries_are_withstood(shared, data):
    before = set(shared.storage.objects)
    entries = data.draw(mutated(shared.sections["entries"]))
    shared.snapshot(entries=entries if isinstance(entries, list) else [entries])
    withstands(shared, before)


@given(data=st.data())
@settings(max_examples=max(100, settings.default.max_examples))
def test_mutated_descriptions_are_withstood(shared, data):
    before = set(shared.storage.objects)
    shared.snapshot(meta=data.draw(mutated(shared.sections["meta"])))
    withstands(shared, before)


@given(data=st.data())
@settings(max_examples=max(80, settings.default.max_examples))
def test_mutated_tables_are_withstood(shared, data):
    before = set(shared.storage.objects)
    column = data.draw(st.sampled_from(COLUMNS))
    values = data.draw(st.lists(st.one_of(st.sampled_from([0, 1, 0xFFFFFFFF]), st.integers(0, 0xFFFFFFFF)), max_size=5))
    shared.snapshot(**{column: values})
    withstands(shared, before)


@given(data=st.data())
@settings(max_examples=max(100, settings.default.max_examples))
def test_mutated_headers_are_withstood(shared, data):
    before = dict(shared.storage.objects)
    name = names.snapshot_object(shared.genuine.id)
    line, body = before[name][0].split(b"\n", 1)
    value = data.draw(mutated(crypto.without_checksum(line)))
    try:
        forged = crypto.with_checksum(value) if isinstance(value, dict) else json.dumps(value).encode()
    except ValueError:
        forged = json.dumps(value).encode()
    shared.storage.objects[name] = forged + b"\n" + body, before[name][1]
    try:
        withstands(shared, set(before))
    finally:
        shared.storage.objects.update(before)


@given(data=st.data())
@settings(max_examples=max(150, settings.default.max_examples))
def test_mutated_key_slots_and_descriptions_are_withstood(shared, data):
    before = dict(shared.storage.objects)
    name = data.draw(st.sampled_from(sorted(name for name in before if name.startswith((names.KEYS, names.REPOSITORY)))))
    value = data.draw(mutated(crypto.without_checksum(before[name][0])))
    try:
        forged = crypto.with_checksum(value) if isinstance(value, dict) else json.dumps(value).encode()
    except ValueError:
        forged = json.dumps(value).encode()
    shared.storage.objects[name] = forged, before[name][1]
    try:
        key_file = keys.Secret(keys.KEY_FILE, keys.new_key_file().encode())
        for secret in (keys.Secret(keys.OPEN), key_file, keys.passphrase("x"), shared.bundle.writer()):
            try:
                repository.open_repository(shared.storage, secret, Context())
            except EngineError:
                pass
    finally:
        shared.storage.objects.update(before)


@given(data=st.data())
@settings(max_examples=max(100, settings.default.max_examples))
def test_mutated_trailers_are_withstood(shared, data):
    before = set(shared.storage.objects)
    head, ids = shared.genuine_trailer()
    shared.pack(data.draw(mutated(head)), data.draw(st.sampled_from([ids, b"", bytes(16), ids * 2])), data.draw(st.binary(max_size=100)))
    withstands(shared, before)


HUNGRY = textwrap.dedent("""
    import resource, sys
    sys.path[:0] = [sys.argv[1] + "/tests", sys.argv[1] + "/tests/unit"]
    import conftest
    from pathlib import Path
    from support.forging import Forger
    from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import dependencies
    from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
    forger = Forger(Path(sys.argv[2]))
    forger.restore(forger.genuine.id)
    compress, million = dependencies.zstd().compress, 1 << 20
    fills = (b"\\0", 1100), (b"[],", 63), (b'"a":1,', 63), (b"1,", 63), (b"[", 63), (b"\\n", 1000)
    bombs = [compress(fill * (size * million // len(fill))) for fill, size in fills]
    now = next(line for line in open("/proc/self/status") if line.startswith("VmSize"))
    resource.setrlimit(resource.RLIMIT_AS, ((int(now.split()[1]) << 10) + 600 * million,) * 2)
    for section in ("entries", "meta", "chunk_ids", "chunk_length"):
        for bomb in bombs:
            for length in (million, 63 * million, 1000 * million, 1100 * million):
                forger.forget_target()
                name = forger.snapshot(raw={section: (bomb, length)})
                try:
                    forger.restore(name)
                    sys.exit("restored a bomb")
                except EngineError as exc:
                    if exc.code != "repository-damaged":
                        raise
                del forger.storage.objects[max(name for name in forger.storage.objects if name.startswith("snapshots/"))]
    print("withstood")
    """)


@pytest.mark.slow
def test_bombs_of_every_kind_take_at_most_600_mib_of_memory(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", HUNGRY, str(CHECKOUT), str(tmp_path)], capture_output=True, text=True, timeout=900, check=False,
        env={**os.environ, "MALLOC_ARENA_MAX": "2"})
    assert done.stdout.strip() == "withstood", done.stderr[-2000:]
