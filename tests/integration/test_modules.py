# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each module does what its documentation says, run by Ansible, against a directory and against an S3 server."""
from __future__ import annotations

from pathlib import Path

import pytest

TARGETS = sorted(path.name for path in (Path(__file__).parent / "targets").iterdir() if path.name.startswith("openclaw_"))


@pytest.mark.parametrize("target", TARGETS)
def test_module_keeps_its_promises(ansible, storage, tmp_path, target):
    playbook = tmp_path / "play.yml"
    playbook.write_text(f"- hosts: all\n  gather_facts: false\n  roles: [{target}]\n")
    ansible.play(playbook, variables={"test_dir": str(tmp_path / "work"), "test_storage": storage})
