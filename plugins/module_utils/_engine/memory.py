# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Keeps the C library from giving freed megabytes back to the system between two frames, and Python from counting objects.

glibc maps every block of 128 KiB and more anew, and the system clears each page of it again on first use. Frames, packs
and read buffers come and go by the thousand, all of a few sizes: measured on a first backup of 1 GB, half of the time
went into clearing pages. Peak memory stays what it was; it is only handed back at the end.

Python looks for circles of dead objects each time some hundreds were made. The entries of files are in none, and there are a
hundred thousand: that search took 2 % of a first backup.
"""
from __future__ import annotations

import ctypes
import gc

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # M_… of <malloc.h>
_NEW_OBJECTS = 50_000  # between two searches for circles


def keep_freed_memory() -> None:
    """Ask glibc to reuse what was freed (other C libraries lack the call, and then nothing happens), and Python to search seldom."""
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
    try:
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, 32 << 20)
        library.mallopt(_TRIM_THRESHOLD, 256 << 20)
        # One arena: what one thread frees serves the next, and peak memory is a quarter lower.
        library.mallopt(_ARENA_MAX, 1)
    except (OSError, AttributeError):
        return


def give_back() -> None:
    """Hand freed memory to the system after all, before work that needs memory of other sizes."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):
        return
