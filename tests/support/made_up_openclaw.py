# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages that are called openclaw and are not: small, of any version, good or bad. Installed as npm would, or packed for npm."""
from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

PROGRAM = "console.log('a made-up openclaw')\n"


def description(version: str, node: str = ">=18") -> str:
    """Its package.json."""
    return json.dumps({"name": "openclaw", "version": version, "type": "module", "bin": {"openclaw": "openclaw.mjs"}, "engines": {"node": node}})


def install(directory: Path, version: str, node: str = ">=18", program: str = PROGRAM) -> Path:
    """The package in a directory, without npm; gives its start script."""
    (directory / "dist").mkdir(parents=True)
    (directory / "package.json").write_text(description(version, node))
    for name in ("openclaw.mjs", "dist/index.js"):
        (directory / name).write_text(program)
    return directory / "dist" / "index.js"


def pack(path: Path, version: str, node: str = ">=18", program: str = PROGRAM) -> Path:
    """The archive that npm installs from."""
    files = {"package.json": description(version, node), "openclaw.mjs": program, "dist/index.js": program}
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size, entry.mode = len(text.encode()), 0o755
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path


def run(argv: list, timeout: float = 60.0):
    """A runner of real commands, for a Context."""
    from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import CommandResult  # tests/hosts has none
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False, text=True)
    except OSError as exc:
        return CommandResult(127, "", os.strerror(exc.errno or 0))
    return CommandResult(done.returncode, done.stdout, done.stderr)


def fake_npm(path: Path, version: str = "10.9.0") -> Path:
    """An npm that makes up what it is asked for: of the versions 9.* there is none, and 8.* wants a Node of the future."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"""#!/bin/sh
if test "$1" = --version; then echo {version}; exit; fi
echo "$@" >> "$0.calls"
while test $# -gt 0; do case $1 in
--prefix) prefix=$2; shift;; --global) global=lib/;; openclaw@*) wanted=${{1#openclaw@}};; esac; shift; done
case $wanted in 9.*) echo "npm ERR! code ETARGET" >&2; exit 1;; 8.*) node=">=99";; *) node=">=18";; esac
d=$prefix/${{global}}node_modules/openclaw; mkdir -p $d/dist; echo new > $d/dist/index.js
printf '{{"name":"openclaw","version":"%s","engines":{{"node":"%s"}}}}' $wanted "$node" > $d/package.json
test -n "$global" || {{ echo '{{"changed": true}}' > $prefix/package.json; echo '{{}}' > $prefix/package-lock.json; }}
""")
    path.chmod(0o755)
    return path
