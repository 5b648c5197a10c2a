# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Long work shows how far it is, and survives what happens to long work."""
from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

SAMPLE = Path(__file__).resolve().parents[2] / "playbooks" / "files" / "sample_state.py"
LINE = re.compile(r"^(\S+): capture, \d+ %, .* of .*, \d+ of \d+ files", re.M)
PLAY = """
- hosts: all
  gather_facts: false
  module_defaults:
    group/openclaw_ops.backup.openclaw:
      instance: "{{ inventory_hostname }}"
      storage: "{{ test_storage }}"
      encryption: {enabled: false}
  tasks:
    - openclaw_ops.backup.openclaw_repository:
    - openclaw_ops.backup.openclaw_backup:
        state_dir: "{{ test_state }}"
"""


@pytest.fixture
def slow(ansible, s3_server, tmp_path):
    """run(*arguments): back up 3 MB to a storage that takes 0.3 MB per second."""
    state, playbook = tmp_path / "state", tmp_path / "play.yml"
    subprocess.run([sys.executable, SAMPLE, state], check=True, capture_output=True)
    (state / "workspace" / "blob").write_bytes(os.urandom(2_500_000))
    playbook.write_text(PLAY)
    user = s3_server.add_user("s3:*")
    storage = {"url": f"s3://{s3_server.add_bucket()}/b", "endpoint": s3_server.endpoint, "region": "us-east-1", "upload_rate_limit": 300_000}
    variables = {"test_storage": storage, "test_state": str(state)}
    environment = {"AWS_ACCESS_KEY_ID": user.key_id, "AWS_SECRET_ACCESS_KEY": user.secret}
    return lambda *arguments: ansible.run(playbook, *arguments, variables=variables, environment=environment)


@pytest.mark.s3
def test_each_host_gets_lines_and_can_be_told_not_to(slow):
    result = slow("-i", "one,two,")
    assert result.returncode == 0, result.stdout
    assert set(LINE.findall(result.stdout)) == {"one", "two"}
    result = slow("-i", "three,", "-e", "openclaw_backup_progress=false")
    assert result.returncode == 0 and not LINE.search(result.stdout)


@pytest.mark.s3
def test_a_process_that_is_killed_is_a_clear_failure_and_the_next_run_resumes(ansible, slow):
    outcome = {}
    thread = threading.Thread(target=lambda: outcome.update(result=slow("-i", "one,")))
    thread.start()
    deadline = time.monotonic() + 60
    pid = None
    while pid is None and time.monotonic() < deadline:
        for path in (ansible.home / "async").glob("openclaw-progress-*.json"):
            pid = json.loads(path.read_text())["pid"]
        time.sleep(0.1)
    assert pid, "the backup never showed progress"
    time.sleep(1.5)  # of the ten seconds that the rate limit makes it take
    os.kill(pid, signal.SIGKILL)
    thread.join()
    assert outcome["result"].returncode != 0
    assert '"error_code": "process-lost"' in outcome["result"].stdout and "Traceback" not in outcome["result"].stdout
    again = slow("-i", "one,")
    assert again.returncode == 0, again.stdout
    assert not list((ansible.home / "async").iterdir())
