# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people read: sizes, spans, tables, a progress bar that never spoils the output, names that cannot play with the terminal."""
from __future__ import annotations

import importlib
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture
def text(tool):
    return importlib.import_module("openclaw_backup_tool.text")


@pytest.mark.parametrize("count, shown", [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (15.2 * 2**20, "15.2 MiB"), (2**41, "2.0 TiB")])
def test_sizes(text, count, shown):
    assert text.size(count) == shown


@pytest.mark.parametrize("seconds, shown", [
    (0, "0s"), (59.6, "1m"), (61, "1m 1s"), (3600, "1h"), (85500, "23h 45m"), (86400 * 40 + 3700, "40d 1h"), (-90, "1m 30s")])
def test_spans(text, seconds, shown):
    assert text.span(seconds) == shown


def test_columns_are_aligned(text):
    assert text.table(("A", "SIZE"), [("long name", "1 B"), ("b", None)], right=(1,)).splitlines() == [
        "A          SIZE", "long name   1 B", "b             -"]


@given(st.text())
def test_nothing_printed_moves_the_cursor(found):
    shown = importlib.import_module("openclaw_backup_tool.text").printable(found)
    assert not [char for char in shown if ord(char) < 32 or ord(char) in range(127, 160) or char in "\u2028\u202e"]


def test_a_hostile_file_name_is_spelled_out(backed_up):
    (backed_up.state.path / "\x1b[2Jname").write_text("x")
    backed_up.run("now")
    assert "\x1b" not in backed_up.run("ls", "latest", ".").output + backed_up.run("diff", "v1").output


def test_the_bar_draws_over_itself_and_goes_away(tool):
    world = importlib.import_module("openclaw_backup_tool.world")
    ports = importlib.import_module("openclaw_backup_engine.ports")

    class Clock(ports.Clock):
        seconds = 0.0

        def elapsed(self):
            self.seconds += 1
            return self.seconds

    stream = io.StringIO()
    bar = world.ProgressBar(stream, Clock())
    bar.report(ports.ProgressState("store", 512, 1024, 1, 2))
    assert " 50%" in stream.getvalue() and "\n" not in stream.getvalue()
    bar.clear()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_there_is_no_bar_where_nobody_looks(tool, capsys):
    world = importlib.import_module("openclaw_backup_tool.world")
    assert type(world.progress_for(True)) is importlib.import_module("openclaw_backup_engine.ports").Progress


def test_json_has_standard_output_for_itself(backed_up):
    backed_up.add_notes()
    for command in (["now"], ["list"], ["status"], ["verify"], ["prune", "--dry-run"], ["doctor"], ["keys"], ["ls", "latest"]):
        done = backed_up.run(*command, "--json")
        json.loads(done.output)
        assert done.error == ""


def test_a_query_is_answered_as_json(backed_up):
    assert backed_up.run("list", "--query", "snapshots[].version").json == ["v1"]
    assert backed_up.run("list", "--all", "--query", "instances[0].snapshots | length(@)").json == 1
    wrong = backed_up.run("list", "--query", "length(instance, instance)")
    assert (wrong.status, wrong.json["error_code"]) == (14, "query-invalid")
