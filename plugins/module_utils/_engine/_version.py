# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The engine's version, the same as the collection's in galaxy.yml (a test compares them)."""
from __future__ import annotations

VERSION = "0.1.0"
