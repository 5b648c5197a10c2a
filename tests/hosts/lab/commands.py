# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run programs of this machine."""
from __future__ import annotations

import shlex
import subprocess


class LabError(Exception):
    """Something that hosts need is missing or does not work. The message says what."""


def run(*command, check: bool = True, **options) -> subprocess.CompletedProcess:
    """Run a command, its output captured as text. LabError if it fails, unless check is False. options: of subprocess.run."""
    words = [str(word) for word in command]
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    try:
        done = subprocess.run(words, check=False, text=True, **options)
    except FileNotFoundError as error:
        raise LabError(f"{words[0]} is not installed") from error
    if check and done.returncode:
        raise LabError(f"{shlex.join(words)} ended with {done.returncode}: {((done.stderr or '') + (done.stdout or ''))[-2000:].strip()}")
    return done
