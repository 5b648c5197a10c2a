# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies this checkout to <directory>/ansible_collections/openclaw_ops/backup and prints that path.

ansible-test and ansible-lint insist on such a path. Only what changed is copied, what is gone is removed, and
tests/output stays, because ansible-test keeps its virtual environments there.
"""
from __future__ import annotations

import filecmp
import os
import shutil
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
LEFT_OUT_ANYWHERE = {"__pycache__", ".git", ".hypothesis", ".pytest_cache", ".mypy_cache", ".ruff_cache"}
LEFT_OUT_ON_TOP = {".cache", "build", ".venv", ".venv-test", ".venv-s3", ".ansible"}
NOT_SHIPPED = {".ci", ".config", "docs", "molecule", "tools"}  # and all of tests/ but what ansible-test reads
SHIPPED_TESTS = {"config.yml", "sanity"}


def _files(shipped_only: bool) -> dict[str, Path]:
    found = {}
    left_out_on_top = LEFT_OUT_ON_TOP | (NOT_SHIPPED if shipped_only else set())
    for directory, names, files in os.walk(CHECKOUT):
        here = Path(directory)
        top = here == CHECKOUT
        names[:] = [n for n in names if n not in LEFT_OUT_ANYWHERE and not (top and n in left_out_on_top)]
        if here == CHECKOUT / "tests":
            names[:] = [n for n in names if (n in SHIPPED_TESTS if shipped_only else n != "output")]
            files = [n for n in files if n in SHIPPED_TESTS or not shipped_only]
        for name in files:
            if name not in LEFT_OUT_ANYWHERE and not name.endswith((".pyc", ".tar.gz")):  # in a worktree .git is a file
                path = here / name
                found[str(path.relative_to(CHECKOUT))] = path
    return found


def _remove_stale(tree: Path, wanted: dict[str, Path]) -> None:
    for directory, names, files in os.walk(tree, topdown=False):
        here = Path(directory)
        relative = here.relative_to(tree)
        if relative.parts[:2] == ("tests", "output") or relative.parts[:1] == (".git",):
            continue
        for name in files:
            if str(relative / name) not in wanted:
                (here / name).unlink()
        if here != tree and not any(here.iterdir()):
            here.rmdir()


def copy(directory: Path, shipped_only: bool = False) -> Path:
    """Bring the copy below directory up to date and return the collection's path in it.

    shipped_only: without the development files that galaxy.yml leaves out of the archive.
    """
    tree = directory.resolve() / "ansible_collections" / "openclaw_ops" / "backup"
    tree.mkdir(parents=True, exist_ok=True)
    wanted = _files(shipped_only)
    _remove_stale(tree, wanted)
    for relative, source in wanted.items():
        target = tree / relative
        if target.is_file() and not source.is_symlink() and filecmp.cmp(source, target, shallow=False) and (
                target.stat().st_mode == source.stat().st_mode):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)
    return tree


if __name__ == "__main__":
    print(copy(Path(sys.argv[1])))
