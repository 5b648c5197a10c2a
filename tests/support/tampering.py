# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small repository whose objects a test may change, and everything that could notice: open, list, load, restore, verify."""
from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import restore, snapshots, verify
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import (
    keys, names, pack, records, repository, verifications, writer)
from support.agent import Agent
from support.clock import ManualClock
from support.fault_storage import MemoryStorage

FRAME_BYTES, PACK_BYTES = 400, 1000  # so that a few small files fill several frames and packs


@dataclass
class Victim:
    """A repository of two snapshots. objects: name -> content. expected: snapshot id -> path below the target -> content."""

    secret: keys.Secret
    objects: dict[str, bytes]
    expected: dict[str, dict[str, bytes]]
    directory: Path
    bundle: keys.ReaderBundle
    trailers: dict[str, int] = field(default_factory=dict)  # name of a pack -> where its trailer begins

    def of(self, prefix: str) -> list[str]:
        """Names of the objects of one kind."""
        return sorted(name for name in self.objects if name.startswith(prefix))


def make(directory: Path, monkeypatch, secret: keys.Secret | None = None, now: float = 1_800_000_000.0) -> Victim:
    """The repository of an agent that wrote a few files, was backed up, changed one, was backed up again, and verified."""
    monkeypatch.setattr(writer, "FRAME_BYTES", FRAME_BYTES)
    monkeypatch.setattr(writer, "PACK_BYTES", PACK_BYTES)
    clock = ManualClock(now)
    storage = MemoryStorage(clock)
    agent = Agent(directory, storage, clock, secret or keys.Secret(keys.OPEN))
    for number in range(6):  # frames of equal length, so that they can be exchanged
        agent.write(f"random-{number}", os.urandom(FRAME_BYTES))
    agent.write("text", "the same line\n" * 500)
    agent.write("empty", b"")
    expected = {}
    for content in ("first", "second"):
        agent.write("openclaw.json", content)
        header = agent.backup(note=content, name=f"the-{content}")
        expected[header.id] = {str(path): path.read_bytes() for path in agent.state.rglob("*") if path.is_file()}
        clock.advance(60)
    opened = agent.open()
    verifications.create(opened, max(expected), "restore", True, {}, "all is well")
    victim = Victim(agent.secret, {name: data for name, (data, _modified) in storage.objects.items()}, expected, directory, opened.reader())
    for name in victim.of(names.PACKS):
        data = victim.objects[name]
        victim.trailers[name] = len(data) - pack.FOOTER_BYTES - pack.trailer_length(data[-pack.FOOTER_BYTES:])
    return victim


def examine(victim: Victim, objects: dict[str, bytes], secret: keys.Secret | keys.WriterBundle | None = None) -> list[tuple[str, str]]:
    """(operation, error code) of everything that notices that these objects are not what they should be.

    Fails on any other exception, and when wrong content comes back, with or without an error.
    """
    clock = ManualClock(1_800_001_000.0)
    storage = MemoryStorage(clock, {name: (data, 1_800_000_500.0) for name, data in objects.items()})
    context, found = Context(clock=clock), []
    try:
        opened = repository.open_repository(storage, secret or victim.secret, context)
    except EngineError as exc:
        return [("open", exc.code)]
    found += [("list", "repository-damaged") for info in snapshots.list_infos(opened) if info.error]
    snapshots.list_without_key(storage)
    for ref in opened.snapshots():
        found += _attempt("load", lambda ref=ref: opened.load(ref))
        found += _restore(victim, opened, ref.id, context)
    found += _attempt("verify", lambda: verify.execute(
        verify.plan(opened, verify.VerifyOptions(level="data", snapshot="all"), context), context))
    for name in sorted(objects):
        for prefix, kind in ((names.RUNS, records.RUN), (names.VERIFICATIONS, records.VERIFICATION)):
            if name.startswith(prefix):
                found += _attempt("record", lambda name=name, kind=kind: records.decode(victim.bundle, kind, name, objects[name]))
    return found


def _attempt(operation: str, work) -> list[tuple[str, str]]:
    try:
        work()
    except EngineError as exc:
        return [(operation, exc.code)]
    return []


def _restore(victim: Victim, opened, snapshot_id: str, context: Context) -> list[tuple[str, str]]:
    target = victim.directory / "out"
    options = restore.RestoreOptions(snapshot=snapshot_id, target=str(target))
    found = _attempt("restore", lambda: restore.execute(restore.plan(opened, options, context), context))
    files = [path for path in target.rglob("*") if path.is_file() and path.name != restore.RECORD]
    came_back = {str(path)[len(str(target)):]: path.read_bytes() for path in files}
    shutil.rmtree(target, ignore_errors=True)
    expected = victim.expected.get(snapshot_id, {})
    wrong = {path for path, content in came_back.items() if expected.get(path) != content}
    assert not wrong, f"wrong content in {wrong}"
    assert found or came_back == expected
    return found
