# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a lab leaves behind: nothing."""
from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from hosts.lab import places
from hosts.lab.commands import LabError
from hosts.lab.wheels import wanted

TOOL = places.CHECKOUT / "tools" / "test-hosts"


def _processes(text: str) -> list[str]:
    """Command lines that contain a text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_bytes().decode(errors="replace"))
    return [line for line in found if text in line]


def _start_lab() -> tuple[subprocess.Popen, str]:
    """A lab with one host; the path of its directory."""
    script = f"{TOOL} up debian13 >&2 && echo ${places.LAB_VARIABLE} && sleep 300"
    lab = subprocess.Popen([TOOL, "run", "--", "sh", "-c", script], stdout=subprocess.PIPE, text=True)
    return lab, lab.stdout.readline().strip()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_a_lab_that_is_killed_leaves_no_process_and_no_mount(lab, sent):
    killed, directory = _start_lab()
    assert _processes(directory)
    for pid in {killed.pid, *_children(killed.pid)} if sent == signal.SIGTERM else {killed.pid}:
        os.kill(pid, sent)
    killed.wait(30)
    deadline = time.monotonic() + 10
    while _processes(directory) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _processes(directory)
    assert directory not in open("/proc/mounts", encoding="utf-8").read()
    if sent == signal.SIGTERM:
        assert not os.path.exists(directory)


def _children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as stream:
        return [int(child) for child in stream.read().split()]


def test_a_lab_gives_the_exit_code_of_its_command():
    assert subprocess.run([TOOL, "run", "--", "sh", "-c", "exit 7"], check=False).returncode == 7


def test_the_next_lab_removes_what_a_killed_one_left(lab):
    killed, directory = _start_lab()
    killed.kill()
    killed.wait(30)
    assert os.path.exists(directory)
    subprocess.run([TOOL, "run", "--", "true"], check=True)
    assert not os.path.exists(directory)


def test_skipping_has_to_be_asked_for():
    environment = {**os.environ, places.SKIP_VARIABLE: "1"}
    done = subprocess.run([TOOL, "run", "--", "false"], env=environment, capture_output=True, text=True, check=True)
    assert "SKIPPED" in done.stdout


def test_wheels_are_those_of_the_hosts_python():
    text = '# a comment\n\na==1\nb==2; python_version < "3.12"\nc==3; python_version >= "3.12"\n'
    assert wanted(text, "3.11") == ["a==1", "b==2"]
    assert wanted(text, "3.13") == ["a==1", "c==3"]
    with pytest.raises(LabError):
        wanted("a>=1\n", "3.13")
