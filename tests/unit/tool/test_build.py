# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host tool is the same file wherever it is built, and holds what runs and nothing else."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from ansible_collections.openclaw_ops.backup.plugins.plugin_utils import _host_tool

CHECKOUT = Path(__file__).resolve().parents[3]
SOURCES = ("plugins/module_utils/_engine", "roles/runner/files/openclaw_backup_tool")


def another_checkout(directory: Path) -> Path:
    """The sources as another machine may have them: other times, modes, order, compiled files and an editor's leftovers."""
    for source in SOURCES:
        for path in sorted((CHECKOUT / source).rglob("*.py"), reverse=True):
            copy = directory / path.relative_to(CHECKOUT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            os.utime(copy, (1, 1))
            copy.chmod(0o600)
        (directory / source / "__pycache__").mkdir()
        (directory / source / "__pycache__" / "errors.cpython-312.pyc").write_bytes(b"x")
        (directory / source / "errors.py~").write_text("x")
    return directory


def test_two_checkouts_give_the_same_bytes(tmp_path):
    assert _host_tool.build(str(another_checkout(tmp_path))) == _host_tool.build()


def test_another_source_gives_other_bytes(tmp_path):
    other = another_checkout(tmp_path)
    (other / SOURCES[1] / "text.py").write_text("# changed\n")
    assert _host_tool.build(str(other)) != _host_tool.build()


def test_the_file_holds_python_sources_only(tool):
    with zipfile.ZipFile(tool) as archive:
        names = archive.namelist()
    assert names == sorted(names)
    assert all(name.endswith(".py") for name in names)
    assert {"__main__.py", "openclaw_backup_engine/backup.py", "openclaw_backup_tool/main.py"} <= set(names)


def test_it_runs_isolated_as_one_file(tool):
    done = subprocess.run([sys.executable, "-I", tool, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()[0]) == (0, "openclaw-backup")
