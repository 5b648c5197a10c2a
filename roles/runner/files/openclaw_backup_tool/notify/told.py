# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was told and has not ended: a small file beside the results. Losing it costs a message that was told already."""
from __future__ import annotations

import json
import os
import tempfile

NAME = "notified.json"


def read(directory: str) -> dict:
    """Key → {"time", "channels"}. Nothing where the file cannot be read."""
    try:
        with open(os.path.join(directory, NAME), encoding="utf-8") as stream:
            found = json.load(stream)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write(directory: str, told: dict) -> None:
    """Keep it. OSError."""
    os.makedirs(directory, mode=0o700, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=directory, prefix=".told-", delete=False, encoding="utf-8") as stream:
        json.dump(told, stream, indent=1)
        stream.write("\n")
    os.replace(stream.name, os.path.join(directory, NAME))
