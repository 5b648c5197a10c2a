# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook that make backup runs: from nothing to a verified backup, and what comes after."""
from __future__ import annotations

import filecmp
import os
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = Path(__file__).resolve().parents[2] / "playbooks" / "files" / "sample_state.py"
BACKUP, EXTRACT = "openclaw_ops.backup.backup_here", "openclaw_ops.backup.extract"


def snapshots(home: Path) -> list[str]:
    return sorted(path.name for path in (home / ".local/share/openclaw-backup/repository").glob("*/snapshots/*"))


def test_without_an_openclaw_a_sample_is_backed_up_and_said_to_be_one(ansible):
    output = ansible.play(BACKUP)
    assert "THIS IS A SAMPLE" in output
    assert len(snapshots(ansible.home)) == 1
    key = ansible.home / ".config/openclaw-backup/repository.key"
    assert key.stat().st_mode & 0o777 == 0o600 and str(key) in output and "WITHOUT IT NOBODY CAN RESTORE" in output
    assert "Nothing has changed since" in ansible.play(BACKUP)
    assert len(snapshots(ansible.home)) == 1


def test_an_openclaw_is_found_backed_up_and_restored_by_the_other_playbook(ansible, tmp_path):
    state = ansible.home / ".openclaw"
    subprocess.run([sys.executable, SAMPLE, state], check=True, capture_output=True)
    output = ansible.play(BACKUP)
    assert "SAMPLE" not in output and "sample" not in os.listdir(ansible.home / ".local/share/openclaw-backup/repository")
    output = ansible.play(EXTRACT, "-e", f"openclaw_extract_to={tmp_path}/out")
    restored = Path(f"{tmp_path}/out{state}")
    assert str(restored) in output
    compared = filecmp.dircmp(state, restored)
    assert compared.left_only == ["cache"] and not compared.right_only and not compared.diff_files


def test_check_mode_changes_nothing(ansible):
    result = ansible.run(BACKUP, "--check")
    assert not (ansible.home / ".local/share/openclaw-backup").exists(), result.stdout
    assert not (ansible.home / ".config/openclaw-backup").exists()


def test_the_place_can_come_from_an_inventory(ansible, tmp_path):
    place, key = tmp_path / "elsewhere", tmp_path / "keys" / "k"
    (ansible.home / "group_vars").mkdir()
    (ansible.home / "group_vars" / "all.yml").write_text(f"openclaw_backup_storage_url: file://{place}\nopenclaw_backup_key_file: {key}\n")
    inventory = ansible.home / "hosts"
    inventory.write_text("localhost ansible_connection=local\n")
    ansible.play(BACKUP, "-i", str(inventory))
    assert key.exists() and list(place.glob("sample/snapshots/*")) and not (ansible.home / ".local/share/openclaw-backup/repository").exists()


@pytest.mark.parametrize("name", ["with space", "ünïcode", "100%"])
def test_a_home_of_any_name_will_do(ansible, tmp_path, name):
    ansible.home = tmp_path / name
    ansible.home.mkdir()
    ansible.play(BACKUP)
    assert len(snapshots(ansible.home)) == 1
