# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The form of the tables that turn what a storage answers into what a person can act on."""
from __future__ import annotations

from typing import NamedTuple


class Meaning(NamedTuple):
    """code: ours, stable (docs/troubleshooting.md). what: follows "Cannot ...: the storage" or stands alone. hint: what to do."""

    code: str
    what: str
    hint: str
