# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The root file system that hosts of a suite start from: built once, kept as an archive, unpacked beside it."""
from __future__ import annotations

import fcntl
import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path

from . import places
from .commands import run
from .suites import BASE_PACKAGES, CUSTOMIZE, OPTIONS, REPOSITORY_PACKAGES, Suite


def prepare(suite: Suite) -> Path:
    """The unpacked root file system of a suite, never to be written to; built on first use, some 30 s."""
    directory = places.cache() / f"root-{suite.name}-{suite.key()}"
    archive = directory.with_suffix(".tar.zst")
    with _lock(directory.with_suffix(".lock")):
        if not archive.exists():
            _build(suite, archive)
        if not directory.exists():
            _unpack(archive, directory)
    return directory


def _build(suite: Suite, archive: Path) -> None:
    began = time.monotonic()
    new = archive.with_name("new-" + archive.name)  # the suffix tells mmdebstrap how to compress
    hook = f'sh "{CUSTOMIZE}" "$1" {" ".join(REPOSITORY_PACKAGES)}'
    run("mmdebstrap", "--quiet", "--mode=root", *OPTIONS, f"--include={','.join(BASE_PACKAGES)}",
        f"--customize-hook={hook}", suite.name, new, _mirror())
    os.rename(new, archive)
    print(f"test hosts: built {archive.name}, {archive.stat().st_size >> 20} MiB, in {time.monotonic() - began:.0f} s", flush=True)


def _unpack(archive: Path, directory: Path) -> None:
    new = directory.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    run("tar", "-C", new, "--zstd", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", archive)
    os.rename(new, directory)


def _mirror() -> str:
    """$DEBIAN_MIRROR, or the one that this machine's package sources name."""
    if os.environ.get("DEBIAN_MIRROR"):
        return os.environ["DEBIAN_MIRROR"]
    targets = run("apt-get", "indextargets", "--format", "$(ORIGIN) $(RELEASE) $(REPO_URI)").stdout
    found = [line.split(" ", 2)[2] for line in targets.splitlines() if line.startswith("Debian ") and "-security " not in line]
    return found[0] if found else "http://deb.debian.org/debian"


@contextmanager
def _lock(path: Path):
    """Only one process at a time builds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="ascii") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
