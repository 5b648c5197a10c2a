# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Repositories as hosts would leave them, without any host: real headers and records with made-up content and times."""
from __future__ import annotations

import os
import secrets
from pathlib import Path

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import crypto, keys, names, records, repository, snapshot

DAY = 86400.0
CHECKS = [{"name": name, "result": "passed"} for name in ("repository", "data", "databases", "content", "openclaw", "boot", "time")]
_PUBLIC = secrets.token_bytes(crypto.PUBLIC_BYTES)


class SimulatedInstance:
    """One repository in a directory. Times are seconds since 1970; stored: when the storage says that it was stored."""

    def __init__(self, storage: Path, name: str, host: str = "") -> None:
        self.directory, self.name, self.host = storage / name, name, host or f"host-{name}"
        self.bundle = keys.ReaderBundle(
            repository=secrets.token_hex(16), chunk_key=secrets.token_bytes(32), catalog_key=secrets.token_bytes(32), public_key=_PUBLIC,
            private_key=secrets.token_bytes(32))
        self._made: set[Path] = set()

    def describe(self, time: float) -> None:
        """Leave repository.json."""
        described = repository._describe(self.bundle, self.name, names.id_of_time(time))  # pylint: disable=protected-access
        self.write(names.REPOSITORY, described, time)

    def write(self, name: str, data: bytes, stored: float) -> None:
        """Leave an object."""
        path = self.directory / name
        if path.parent not in self._made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(path.parent)
        path.write_bytes(data)
        os.utime(path, (stored, stored))

    def snapshot(self, time: float, stored: float | None = None, packs: int = 40, recorded: bool = True, **fields) -> str:
        """Leave a snapshot, and the record of its run; gives its id."""
        snapshot_id = names.id_of_time(time)
        values = {
            "kind": "scheduled", "scope": "everything", "files": 1290, "bytes": 1_700_000_000, "bytes_stored": 18_000_000, "duration_ms": 4200,
            "openclaw_version": "2026.9.6", "packs": tuple(secrets.token_hex(16) for _pack in range(packs)), "salt": secrets.token_hex(16),
            **fields}
        header = snapshot.Header(repository=self.bundle.repository, id=snapshot_id, created=snapshot_id, **values)
        header, parts = snapshot.encode(self.bundle, header, None, "", b"a manifest")
        self.write(names.snapshot_object(snapshot_id), b"".join(parts), stored or time)
        if recorded:
            self.run(time + 1, "success", snapshot=snapshot_id, omissions=header.omissions, bytes_stored=header.bytes_stored)
        return snapshot_id

    def run(self, time: float, result: str, message: str = "", **fields) -> None:
        """Leave the record of a run."""
        name = names.run_object(names.id_of_time(time))
        said = {"result": result, "host": self.host, "engine": "0.1.0", **fields}
        self.write(name, records.encode(self.bundle, records.RUN, name, said, message), time)

    def verification(self, snapshot_id: str, time: float, passed: bool = True, level: str = "restore", **fields) -> None:
        """Leave the record of a verification."""
        name = names.verification_object(snapshot_id, time)
        said = {"snapshot": snapshot_id, "level": level, "result": "passed" if passed else "failed", **fields}
        self.write(name, records.encode(self.bundle, records.VERIFICATION, name, said, ""), time)


def healthy(storage: Path, name: str, now: float, snapshots: int = 30, days: int = 90, size: int = 1_700_000_000) -> SimulatedInstance:
    """An instance that is backed up daily, keeps so many snapshots, and was verified three days ago."""
    made = SimulatedInstance(storage, name)
    made.describe(now - days * DAY)
    for age in range(days - 1, -1, -1):
        time = now - age * DAY - 3 * 3600
        grown = int(size * (1 - age / 400))
        if age < snapshots:
            made.snapshot(time, bytes=grown)
        else:
            made.run(time + 1, "success", snapshot=names.id_of_time(time), omissions=0, bytes_stored=18_000_000)
    made.verification(names.id_of_time(now - 3 * DAY - 3 * 3600), now - 3 * DAY, duration_ms=95_000, recovery_ms=42_000, host="staging-1", checks=CHECKS)
    return made
