# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Long and hostile work. `make unit` runs the short forms of these tests; `make torture` the full ones, by TORTURE=full."""
from __future__ import annotations

import os
import runpy
from pathlib import Path

import pytest

runpy.run_path(str(Path(__file__).resolve().parents[1] / "unit" / "conftest.py"))  # makes the collection importable

pytest.importorskip("cryptography")

from support.rig import Rig  # noqa: E402

FULL = os.environ.get("TORTURE") == "full"


def pytest_collection_modifyitems(items) -> None:
    """Everything here takes its time, and hours in the full form."""
    for item in items:
        if Path(__file__).parent in Path(str(item.path)).parents:
            item.add_marker(pytest.mark.torture if FULL else pytest.mark.slow)


@pytest.fixture
def full() -> bool:
    """Whether the full forms are asked for."""
    return FULL


@pytest.fixture
def rig(tmp_path) -> Rig:
    """A tree and a repository in memory."""
    return Rig(tmp_path)


@pytest.fixture
def memory_directory(tmp_path_factory):
    """A directory in memory where there is one: what a disk does to latencies is not what is measured."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path_factory.mktemp("memory")
        return
    import shutil
    import tempfile
    made = Path(tempfile.mkdtemp(prefix="openclaw-backup-test-", dir=shared))
    yield made
    shutil.rmtree(made, ignore_errors=True)
