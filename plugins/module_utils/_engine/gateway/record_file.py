# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Small JSON files beside a state directory that say what is going on with it: on the disk whole or not at all."""
from __future__ import annotations

import json
import os

from ..capture.paths import read_small_text
from ..errors import EngineError

_LIMIT = 64 << 10  # bytes


def read(path: str) -> dict | None:
    """The JSON object in a file; None where there is none that makes sense."""
    try:
        found = json.loads(read_small_text(path, _LIMIT))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def exists(path: str) -> bool:
    """Whether there is one, whatever is in it."""
    return os.path.lexists(path)


def write(path: str, value: dict) -> None:
    """Put it there, readable for all, since the gateway's user has to see it. EngineError "gateway-record-failed".

    Links that are in the way are replaced, not followed: the directory may belong to somebody else.
    """
    fresh = f"{path}.new"
    try:
        _unlink(fresh)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        with open(descriptor, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(value, indent=1) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(fresh, path)
        _sync(os.path.dirname(path))
    except OSError as exc:
        raise _failed(path, exc) from exc


def remove(path: str) -> None:
    """Take it away; it need not be there. EngineError "gateway-record-failed"."""
    try:
        _unlink(path)
        _sync(os.path.dirname(path))
    except OSError as exc:
        raise _failed(path, exc) from exc


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _sync(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(path: str, exc: OSError) -> EngineError:
    return EngineError(
        "gateway-record-failed", f"The record of what is going on with a gateway cannot be kept: {path}: {exc.strerror or exc}",
        "Make the directory that holds the state directory writable for the user who runs this.")
