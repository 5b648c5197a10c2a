# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Builds the host tool: the engine and its front end in one file that a Python interpreter runs.

The same sources give the same bytes, on whatever machine and with whatever Python: names are sorted, times and modes are
fixed, nothing is compressed (libraries differ in that), nothing but sources is taken.
"""
from __future__ import annotations

import io
import os
import zipfile

ENGINE, FRONT_END = "openclaw_backup_engine", "openclaw_backup_tool"
_MAIN = f"from {FRONT_END}.main import main\n\nraise SystemExit(main())\n"
_OLDEST = (1980, 1, 1, 0, 0, 0)


def collection_directory() -> str:
    """Where this collection is."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def build(collection: str | None = None) -> bytes:
    """The tool, as the content of a file. OSError if the sources cannot be read."""
    collection = collection or collection_directory()
    sources = {"__main__.py": _MAIN.encode()}
    sources.update(_sources(os.path.join(collection, "plugins", "module_utils", "_engine"), ENGINE))
    sources.update(_sources(os.path.join(collection, "roles", "runner", "files", FRONT_END), FRONT_END))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(sources):
            entry = zipfile.ZipInfo(name, _OLDEST)
            entry.create_system = 3  # Unix, also where this runs elsewhere
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, sources[name])
    return stream.getvalue()


def _sources(directory: str, package: str) -> dict[str, bytes]:
    """The Python files below a directory, as name in the archive → content."""
    found = {}
    for base, _directories, names in os.walk(directory):
        inner = os.path.relpath(base, directory)
        for name in names:
            if name.endswith(".py"):
                parts = [package, *([] if inner == "." else inner.split(os.sep)), name]
                with open(os.path.join(base, name), "rb") as stream:
                    found["/".join(parts)] = stream.read()
    if f"{package}/__init__.py" not in found:
        raise FileNotFoundError(f"{directory} holds no package")
    return found
