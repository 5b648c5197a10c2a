# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where secrets must not be: in a process's arguments or environment, at any time; and afterwards in no file, unit or journal."""
from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from .host import Host

CREDENTIALS = "/etc/credstore/"  # the one place where they may lie, for root alone
HIDING_PLACES = ("/etc", "/var/lib/openclaw-backup", "/usr/local", "/opt", "/tmp", "/var/tmp", "/root", "/home/deploy", "/var/log", "/run")
# Looks until it is told that it is enough, and keeps each text once.
LOOK = """
while [ ! -e /run/looked-enough ]; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ; sleep 0.05; done 2>/dev/null \\
    | tr -c '[:print:]' '\\n' | sort -u > /run/looked-at
"""


def found(host: Host, secrets: Iterable[str]) -> list[str]:
    """What on the host holds one of them, now that nothing runs."""
    secrets = list(secrets)
    patterns = "".join(f"{secret}\n" for secret in secrets)
    files = host.inside("grep", "-rlsF", "--file=/dev/stdin", *HIDING_PLACES, check=False, input=patterns).stdout.split()
    said = {
        "the journal": host.inside("journalctl", "--no-pager", "--output=verbose", errors="replace").stdout,
        "the units": host.inside("sh", "-c", "systemctl show 'openclaw-*' && systemctl cat 'openclaw-*'").stdout,
    }
    places = [name for name, text in said.items() if any(secret in text for secret in secrets)]
    return places + [path for path in files if not path.startswith(CREDENTIALS)]


@contextlib.contextmanager
def watched_processes(host: Host) -> Iterator[list[str]]:
    """The arguments and the environment of all processes while something is done; the list is filled at the end."""
    seen: list[str] = []
    host.inside("rm", "-f", "/run/looked-enough")
    host.inside("systemd-run", "--quiet", "--unit=look", "sh", "-c", LOOK)
    try:
        yield seen
    finally:
        host.inside("sh", "-c", "touch /run/looked-enough; while systemctl --quiet is-active look; do sleep 0.1; done")
        seen += host.inside("cat", "/run/looked-at").stdout.splitlines()
        host.inside("rm", "/run/looked-at")
