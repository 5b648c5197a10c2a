# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host whose key was stolen can do: snapshots and packs that authenticate and say whatever the attacker likes."""
from __future__ import annotations

import base64
import copy
import json
import os
import shutil
import struct
from pathlib import Path

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import dependencies, restore
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import crypto, names, pack, snapshot
from support.agent import Agent
from support.clock import ManualClock
from support.fault_storage import MemoryStorage
from support.random_tree import facts

COLUMNS = ("chunk_frame", "chunk_offset", "chunk_length", "frame_pack", "frame_ordinal", "frame_offset", "frame_stored", "frame_length")


class Forger:
    """A genuine repository, and copies of its snapshot with whatever changed. Beside the target lies what must stay untouched."""

    def __init__(self, directory: Path) -> None:
        self.clock = ManualClock()
        self.storage = MemoryStorage(self.clock)
        self.agent = Agent(directory, self.storage, self.clock)
        self.agent.write("openclaw.json", "{}")
        self.agent.write("dir/one", os.urandom(1000))
        self.agent.write("dir/two", b"two" * 10_000)
        os.link(self.agent.state / "dir/one", self.agent.state / "dir/three")
        (self.agent.state / "dir/to").symlink_to("one")
        self.genuine = self.agent.backup()
        self.bundle = self.agent.open().reader()
        self.world = directory / "world"
        (self.world / "canary").mkdir(parents=True)
        (self.world / "canary" / "file").write_bytes(b"untouched")
        (self.world / "canary" / "db-wal").write_bytes(b"not a log" * 100)
        self.target = self.world / "target"
        self._before = facts(os.fsencode(self.world))
        self._number = 0
        self.sections = self._sections()

    def _sections(self) -> dict:
        """The genuine manifest: "meta" and "entries" as data, the others as bytes and lists of numbers."""
        name = names.snapshot_object(self.genuine.id)
        line, body = self.storage.objects[name][0].split(b"\n", 1)
        key = crypto.derive(self.bundle.catalog_key, "snapshot", self.bundle.repository, self.genuine.id, self.genuine.salt)
        plain = crypto.Sealer(key).open(0, body, crypto.context("snapshot", self.bundle.repository) + b"\x00" + line)
        head, rest = plain.split(b"\n", 1)
        found = {}
        for section, stored, _length in json.loads(head)["sections"]:
            found[section], rest = dependencies.zstd().decompress(rest[:stored]), rest[stored:]
        for column in COLUMNS:
            found[column] = list(struct.unpack(f"<{len(found[column]) // 4}I", found[column]))
        found["meta"] = json.loads(found["meta"])
        found["entries"] = [json.loads(entry) for entry in found["entries"].splitlines()]
        return found

    def entry(self, name: str) -> dict:
        """A copy of the genuine entry whose path ends so."""
        return copy.deepcopy(next(entry for entry in self.sections["entries"] if entry["path"].endswith(name)))

    def snapshot(self, header: dict | None = None, raw: dict | None = None, **sections) -> str:
        """Store a snapshot with these sections in place of the genuine ones; its id.

        entries: dicts, or lines as bytes. raw: section -> (stored bytes, length that is claimed). header: fields of it.
        """
        merged = {**self.sections, **sections}
        packed = {}
        for section, value in merged.items():
            data = self._bytes_of(section, value)
            packed[section] = dependencies.zstd().compress(data), len(data)
        packed.update(raw or {})
        head = json.dumps({"format": 1, "sections": [[name, len(data), length] for name, (data, length) in packed.items()]}).encode()
        return self.body(head + b"\n" + b"".join(data for data, _length in packed.values()), **(header or {}))

    @staticmethod
    def _bytes_of(section: str, value) -> bytes:
        if section == "entries":
            return b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in value)
        if section in COLUMNS:
            return struct.pack(f"<{len(value)}I", *value)
        return value if isinstance(value, (bytes, bytearray)) else json.dumps(value).encode()

    def body(self, plaintext: bytes, **fields) -> str:
        """Store a snapshot with this plaintext as its body; its id."""
        self._number += 1
        snapshot_id = names.id_of_time(self.clock.now() + 60 * self._number)
        header = snapshot.Header(**{**vars(self.genuine), "id": snapshot_id, **fields})
        _header, parts = snapshot.encode(self.bundle, header, None, "", plaintext)
        self.storage.create(names.snapshot_object(snapshot_id), parts)
        return snapshot_id

    def pack(self, head, ids: bytes = b"", frames: bytes = b"frames") -> str:
        """Store a pack with this trailer; its id."""
        pack_id = names.random_id()
        text = head if isinstance(head, bytes) else json.dumps(head).encode()
        key = crypto.derive(self.bundle.catalog_key, "trailer", self.bundle.repository, pack_id)
        plaintext = dependencies.zstd().compress(text + b"\n" + ids)
        sealed = crypto.Sealer(key).seal(0, plaintext, crypto.context("trailer", self.bundle.repository, pack_id))
        self.storage.create(names.pack_object(pack_id), [frames, sealed, struct.pack("<4sI", b"OCBP", len(sealed))])
        return pack_id

    def genuine_trailer(self) -> tuple[dict, bytes]:
        """(head, ids) of the trailer of the genuine pack."""
        name = next(name for name in self.storage.objects if name.startswith(names.PACKS))
        data = self.storage.objects[name][0]
        length = pack.trailer_length(data[-8:])
        pack_id = names.pack_of_object(name)
        key = crypto.derive(self.bundle.catalog_key, "trailer", self.bundle.repository, pack_id)
        sealed = data[-8 - length:-8]
        head, ids = dependencies.zstd().decompress(
            crypto.Sealer(key).open(0, sealed, crypto.context("trailer", self.bundle.repository, pack_id))).split(b"\n", 1)
        return json.loads(head), ids

    def restore(self, snapshot_id: str) -> restore.RestoreResult:
        """Restore into the target beside the canary; whatever comes of it, the canary must live."""
        try:
            context = Context(clock=self.clock)
            options = restore.RestoreOptions(snapshot=snapshot_id, target=str(self.target))
            return restore.execute(restore.plan(self.agent.open(), options, context), context)
        finally:
            self.check_canary()

    def forget_target(self) -> None:
        """Remove what was restored."""
        shutil.rmtree(self.target, ignore_errors=True)

    def check_canary(self) -> None:
        """Everything but the target is as it was."""
        now = {path: about for path, about in facts(os.fsencode(self.world)).items() if path.partition(b"/")[0] != b"target"}
        assert now == self._before

    def encoded(self, data: bytes) -> str:
        """Base64."""
        return base64.b64encode(data).decode()
