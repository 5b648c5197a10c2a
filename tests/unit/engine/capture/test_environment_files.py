# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Environment files are read by systemd's and dotenv's rules, and their values reach paths of the config."""
from __future__ import annotations

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.environment_files import (
    SIZE_LIMIT, parse_environment, read_environment_file, substitute,
)
from hypothesis import given
from hypothesis import strategies as st
from support.fake_host import write


@pytest.mark.parametrize("line, value", [
    ("A=plain", "plain"), ("A = spaced ", "spaced"), ('A="two words"', "two words"), ("A='single $x'", "single $x"), ("A=", ""),
    ("A=a#b", "a#b"), ("A=a b # not a comment", "a b # not a comment"), ("A=one\\\ntwo", "onetwo"),
    ('A="quoted \\"inner\\" \\$x"', 'quoted "inner" $x'),
    ("A=first\nA=second", "second"),
    ('A="line one\nline two"', "line one\nline two"), ("A=back\\ slash", "back slash"),
    ('A=pre"quoted"post', "prequotedpost"), ("  A=indented", "indented"), ("A=crlf\r", "crlf"),
])
def test_systemd_environment_files(line, value):
    assert parse_environment(f"# comment\n; comment too\n\n{line}\nB=next\n", "systemd") == {"A": value, "B": "next"}


@pytest.mark.parametrize("line, value", [
    ("A=plain", "plain"), ("export A=exported", "exported"), ("A=value # comment", "value"), ("A=a#b", "a#b"),
    ('A="q # kept" # gone', "q # kept"),
    ('A="a\\nb"', "a\nb"), ("A='a\\nb'", "a\\nb"), ("A=`tick`", "tick"), ("A=# nothing", ""),
    ('A="two\nlines"', "two\nlines"), ("A=", ""), ("A=b=c", "b=c"),
])
def test_dotenv_files(line, value):
    assert parse_environment(f"# comment\n\nnonsense\n{line}\nB=next\n", "dotenv") == {"A": value, "B": "next"}


@given(st.text(alphabet="A=\"'`\\#; \n$x", max_size=40), st.sampled_from(["systemd", "dotenv"]))
def test_any_text_is_read_without_an_error(text, dialect):
    parse_environment(text, dialect)


def test_absent_unreadable_and_huge_files_are_findings_without_their_content(tmp_path):
    assert read_environment_file(str(tmp_path / "none"), "systemd") == ({}, [])
    assert read_environment_file(str(tmp_path / "none"), "systemd", optional=False)[1][0].code == "environment-file-missing"
    assert read_environment_file(str(tmp_path), "systemd")[1][0].code == "environment-file-unreadable"
    huge = write(tmp_path / "huge", "SECRET=" + "x" * SIZE_LIMIT)
    values, findings = read_environment_file(str(huge), "systemd")
    assert values == {} and findings[0].code == "environment-file-too-large" and "xxx" not in findings[0].message


def test_variables_in_config_values():
    known = {"HOME_DIR": "/home/u", "EMPTY": ""}
    assert substitute("${HOME_DIR}/ws", known) == ("/home/u/ws", [])
    assert substitute("$${HOME_DIR}/ws", known) == ("${HOME_DIR}/ws", [])
    assert substitute("${lower}$HOME_DIR ${}", known) == ("${lower}$HOME_DIR ${}", [])
    assert substitute("${EMPTY}/${GONE}", known) == ("${EMPTY}/${GONE}", ["EMPTY", "GONE"])
