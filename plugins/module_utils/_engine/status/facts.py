# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause
"""What a stored object says that a status needs: read once, kept on this host, since objects never change."""
# pylint: disable=unidiomatic-typecheck  # what was stored is distrusted: a bool is no number here, a subclass no text
from __future__ import annotations

import hashlib
import json
import os
import tempfile
from typing import Callable

from ..errors import EngineError
from ..repository import records
from ..repository.keys import WriterBundle
from ..repository.repository import SnapshotRef, read_header
from ..storage.base import ObjectInfo, Storage

_UNREADABLE = ("repository-damaged", "object-missing", "format-unknown", "key-cannot-read")
_HEADER = ("kind", "scope", "bytes", "bytes_stored", "files", "omissions", "duration_ms", "openclaw_version")
_RUN = {"result": str, "error_code": str, "host": str, "snapshot": str, "omissions": int, "engine": str}
_VERIFICATION = {"snapshot": str, "level": str, "result": str, "duration_ms": int, "recovery_ms": int, "host": str, "error_code": str}
_MOST_CHECKS = 40
_LONGEST = 300  # characters of a text that is kept
_VERSION = 2


def of_header(storage: Storage, item: ObjectInfo) -> dict:
    """The facts of a snapshot; {"error": …} for one that is damaged."""
    def read() -> dict:
        header = read_header(storage, SnapshotRef("", item.name, item.size, item.modified))
        return {name: getattr(header, name) for name in _HEADER}
    return _tolerantly(read)


def of_run(storage: Storage, item: ObjectInfo, bundle: WriterBundle | None = None) -> dict:
    """The facts of a run's record, with its message where a key opens it; {"error": …} for one that is damaged."""
    return _tolerantly(lambda: _of_record(storage, item, records.RUN, _RUN, bundle))


def of_verification(storage: Storage, item: ObjectInfo) -> dict:
    """The facts of a verification's record; {"error": …} for one that is damaged."""
    return _tolerantly(lambda: _of_record(storage, item, records.VERIFICATION, _VERIFICATION, None))


def _checks(value: object) -> list:
    """[[name, passed]] of what a verification's record says of its checks; what is no check, or was not made, is left out."""
    named = [item for item in value if type(item) is dict and type(item.get("name")) is str] if type(value) is list else []
    named = [item for item in named if item.get("result") in ("passed", "failed")]
    return [[item["name"][:60], item.get("result") == "passed"] for item in named[:_MOST_CHECKS]]


def _of_record(storage: Storage, item: ObjectInfo, kind: str, wanted: dict, bundle: WriterBundle | None) -> dict:
    data = storage.get(item.name, 0, records.MAXIMUM_MESSAGE * 2)
    message = ""
    if bundle is None:
        record = records.read(item.name, data, kind)
    else:
        record, message = records.decode(bundle, kind, item.name, data)
    found = {}
    for name, expected in wanted.items():
        value = record.get(name)
        if type(value) is expected:
            found[name] = value[:_LONGEST] if expected is str else value
    if "checks" in record:
        found["checks"] = _checks(record["checks"])
    if message:
        found["message"] = message[:_LONGEST]
    return found


def _tolerantly(read: Callable[[], dict]) -> dict:
    try:
        return read()
    except EngineError as exc:
        if exc.code not in _UNREADABLE:
            raise
        return {"error": exc.message[:_LONGEST]}


class Memory:
    """Facts by object, kept in a file between two looks. Every failure to read or write it is a miss, never an error."""

    def __init__(self, directory: str | None, url: str) -> None:
        """directory: this user's own; None keeps nothing."""
        name = f"status-{hashlib.sha256(url.encode()).hexdigest()[:32]}.json"
        self._path = os.path.join(directory, name) if directory else None
        self._old: dict = self._load()
        self._new: dict = {}
        self._changed = False

    def get(self, instance: str, item: ObjectInfo) -> dict | None:
        """The facts of an object of that name, size and time, if they are known."""
        key = f"{instance}/{item.name}"
        kept = self._new.get(key) or self._old.get(key)
        if type(kept) is not list or len(kept) != 3 or kept[:2] != [item.size, item.modified] or type(kept[2]) is not dict:
            return None
        self._new[key] = kept
        return kept[2]

    def put(self, instance: str, item: ObjectInfo, found: dict) -> None:
        """Remember them. What is neither asked for nor put is forgotten at save()."""
        self._new[f"{instance}/{item.name}"] = [item.size, item.modified, found]
        self._changed = True

    def save(self) -> None:
        """Write it to the disk."""
        if self._path is None or not (self._changed or len(self._new) < len(self._old)):
            return
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=os.path.dirname(self._path), prefix=".new-", delete=False) as stream:
                # Not dump(): it writes each value by itself, in Python.
                stream.write(json.dumps({"version": _VERSION, "facts": self._new}, separators=(",", ":")))
            os.replace(stream.name, self._path)
        except OSError:
            return

    def _load(self) -> dict:
        try:
            if self._path:
                with open(self._path, encoding="utf-8") as stream:
                    value = json.load(stream)
                if type(value) is dict and value.get("version") == _VERSION and type(value.get("facts")) is dict:
                    return value["facts"]
        except (OSError, ValueError, RecursionError):
            pass
        return {}
