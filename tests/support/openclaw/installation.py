# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real OpenClaw for tests: a pinned release and its Node.js, from npm, once, into a directory for things to keep.

Needs npm on the host (any version that runs), 840 MB of disk and about a minute. Nothing is installed into the host.
"""
from __future__ import annotations

import os
import shutil
import subprocess

NODE_VERSION = "24.21.0"
OPENCLAW_VERSION = "2026.9.6"
EARLIER_VERSION = "2026.8.2"  # of another schema, for tests of a change of versions


def default_cache() -> str:
    """$OPENCLAW_OPS_TEST_CACHE, or a directory of the user's cache."""
    return os.environ.get("OPENCLAW_OPS_TEST_CACHE") or os.path.join(os.path.expanduser("~"), ".cache", "openclaw-ops-tests")


def is_installed(cache: str) -> bool:
    """Whether search_path() has nothing left to do."""
    return all(os.path.isdir(path) for path in directories(cache))


def search_path(cache: str) -> str:
    """The directories to put in front of PATH, so that `openclaw` and its `node` are found; installs both on first use."""
    node, openclaw = directories(cache)
    _install(node, f"node@{NODE_VERSION}", os.environ.get("PATH", ""))
    node_programs = os.path.join(node, "node_modules", ".bin")
    _install(openclaw, f"openclaw@{OPENCLAW_VERSION}", os.pathsep.join((node_programs, os.environ.get("PATH", ""))))
    return os.pathsep.join((node_programs, os.path.join(openclaw, "node_modules", ".bin")))


def earlier(cache: str) -> str:
    """Where the earlier OpenClaw is; installs it on first use: 840 MB more."""
    directory = os.path.join(cache, f"openclaw-{EARLIER_VERSION}")
    node_programs = os.path.join(directories(cache)[0], "node_modules", ".bin")
    _install(directory, f"openclaw@{EARLIER_VERSION}", os.pathsep.join((node_programs, os.environ.get("PATH", ""))))
    return directory


def directories(cache: str) -> tuple[str, str]:
    """Where Node.js and OpenClaw are, or will be, installed; each has a node_modules/.bin."""
    return os.path.join(cache, f"node-{NODE_VERSION}"), os.path.join(cache, f"openclaw-{OPENCLAW_VERSION}")


def _install(directory: str, package: str, path: str) -> None:
    """One package with what it needs, into a directory that appears whole or not at all."""
    if os.path.isdir(directory):
        return
    if shutil.which("npm", path=path) is None:
        raise RuntimeError(f"{package} is installed with npm, which is not on PATH; install Node.js with npm (Debian: apt-get install npm)")
    new = directory + ".new"
    shutil.rmtree(new, ignore_errors=True)
    os.makedirs(new)
    with open(os.path.join(new, "package.json"), "w", encoding="ascii") as stream:
        stream.write('{"private": true}\n')
    done = subprocess.run(["npm", "install", "--no-fund", "--no-audit", package], cwd=new, env={**os.environ, "PATH": path},
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"npm could not install {package}: {done.stderr[-2000:]}")
    os.rename(new, directory)
