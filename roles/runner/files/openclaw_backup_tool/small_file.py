# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Small files that this tool keeps beside others' eyes: read leniently, replaced at once."""
from __future__ import annotations

import json
import os
import tempfile


def read_object(path: str) -> dict | None:
    """The JSON object in a file, or None where there is none that can be read."""
    try:
        with open(path, encoding="utf-8") as stream:
            found = json.load(stream)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def replace(path: str, content: str | bytes, mode: int = 0o600) -> None:
    """Give a file this content: whoever reads it finds the old one or all of the new one. OSError."""
    with tempfile.NamedTemporaryFile("wb", dir=os.path.dirname(path), prefix=".new-", delete=False) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)
    os.chmod(stream.name, mode)
    os.replace(stream.name, path)


def replace_object(path: str, value: dict) -> None:
    """The same with a JSON object, in a directory that is made where it is missing. OSError."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    replace(path, json.dumps(value, indent=1) + "\n")
