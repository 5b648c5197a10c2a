# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was told and has not ended: a small file beside the results. Losing it costs a message that was told already."""
from __future__ import annotations

import os

from .. import small_file

NAME = "notified.json"


def read(directory: str) -> dict:
    """Key → {"time", "channels"}. Nothing where the file cannot be read."""
    return small_file.read_object(os.path.join(directory, NAME)) or {}


def write(directory: str, told: dict) -> None:
    """Keep it. OSError."""
    small_file.replace_object(os.path.join(directory, NAME), told)
