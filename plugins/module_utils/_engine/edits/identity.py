# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The identity of a gateway, kept from the live state when a snapshot takes its place: all of it, or none.

It is the device's keys, the gateway's token or password, and who is paired with it. Mixed, nobody could log in: clients that
are paired with one device hold tokens that another one does not know.
"""
from __future__ import annotations

import os
import shutil
import sqlite3

from ..capture import sqlite
from ..capture.config_file import load_config
from ..capture.layout import STATE_DATABASE
from ..errors import EngineError
from .databases import columns_of, copy_database, open_staged, quoted, tables_of
from .json5_member import with_member
from .staged import Change, Staged, read_text, write_text

TABLES = (
    "device_identities", "device_auth_tokens", "gateway_origin_device_tokens", "device_pairing_paired", "device_pairing_pending",
    "device_pairing_join_codes", "device_bootstrap_tokens", "device_pair_setup_completions", "apns_registrations",
    "apns_registration_tombstones", "web_push_subscriptions")
FILES = ("identity/device.json", "identity/device-auth.json", "devices/paired.json", "devices/pending.json", "devices/bootstrap.json")
VARIABLES = ("OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD")
_SCRATCH = ".identity-of-this-host"
_OURS, _THEIRS = "this host's", "the snapshot's"


def keep_identity(staged: Staged, live_state_dir: str, live_config: str | None = None, whole: bool = True) -> list[Change]:
    """Put the identity of the live state into the staged one. The live gateway is stopped; nothing of it is changed.

    live_config: its config file, by default where the staged one goes. whole: the whole state is staged; a part of it gets no
    new files, and no identity from a state that has none. EngineError "identity-unlike": the two states keep identities in
    different ways, or there is none to keep; the staged state may be changed in part then and is not to be used.
    """
    place = _working_place(staged)
    if place is None:
        return []
    changes: list[Change] = []
    scratch = f"{place}/{_SCRATCH}"
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        os.mkdir(scratch, 0o700)
        try:
            live = _copy_of_database(f"{live_state_dir}/{STATE_DATABASE}", scratch)
            kept = _keep_tables(staged, live, whole, changes)
        finally:
            shutil.rmtree(scratch)
        kept = _keep_files(staged, live_state_dir, whole, changes) or kept
        if not kept and not whole:
            return []
        if not kept:
            raise _unlike("the state on this host has no identity yet")
        _keep_secret(staged, live_config or staged.placement.target.config_path, changes)
        _keep_variables(staged, changes)
    except (OSError, sqlite3.Error) as exc:
        raise _unlike(f"the one on this host cannot be read: {exc}") from exc
    return changes


def _working_place(staged: Staged) -> str | None:
    """A staged directory: of the state, else where the config is staged alone; None where neither is."""
    state = staged.locate(staged.state_dir)
    if state and os.path.isdir(state):
        return state
    config = staged.locate(staged.config_file())
    return os.path.dirname(config) if config and os.path.isfile(config) else None


def _unlike(why: str) -> EngineError:
    return EngineError(
        "identity-unlike", f"The identity of this host's gateway cannot be kept: {why}",
        "Restore with the snapshot's identity (identity: snapshot), and pair clients again where they ask for it.")


def _copy_of_database(path: str, scratch: str) -> str | None:
    """A private copy, where there is one."""
    if not os.path.isfile(path):
        return None
    copy_database(path, f"{scratch}/live.sqlite")
    return f"{scratch}/live.sqlite"


def _keep_tables(staged: Staged, live: str | None, whole: bool, changes: list[Change]) -> bool:
    """Whether the live state keeps its identity in the database."""
    rows = _rows(live) if live else {}
    kept = bool(rows.get("device_identities", ([], []))[1])
    path = staged.state_database()
    if not path:
        if whole and any(found for _columns, found in rows.values()):
            raise _unlike("it is in a database, and the snapshot has none")
        return kept
    if not kept and not whole:
        return False
    with open_staged(staged.locate(path), path) as connection:
        for table in sorted(tables_of(connection).intersection(TABLES).union(rows)):
            columns, found = rows.get(table, ([], []))
            theirs = columns_of(connection, table)
            if found and sorted(columns) != sorted(theirs):
                raise _unlike(f"the snapshot's release of OpenClaw keeps {table} differently")
            if not theirs:
                continue
            names = ", ".join(quoted(name) for name in columns)
            before = connection.execute(f"SELECT {names or '*'} FROM {quoted(table)}").fetchall()
            if sorted(map(repr, before)) != sorted(map(repr, found)):
                connection.execute(f"DELETE FROM {quoted(table)}")
                if found:
                    marks = ", ".join("?" * len(columns))
                    connection.executemany(f"INSERT INTO {quoted(table)} ({names}) VALUES ({marks})", found)
                changes.append(Change("identity", path, table, f"{_THEIRS} ({len(before)})", f"{_OURS} ({len(found)})"))
    return kept


def _rows(live: str) -> dict[str, tuple[list[str], list[tuple]]]:
    """(columns, rows) of each of the tables that the live database has."""
    connection = sqlite.connect(live, "mode=rw")
    try:
        found = {}
        for table in tables_of(connection).intersection(TABLES):
            columns = columns_of(connection, table)
            names = ", ".join(quoted(name) for name in columns)
            found[table] = (columns, connection.execute(f"SELECT {names} FROM {quoted(table)}").fetchall())
        return found
    finally:
        connection.close()


def _keep_files(staged: Staged, live_state_dir: str, whole: bool, changes: list[Change]) -> bool:
    """Whether the live state keeps its identity in files."""
    kept = read_text(f"{live_state_dir}/{FILES[0]}") is not None
    comes = staged.locate(staged.state_dir) is not None  # else these files stay as they are
    for name in FILES if comes and (kept or whole) else ():
        path, text = f"{staged.state_dir}/{name}", read_text(f"{live_state_dir}/{name}")
        place = staged.locate(path)
        if place is None:
            raise _unlike(f"{name} of the snapshot is reached through a link")
        before = read_text(place)
        if before == text or before is None and not whole:
            continue
        if text is None:
            os.unlink(place)
        elif before is None:
            _create(place, text, staged)
        else:
            write_text(place, text)
        changes.append(Change("identity", path, "", _THEIRS, _OURS))
    return kept


def _create(place: str, text: str, staged: Staged) -> None:
    """A new file, of the instance's user."""
    made = [place]
    if not os.path.isdir(os.path.dirname(place)):
        os.mkdir(os.path.dirname(place), 0o700)
        made.append(os.path.dirname(place))
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(text.encode())
    if os.geteuid() == 0:
        for one in made:
            os.chown(one, staged.placement.target.uid, staged.placement.target.gid, follow_symlinks=False)


