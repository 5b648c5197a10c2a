# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The users of a host, and the host's name."""
from __future__ import annotations

import os
import pwd
from dataclasses import dataclass

from ..errors import EngineError
from .paths import place_below, read_small_text

PASSWD_LIMIT = 16 << 20  # bytes
NO_HOMES = ("/", "/nonexistent", "/dev/null", "/proc", "/var/empty", "/bin", "/dev", "/usr/sbin", "/usr/bin")


@dataclass(frozen=True)
class Account:
    """One user. home: a path of this host (below the mounted root, when there is one)."""

    name: str
    uid: int
    gid: int
    home: str


def current_user_id() -> int:
    """The user that this process acts as."""
    return os.geteuid()


def all_accounts(root: str = "/") -> list[Account]:
    """All users with a home of their own that exists, lowest user id first; of users that share a home, the first."""
    seen, accounts = set(), []
    for account in sorted(_entries(root), key=lambda one: one.uid):
        if account.home in seen or account.home in [place_below(home, root) for home in NO_HOMES] or not os.path.isdir(account.home):
            continue
        seen.add(account.home)
        accounts.append(account)
    return accounts


def find_account(wanted: str | int | None, root: str = "/", own_home: str | None = None) -> Account:
    """The user of a name or number; the one who runs this for None. Raises EngineError "user-unknown".

    own_home: where this process's user lives if the host has no entry for it, as in some containers.
    """
    if wanted is None:
        wanted = current_user_id()
    entries = _entries(root) if root != "/" else _lookup(wanted)
    for account in entries:
        if wanted in (account.name, account.uid) or wanted == str(account.uid):
            return account
    if wanted == current_user_id():
        return Account(str(wanted), current_user_id(), os.getegid(), own_home or "/")
    raise EngineError("user-unknown", f"This host has no user {wanted}", "Name the user that runs OpenClaw.", {"user": str(wanted)})


def _lookup(wanted: str | int) -> list[Account]:
    try:
        entry = pwd.getpwuid(int(wanted)) if str(wanted).isdigit() else pwd.getpwnam(str(wanted))
    except (KeyError, OverflowError):
        return []
    return [_account(entry)]


def _account(entry, root: str = "/") -> Account:
    home = os.path.normpath(entry.pw_dir) if entry.pw_dir.startswith("/") else "/nonexistent"
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, place_below(home, root))


def _entries(root: str) -> list[Account]:
    if root == "/":
        return [_account(entry) for entry in pwd.getpwall()]
    accounts = []
    try:
        text = read_small_text(place_below("/etc/passwd", root), PASSWD_LIMIT)
    except OSError:
        return []
    for line in text.splitlines():
        parts = line.split(":")
        if len(parts) == 7 and parts[2].isdigit() and parts[3].isdigit():
            accounts.append(_account(pwd.struct_passwd((parts[0], parts[1], int(parts[2]), int(parts[3]), *parts[4:])), root))
    return accounts


def host_name(root: str = "/") -> str:
    """The host's name without its domain; "host" when it has none."""
    name = os.uname().nodename
    if root != "/":
        try:
            name = read_small_text(place_below("/etc/hostname", root), 4096).strip()
        except OSError:
            name = ""
    return name.partition(".")[0] or "host"
