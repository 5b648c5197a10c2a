# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A home with a state, a fake gateway in it, and a fake service manager around that."""
from __future__ import annotations

import pytest
from support.gateway_lab import Lab


@pytest.fixture
def lab(tmp_path):
    made = Lab(tmp_path / "home")
    yield made
    made.gateway.stop()
