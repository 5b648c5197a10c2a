# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that a lab needs from outside: programs, root file systems, wheels, OpenClaw, the S3 server. Nothing is left to do after
the first time; then this takes a moment, and a lab needs no network."""
from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from support import ceph
from support.openclaw import installation

from . import machine, places, rootfs, wheels
from .commands import LabError
from .suites import SUITES


def everything() -> None:
    """Install and build what is missing. LabError where hosts cannot be made."""
    began = time.monotonic()
    why = machine.why_not()
    if why:
        raise LabError(f"this machine cannot hold hosts: {why}; {places.SKIP_VARIABLE}=1 leaves out all that needs them")
    machine.install_packages()
    cache = places.default_cache()
    tasks = [partial(part.prepare, suite) for suite in SUITES.values() for part in (rootfs, wheels)]
    tasks += [partial(installation.search_path, cache), partial(ceph.installed, cache)]
    tasks += [partial(installation.earlier, cache)] if os.environ.get(places.EARLIER_VARIABLE) == "1" else []
    with ThreadPoolExecutor(len(tasks)) as together:  # mostly they wait: for downloads, for the disk
        for done in [together.submit(task) for task in tasks]:
            done.result()
    seconds = time.monotonic() - began
    if seconds > 5:
        print(f"test hosts: prepared in {seconds:.0f} s", flush=True)
