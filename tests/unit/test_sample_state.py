# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sample that the quick start backs up where there is no OpenClaw: believable, small, the same every time, never overwriting."""
from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
from pathlib import Path

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.instance import discover
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import InstanceOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context

SCRIPT = Path(__file__).resolve().parents[2] / "playbooks" / "files" / "sample_state.py"


def make(directory: Path) -> str:
    return subprocess.run([sys.executable, "-I", SCRIPT, directory], check=True, capture_output=True, text=True).stdout.strip()


def test_it_is_about_a_megabyte_and_its_databases_are_sound(tmp_path):
    assert make(tmp_path / "state") == "made"
    files = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert 500_000 < sum(path.stat().st_size for path in files) < 2_000_000
    databases = [path for path in files if path.suffix == ".sqlite"]
    assert len(databases) == 3
    for path in databases:
        assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_discovery_takes_it_for_an_openclaw(tmp_path):
    make(tmp_path / "state")
    found = discover(InstanceOptions(instance="sample", state_dir=str(tmp_path / "state")), Context(environment={"HOME": str(tmp_path)}))
    assert found.layout == "database"
    assert set(found.agents) == {"main", "research"}
    assert not [finding for finding in found.findings if finding.path.startswith(str(tmp_path))]


def test_it_never_touches_what_is_there(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "mine").write_text("precious")
    assert make(tmp_path / "state") == "there"
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["mine"]


def test_it_is_the_same_every_time(tmp_path):
    def digests(name):
        make(tmp_path / name / "state")
        root = tmp_path / name / "state"
        return {path.relative_to(root): hashlib.sha256(path.read_bytes().replace(str(root).encode(), b"")).hexdigest()
                for path in root.rglob("*") if path.is_file() and ".sqlite" not in path.name}
    assert digests("a") == digests("b")
