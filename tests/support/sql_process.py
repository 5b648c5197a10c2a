# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SQLite in another process, as every live database has it: locks do not exclude within one process as between two."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import json, os, sqlite3, sys
path, user = json.loads(sys.argv[1])
if user is not None:
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
connection = sqlite3.connect(path, isolation_level=None, timeout=0)
connection.execute("PRAGMA synchronous = OFF")
print("ready", flush=True)
for line in sys.stdin:
    try:
        print(json.dumps(connection.execute(json.loads(line)).fetchall()), flush=True)
    except sqlite3.Error as exc:
        print(json.dumps(str(exc)), flush=True)
connection.close()
"""


class SqlProcess:
    """One connection in a process of its own. Use as a context manager; leaving it closes the connection in peace."""

    def __init__(self, path: Path, user: int | None = None) -> None:
        """user: the user id (and group id) that the process runs as; needs root."""
        given = json.dumps([os.fspath(path), user])
        self._process = subprocess.Popen([sys.executable, "-c", _PROGRAM, given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError(f"cannot open {path}")

    def __call__(self, *statements: str):
        """Execute; the rows of the last statement, or the text of its error."""
        found = None
        for statement in statements:
            self._process.stdin.write(json.dumps(statement) + "\n")
            self._process.stdin.flush()
            found = json.loads(self._process.stdout.readline())
        return found

    def kill(self) -> None:
        """End the process as a crash would."""
        self._process.kill()
        self._end()

    def _end(self) -> None:
        self._process.wait(30)
        for stream in (self._process.stdin, self._process.stdout):
            stream.close()

    def __enter__(self) -> SqlProcess:
        return self

    def __exit__(self, *_exception) -> None:
        if self._process.poll() is None:
            self._process.stdin.close()
        self._end()
