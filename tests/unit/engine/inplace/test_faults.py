# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever happens to a restore in place, and whenever: the old state is byte for byte what it was, or the new one is in place."""
from __future__ import annotations

import errno
import os
import shutil
import signal

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.inplace import execute, staging, swap
from support.picture import differences

pytestmark = pytest.mark.slow


class At:
    """A checkpoint function that acts at one of the checkpoints, by number; and the names that it has seen."""

    def __init__(self, number: int | None = None, action=None) -> None:
        self.number, self.action, self.seen = number, action, []

    def __call__(self, name: str) -> None:
        self.seen.append(name)
        if self.number == len(self.seen) - 1:
            self.action()


def fail() -> None:
    raise OSError(errno.EIO, "made up")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(autouse=True)
def quick(host, monkeypatch):
    """Few pieces, and nothing is waited for that only a power cut would show: these tests restore some 150 times."""
    for name in ("npm", "logs", "media", "credentials"):
        shutil.rmtree(host.state.path / name)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(execute, "synchronise", lambda directories: None)
    monkeypatch.setattr(staging, "synchronise_file_systems", lambda directories: None)
    host.back_up()
    host.then = host.picture()
    host.change()


@pytest.fixture(params=["exchange", "two-renames"])
def way(request, monkeypatch):
    """How the file system swaps."""
    if request.param == "two-renames":
        monkeypatch.setattr(swap, "_exchange", lambda *_given: False)


def checkpoints(host) -> list[str]:
    """Those of a whole restore that comes to its end, and is then turned back by hand."""
    at = At(number=None)
    at.action = fail
    names: list[str] = []

    def note(name: str) -> None:
        names.append(name)
        if name == "before-commit":
            fail()
    with pytest.raises(EngineError):
        host.restore_in_place(note)
    return names[:names.index("before-commit") + 1]


@pytest.mark.usefixtures("way")
def test_an_error_anywhere_is_taken_back(host):
    before = host.picture()
    names = checkpoints(host)
    assert len(names) > 20 and {"staged", "stopped", "all-swapped"} <= set(names)
    for number, name in enumerate(names):
        at = At(number, fail)
        with pytest.raises((EngineError, OSError)) as caught:
            host.restore_in_place(at)
        assert at.seen[number] == name
        assert not differences(before, host.picture()), (number, name)
        if name in ("all-swapped", "before-swap"):
            assert caught.value.code == "restore-undone" and "made up" in caught.value.message
        assert host.leftovers() == ["home/.openclaw.restore"]
        assert os.listdir(host.home / ".openclaw.restore") == ["lock"]
    host.restore_in_place()
    assert not lost(host)


def lost(host) -> list[str]:
    """What is not as it was captured. Directories that stayed have another time; what backups leave out is as it is."""
    now = {path: seen for path, seen in host.picture().items()}
    return [path for path, seen in host.then.items() if path in now and seen != now[path] and not seen[0].startswith("0o4")
            and "/logs/" not in path or path not in now and "/tmp/" not in path and "-lock.sqlite" not in path and "-writer.sqlite" not in path]


@pytest.mark.usefixtures("way")
def test_a_process_that_is_killed_anywhere_is_recovered(host):
    before = host.picture()
    for number, name in enumerate(checkpoints(host)):
        killed(host, At(number, die))
        with pytest.raises(EngineError) as caught:
            host.plan_in_place()
        assert caught.value.code == "restore-unfinished"
        found = host.recover()
        assert found["changed"], (number, name)
        assert not differences(before, host.picture()), (number, name)
        assert host.leftovers() == ["home/.openclaw.restore"]
        assert not host.recover()["changed"]


def test_a_recovery_that_is_killed_anywhere_is_recovered(host):
    before = host.picture()
    last = checkpoints(host).index("all-swapped")
    number = 0
    while True:
        killed(host, At(last, die))
        if not in_child(lambda number=number: _recover(host, At(number, die))):
            break  # it came to its end before that checkpoint
        assert host.recover()["changed"]
        assert not differences(before, host.picture()), number
        number += 1
    assert number > 5
    assert not differences(before, host.picture()) and host.leftovers() == ["home/.openclaw.restore"]


def _recover(host, at: At) -> None:
    host.context.checkpoint = at
    host.recover()


def killed(host, at: At) -> None:
    """A restore in a process of its own, which does not survive it."""
    assert in_child(lambda: host.restore_in_place(at))


def in_child(action) -> bool:
    """Run in a child process. Whether it was killed."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            action()
            code = 0
        finally:
            os._exit(code)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)