def _keep_secret(staged: Staged, live_config: str, changes: list[Change]) -> None:
    """The setting gateway.auth, which may be a secret or say where one is."""
    path = staged.config_file()
    place = staged.locate(path)
    text = read_text(place) if place else None
    if text is None:
        return  # the config is not restored, so that the live one stays
    ours = _auth(load_config(live_config))
    if _auth(_staged_config(staged, place)) == ours:
        return
    new = with_member(text, ("gateway", "auth"), ours)
    if new is not None:
        write_text(place, new)
    if new is None or _auth(_staged_config(staged, place)) != ours:
        raise _unlike("gateway.auth cannot be set in the snapshot's config, which has errors or includes it from another file")
    changes.append(Change("identity", path, "gateway.auth", _THEIRS, _OURS))


def _staged_config(staged: Staged, place: str):
    return load_config(place, (), lambda path: staged.locate(path) or path)


def _auth(config) -> dict:
    gateway = config.data.get("gateway")
    auth = gateway.get("auth") if isinstance(gateway, dict) else None
    return auth if isinstance(auth, dict) else {}


def _keep_variables(staged: Staged, changes: list[Change]) -> None:
    """The token or password in environment files, each compared with the live file in its place."""
    for path in staged.roots("environment"):
        place = staged.locate(path)
        text = read_text(place) if place else None
        if text is None:
            continue
        theirs, ours = _lines(text), _lines(read_text(path) or "")
        if theirs == ours:
            continue
        rest = [line for line in text.splitlines() if line not in theirs]
        write_text(place, "".join(f"{line}\n" for line in (*rest, *ours)))
        changes.append(Change("identity", path, ", ".join(VARIABLES), _THEIRS, _OURS))


def _lines(text: str) -> list[str]:
    """The lines that set one of the variables."""
    return [line for line in text.splitlines() if line.strip().removeprefix("export ").partition("=")[0].strip() in VARIABLES]
