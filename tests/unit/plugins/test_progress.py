# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Progress: what a module leaves in its file, and what a person reads of it."""
from __future__ import annotations

import json
import os
import stat
import threading

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import progress_file
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import ProgressState
from ansible_collections.openclaw_ops.backup.plugins.plugin_utils._progress_line import Sample, duration, line, size
from hypothesis import given
from hypothesis import strategies as st
from support.clock import ManualClock


def sample(phase="capture", elapsed=1.0, done=0, total=0, files=0, files_total=0):
    return Sample(phase, elapsed, done, total, files, files_total, pid=1)


def test_the_file_holds_the_latest_state_and_only_its_owner_reads_it(tmp_path):
    clock = ManualClock()
    path = tmp_path / "new" / "progress.json"
    progress = progress_file.ProgressFile(str(path), clock)
    clock.advance(2)
    progress.report(ProgressState("capture", 10, 100, 1, 5))
    found = json.loads(path.read_text())
    assert (found["phase"], found["bytes_done"], found["elapsed"], found["pid"]) == ("capture", 10, 2.0, os.getpid())
    assert Sample.from_dict(found).files_total == 5
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [name.name for name in path.parent.iterdir()] == ["progress.json"]


def test_work_on_several_things_says_which(tmp_path):
    progress = progress_file.ProgressFile(str(tmp_path / "progress.json"), ManualClock(), "assistant")
    progress.report(ProgressState("capture"))
    assert json.loads((tmp_path / "progress.json").read_text())["phase"] == "assistant: capture"


def test_it_is_written_only_now_and_then(tmp_path):
    clock = ManualClock()
    path = tmp_path / "progress.json"
    progress = progress_file.ProgressFile(str(path), clock)
    progress.report(ProgressState("capture", 1))
    progress.report(ProgressState("capture", 2))
    assert json.loads(path.read_text())["bytes_done"] == 1
    clock.advance(progress_file.INTERVAL)
    progress.report(ProgressState("capture", 3))
    assert json.loads(path.read_text())["bytes_done"] == 3


def test_a_place_that_cannot_be_written_is_no_failure(tmp_path):
    (tmp_path / "file").write_text("")
    progress_file.ProgressFile(str(tmp_path / "file" / "progress.json")).report(ProgressState("capture"))


def test_a_link_that_someone_left_there_is_not_followed(tmp_path):
    (tmp_path / "target").write_text("precious")
    (tmp_path / "progress.json.new").symlink_to(tmp_path / "target")
    progress_file.ProgressFile(str(tmp_path / "progress.json")).report(ProgressState("capture"))
    assert (tmp_path / "target").read_text() == "precious"


def test_reports_from_many_threads_leave_a_whole_file(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_file, "INTERVAL", 0)
    progress = progress_file.ProgressFile(str(tmp_path / "progress.json"))
    threads = [threading.Thread(target=lambda: [progress.report(ProgressState("capture", n)) for n in range(200)]) for _thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert json.loads((tmp_path / "progress.json").read_text())["phase"] == "capture"


def test_a_line_says_how_far_how_fast_and_how_long():
    samples = [sample(elapsed=1, done=1 << 20, total=100 << 20, files=1, files_total=9), sample(elapsed=3, done=41 << 20, total=100 << 20, files=4, files_total=9)]
    assert line(samples) == "capture, 41 %, 41.0 MiB of 100 MiB, 4 of 9 files, 20.0 MiB/s, 3 s left"


def test_a_line_without_totals_does_not_invent_them():
    assert line([sample(phase="list")]) == "list, 0 B, 0 files"


def test_a_rate_is_of_one_phase_only():
    samples = [sample("read", 1, 1000, 1000), sample("write", 2, 0, 1000)]
    assert "/s" not in line(samples)


@given(st.lists(st.builds(
    Sample, phase=st.sampled_from(["capture", "verify", ""]), elapsed=st.floats(0, 1e9), bytes_done=st.integers(0, 1 << 60),
    bytes_total=st.integers(0, 1 << 60), files_done=st.integers(0, 1 << 40), files_total=st.integers(0, 1 << 40), pid=st.integers(1, 1 << 22)),
    min_size=1, max_size=10))
def test_any_samples_give_one_printable_line(samples):
    text = line(samples)
    assert text and text.isprintable() and "-" not in text
    assert "100" in text or "%" not in text or int(text.split(" %")[0].split()[-1]) <= 100


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (150 << 20, "150 MiB"), (5 << 40, "5.0 TiB"), (5 << 50, "5120 TiB")])
def test_sizes(count, text):
    assert size(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (7260, "2 h 1 min")])
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize("content", [{}, {"phase": "x"}, {"phase": "x", "elapsed": "soon", "bytes_done": 1, "bytes_total": 1, "files_done": 1, "files_total": 1, "pid": 1}])
def test_a_foreign_file_is_no_sample(content):
    with pytest.raises((KeyError, ValueError, TypeError)):
        Sample.from_dict(content)
