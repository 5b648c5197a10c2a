# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the README shows works: its playbook runs, with this machine's places in place of those of a host."""
from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", (CHECKOUT / "README.md").read_text(), re.M | re.S)


def here(text: str, tmp_path: Path) -> str:
    """The README's text with directories below tmp_path, and without becoming another user."""
    state = tmp_path / "state"
    if not state.exists():
        subprocess.run([sys.executable, CHECKOUT / "playbooks/files/sample_state.py", state], check=True, capture_output=True)
    for old, new in (("file:///srv", f"file://{tmp_path}"), ("/etc/openclaw-backup", f"{tmp_path}/keys"), ("/run/operator", f"{tmp_path}/operator"),
                     ("s3://agent-backups/prod", f"file://{tmp_path}/prod"), ("user: openclaw", f"state_dir: {state}"),
                     ("hosts: openclaw_servers", "hosts: all"), ("become: true", "become: false"),
                     ("inventory_hostname_short", "inventory_hostname")):
        text = text.replace(old, new)
    return text


def test_the_playbook_runs_and_the_second_time_only_the_state_decides(ansible, tmp_path):
    playbook = tmp_path / "play.yml"
    playbook.write_text(here(BLOCKS[0], tmp_path))
    first = ansible.play(playbook)
    assert re.search(r"changed=2 .* failed=0", first), first
    assert re.search(r"changed=0 .* failed=0", ansible.play(playbook))


def test_the_operators_task_runs_and_the_second_one_that_the_text_describes(ansible, tmp_path):
    (tmp_path / "operator").mkdir()
    (tmp_path / "operator" / "passphrase").write_text("correct horse battery staple\n")
    slots = re.search(r"`(slots: .*?)`", (CHECKOUT / "README.md").read_text()).group(1)
    second = re.sub(r"    operator_identity_dest.*", f"    {slots}", BLOCKS[1], flags=re.S)
    tasks = "".join("    " + line + "\n" for line in here(BLOCKS[1] + second, tmp_path).splitlines())
    playbook = tmp_path / "play.yml"
    playbook.write_text(f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}")
    ansible.play(playbook)
    assert (tmp_path / "operator" / "alice.pub").exists() and (tmp_path / "operator" / "assistant-writer.key").exists()
    assert len(list((tmp_path / "prod" / "assistant" / "keys").iterdir())) == 2
