# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tool's exit status says. docs/tool.md has this table for people; a test compares."""
from __future__ import annotations

from typing import Iterable

COMPLETE = 0
OMISSIONS = 3
UNCHANGED = 4
FAILED = 10
WRONG_KEY = 11
UNREACHABLE = 12
DAMAGED = 13
USAGE = 14
LOCKED = 15
NOTHING = 16
INTERRUPTED = 130
BROKEN_PIPE = 141

_CODES = {
    WRONG_KEY: ("wrong-key", "key-cannot-read", "repository-replaced"),
    UNREACHABLE: (
        "repository-missing", "storage-answer-unexpected", "storage-bucket-missing", "storage-busy", "storage-certificate-invalid",
        "storage-clock-skew", "storage-connection-lost", "storage-connection-refused", "storage-credentials-expired",
        "storage-credentials-missing", "storage-io-error", "storage-key-id-unknown", "storage-name-unresolved", "storage-no-permission",
        "storage-not-a-directory", "storage-root-missing", "storage-secret-wrong", "storage-timeout", "storage-tls-failed",
        "storage-unreachable", "storage-user-suspended", "storage-wrong-region"),
    DAMAGED: ("repository-damaged", "object-missing", "pack-missing", "restore-incomplete", "verification-failed"),
    USAGE: (
        "configuration-invalid", "configuration-unreadable", "confirmation-missing", "confirmation-wrong",
        "credential-missing", "credential-unreadable", "extra-path-excluded",
        "extra-path-relative", "instance-name-invalid", "key-ambiguous", "key-cannot-create", "key-file-invalid", "key-file-unreadable",
        "key-not-given", "name-invalid", "name-taken", "option-invalid", "option-unknown", "passphrase-too-short", "path-relative",
        "query-invalid", "scope-empty", "scope-unknown", "several-instances", "snapshot-ambiguous", "storage-ca-bundle-missing",
        "storage-url-invalid", "target-not-empty", "usage"),
    LOCKED: ("already-running",),
    NOTHING: (
        "instance-missing", "instance-not-configured", "instance-not-given", "instance-unreadable", "nothing-selected",
        "nothing-to-back-up", "path-missing", "root-missing", "snapshot-missing", "user-unknown"),
    INTERRUPTED: ("interrupted",),
}
_BY_ERROR = {error: status for status, errors in _CODES.items() for error in errors}


def of_error(code: str) -> int:
    """The exit status for an error code of the engine or of this tool."""
    return _BY_ERROR.get(code, FAILED)


def combined(statuses: Iterable[int]) -> int:
    """One exit status for several instances: the failure, where all failures are the same one; FAILED where they differ."""
    found = set(statuses)
    failures = {status for status in found if status >= FAILED}
    if failures:
        return failures.pop() if len(failures) == 1 else FAILED
    if OMISSIONS in found:
        return OMISSIONS
    return UNCHANGED if found == {UNCHANGED} else COMPLETE
