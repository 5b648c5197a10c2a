# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The one kind of error that this engine raises for what a user, a host or a storage can cause."""
from __future__ import annotations


class EngineError(Exception):
    """A failure that a person can act on.

    code: stable, lower case, words joined by hyphens; listed in docs/troubleshooting.md (a test compares).
    message: one sentence: what failed, and where.
    hint: one sentence: what to do next.
    details: JSON-native facts for programs (never secrets).
    """

    def __init__(self, code: str, message: str, hint: str = "", details: dict | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.details = details or {}

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]"


class ObjectMissing(EngineError):
    """The storage has no object of that name."""

    def __init__(self, name: str, where: str) -> None:
        super().__init__(
            "object-missing", f"{where} has no object {name}",
            "Run a verification to see which snapshots are affected, then a backup: it stores what is missing anew.",
            {"object": name},
        )


class ObjectExists(EngineError):
    """A create-only write met an object of the same name."""

    def __init__(self, name: str, where: str) -> None:
        super().__init__(
            "object-exists", f"{where} already has an object {name}, and objects are never overwritten",
            "Check that no other host backs up into this repository.",
            {"object": name},
        )


def damaged(what: str, detail: str, hint: str = "") -> EngineError:
    """The error for stored bytes that do not authenticate, parse or fit their description."""
    return EngineError(
        "repository-damaged", f"{what} is damaged: {detail}",
        hint or "Run a verification to list the snapshots that are affected; older snapshots may be whole.",
    )
