# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module openclaw_host_tool brings the tool to a host, only where it differs, and says beforehand what it would do."""
from __future__ import annotations

import subprocess
import sys

PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - openclaw_ops.backup.openclaw_host_tool:
        dest: "{{ test_dest }}"
      register: result
    - ansible.builtin.debug:
        msg: "changed={{ result.changed }} size={{ result.size }} checksum={{ result.checksum }}"
"""


def test_it_is_installed_once(ansible, tmp_path):
    playbook, dest = tmp_path / "play.yml", tmp_path / "tool.pyz"
    playbook.write_text(PLAY)
    variables = {"test_dest": str(dest)}
    planned = ansible.play(playbook, "--check", "--diff", variables=variables)
    assert "changed=True" in planned and "+sha256 " in planned
    assert not dest.exists()
    assert "changed=True" in ansible.play(playbook, variables=variables)
    assert dest.stat().st_mode & 0o777 == 0o644
    done = subprocess.run([sys.executable, "-I", dest, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("openclaw-backup ")
    assert "changed=False" in ansible.play(playbook, variables=variables)
    dest.write_bytes(dest.read_bytes() + b"x")
    assert "changed=True" in ansible.play(playbook, "--check", variables=variables)


def test_a_missing_directory_is_a_failure(ansible, tmp_path):
    playbook = tmp_path / "play.yml"
    playbook.write_text(PLAY)
    done = ansible.run(playbook, variables={"test_dest": str(tmp_path / "nowhere" / "tool.pyz")})
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
