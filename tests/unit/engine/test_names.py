# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A snapshot id says a moment to the millisecond, in either form; what is no moment is no id."""
from __future__ import annotations

import datetime

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import names
from hypothesis import given
from hypothesis import strategies as st

MILLISECONDS = st.integers(0, 253402300799999)


@given(MILLISECONDS)
def test_an_id_and_its_moment_are_one(milliseconds):
    moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(milliseconds=milliseconds)
    spelled = names.id_of_time(milliseconds / 1000)
    assert spelled == moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    short = spelled.replace("-", "").replace(":", "")
    assert names.time_of_id(spelled) == names.time_of_id(short) == milliseconds / 1000
    assert names.snapshot_of_object(f"snapshots/{short}") == spelled and names.compact(spelled) == short


@pytest.mark.parametrize("text", [
    "20260230T000000.000Z", "20260101T240000.000Z", "20260101T006000.000Z", "20260101T000060.000Z", "00000101T000000.000Z",
    "20261301T000000.000Z", "20260101T000000.000", "２０260101T000000.000Z"])
def test_what_is_no_moment_is_no_id(text):
    with pytest.raises(EngineError) as refused:
        names.time_of_id(text)
    assert refused.value.code == "snapshot-id-invalid"
    assert names.snapshot_of_object(f"snapshots/{text}") is None


def test_a_moment_before_1970_names_no_snapshot():
    assert names.snapshot_of_object("snapshots/19691231T235959.999Z") is None
