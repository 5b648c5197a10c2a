# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What an operating system error of a directory storage means to a person."""
from __future__ import annotations

import errno
import os

from ..errors import EngineError

_MEANINGS = {
    errno.ENOSPC: ("storage-full", "has no space left", "Free space there, or prune, then run again: what is stored is not stored twice."),
    errno.EDQUOT: ("storage-quota-exceeded", "has used up its quota", "Raise the quota, or prune, then run again."),
    errno.EROFS: ("storage-read-only", "is read-only",
                  "Mount it for writing; a failing disk may have been remounted: see the kernel's log."),
    errno.EACCES: ("storage-no-permission", "does not permit it", "Let the user who runs this own the directory."),
    errno.EPERM: ("storage-no-permission", "does not permit it", "Let the user who runs this own the directory; look for immutable flags."),
    errno.EIO: ("storage-io-error", "reports an input/output error",
                "Check the disk and the kernel's log before trusting it with backups."),
    errno.ESTALE: ("storage-unreachable", "has gone away below a mount", "Mount the network file system again."),
    errno.ENOTCONN: ("storage-unreachable", "has gone away below a mount", "Mount the network file system again."),
    errno.EHOSTDOWN: ("storage-unreachable", "does not answer", "Check the file server and the network."),
    errno.ETIMEDOUT: ("storage-timeout", "does not answer in time", "Check the file server and the network."),
    errno.ENOTDIR: ("storage-not-a-directory", "holds no plain directory there", "Move away what is not part of the repository."),
    errno.ELOOP: ("storage-not-a-directory", "holds a symbolic link there",
                  "Replace it by what it points to: links inside a repository are not followed."),
}

def from_os_error(exc: OSError, url: str, action: str) -> EngineError:
    """The EngineError for an OSError met by an action ("write packs/00/ab") on the storage at url."""
    answer = os.strerror(exc.errno) if exc.errno else str(exc)
    other = ("storage-io-error", f"answers: {answer}", "Check the file system and its mount options.")
    code, meaning, hint = _MEANINGS.get(exc.errno, other)
    return EngineError(code, f"Cannot {action}: {url} {meaning}", hint, {"errno": errno.errorcode.get(exc.errno or 0, "")})


def root_missing(url: str) -> EngineError:
    """The error for writing below a root that is not there: an unmounted disk must not turn into a repository."""
    return EngineError(
        "storage-root-missing", f"{url} does not exist", "Mount the disk it is on; if it is a new repository, initialise it first.",
    )
