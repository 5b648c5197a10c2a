# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What an operating system error of a directory storage means to a person."""
from __future__ import annotations

import errno
import os

from ..errors import EngineError
from .meaning import Meaning

_OWN = "Let the user who runs this own the directory"
_REMOUNT = "Mount the network file system again."
_SERVER = "Check the file server and the network."
_MEANINGS = {
    errno.ENOSPC: Meaning(code="storage-full", what="has no space left",
                          hint="Free space there, or prune, then run again: what is stored is not stored twice."),
    errno.EDQUOT: Meaning(code="storage-quota-exceeded", what="has used up its quota", hint="Raise the quota, or prune, then run again."),
    errno.EROFS: Meaning(code="storage-read-only", what="is read-only",
                         hint="Mount it for writing; a failing disk may have been remounted: see the kernel's log."),
    errno.EACCES: Meaning(code="storage-no-permission", what="does not permit it", hint=_OWN + "."),
    errno.EPERM: Meaning(code="storage-no-permission", what="does not permit it", hint=_OWN + "; look for immutable flags."),
    errno.EIO: Meaning(code="storage-io-error", what="reports an input/output error",
                       hint="Check the disk and the kernel's log before trusting it with backups."),
    errno.ESTALE: Meaning(code="storage-unreachable", what="has gone away below a mount", hint=_REMOUNT),
    errno.ENOTCONN: Meaning(code="storage-unreachable", what="has gone away below a mount", hint=_REMOUNT),
    errno.EHOSTDOWN: Meaning(code="storage-unreachable", what="does not answer", hint=_SERVER),
    errno.ETIMEDOUT: Meaning(code="storage-timeout", what="does not answer in time", hint=_SERVER),
    errno.ENOTDIR: Meaning(code="storage-not-a-directory", what="holds no plain directory there",
                           hint="Move away what is not part of the repository."),
    errno.ELOOP: Meaning(code="storage-not-a-directory", what="holds a symbolic link there",
                         hint="Replace it by what it points to: links inside a repository are not followed."),
}


def from_os_error(exc: OSError, url: str, action: str) -> EngineError:
    """The EngineError for an OSError met by an action ("write packs/00/ab") on the storage at url."""
    answer = os.strerror(exc.errno) if exc.errno else str(exc)
    other = Meaning(code="storage-io-error", what=f"answers: {answer}", hint="Check the file system and its mount options.")
    code, meaning, hint = _MEANINGS.get(exc.errno, other)
    return EngineError(code, f"Cannot {action}: {url} {meaning}", hint, {"errno": errno.errorcode.get(exc.errno or 0, "")})


def root_missing(url: str) -> EngineError:
    """The error for writing below a root that is not there: an unmounted disk must not turn into a repository."""
    return EngineError(
        "storage-root-missing", f"{url} does not exist", "Mount the disk it is on; if it is a new repository, initialise it first.",
    )
