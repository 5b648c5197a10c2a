# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What this host's OpenClaw says of a snapshot that was prefetched: asked before anything is stopped, and not once more in a restore.

It takes seconds for each file that it is asked about. In a move these would be seconds without a gateway; and a refusal is better
known while the old gateway still runs. What it said holds for files of the same shape only: the last difference of a move
brings other rows, but hardly ever another schema.
"""
from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3

from .. import prefetch
from ..capture import sqlite as databases
from ..capture.config_file import load_config
from ..capture.locate import Location
from ..edits.staged import Staged
from ..errors import EngineError
from ..gateway import installation, preflight
from ..gateway.installation import Installation
from ..options import GatewayOptions
from ..placement import place
from ..ports import Context
from .ground import let_through

_RECORD = ".openclaw-judged.json"  # in the prefetched tree, with which it comes and goes
_AGENT = re.compile(r"/agents/([^/]+)/agent/[^/]+$")
_SHAPE = ("PRAGMA user_version", "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name")
_META = "SELECT meta_key, role, schema_version, agent_id FROM schema_meta ORDER BY meta_key LIMIT 100"


def files_of(staged: Staged) -> preflight.Files:
    """The files of a state that is not live yet about which OpenClaw can be asked."""
    found = {path: staged.locate(path) for path in staged.agent_databases()}
    agents = {match.group(1): lies for path, lies in found.items() if lies and (match := _AGENT.search(path))}
    state = staged.state_database()
    config = staged.locate(staged.config_file()) if staged.placement.same else None  # another place's includes are not there yet
    return preflight.Files(config, staged.locate(state) if state else None, agents)


def ask(meta: dict, location: Location, options: GatewayOptions, context: Context) -> preflight.Judgement | None:
    """Ask about what lies prefetched for the instance, and note the answer there. meta: of its snapshot's manifest.

    None where nobody can be asked: no OpenClaw, or files that belong to another user than here. EngineError "openclaw-refuses-state".
    """
    placement, directory = place(meta, location), prefetch.directory_of(location.state_dir)
    try:
        found = installation.find(location, options, context)
    except EngineError:
        return None
    if placement.source.uid != placement.target.uid and os.geteuid() == 0:
        return None
    files = files_of(Staged(meta, placement, lambda path: directory + placement.captured(path)))
    let_through(directory, [root["path"] for root in meta["roots"]])
    try:
        judged = preflight.judge(files, found.directory, found.version, found.node, location.account, context)
    finally:
        os.chmod(directory, 0o700)
    judged.require()
    _note(directory, {"by": _who(found), "shape": _shape(files), "verdicts": judged.to_dict()["verdicts"]})
    return judged


def read(state_dir: str) -> dict:
    """What was noted of the prefetched state, {} where nothing was."""
    try:
        with open(os.path.join(prefetch.directory_of(state_dir), _RECORD), encoding="utf-8") as stream:
            found = json.load(stream)
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def recall(noted: dict, files: preflight.Files, found: Installation) -> preflight.Judgement | None:
    """The same answer for files of the same shape; None where it has to be asked. noted: from read(), before the tree was used up."""
    shape = _shape(files)
    if not noted or None in shape.values() or (noted.get("by"), noted.get("shape")) != (_who(found), shape):
        return None
    try:
        verdicts = tuple(preflight.Verdict(**one) for one in noted["verdicts"])
    except (KeyError, TypeError):
        return None
    if any(one.verdict not in (preflight.FITS, preflight.MIGRATES) for one in verdicts):
        return None
    return preflight.Judgement(found.version, verdicts)


def _note(directory: str, content: dict) -> None:
    path = os.path.join(directory, _RECORD)
    if os.path.lexists(path):
        os.unlink(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(content, stream)


def _who(found: Installation) -> list:
    return [found.directory, found.version, found.node, found.node_version]


def _shape(files: preflight.Files) -> dict[str, str | None]:
    """What OpenClaw's answer depends on; None for a file of which it cannot be told."""
    shape = {f"agent:{agent}": _shape_of_database(path) for agent, path in sorted(files.agents.items())}
    if files.state_database:
        shape["state"] = _shape_of_database(files.state_database)
    if files.config:
        config = load_config(files.config)
        shape["config"] = None if config.broken or not config.exists else _digest(config.data)
    return shape


def _shape_of_database(path: str) -> str | None:
    if any(os.path.lexists(path + suffix) for suffix in ("-wal", "-journal")):
        return None
    try:
        connection = databases.connect(path, "immutable=1")
        try:
            rows = [connection.execute(text).fetchall() for text in _SHAPE]
            if any(row[1] == "schema_meta" for row in rows[1]):
                rows.append(connection.execute(_META).fetchall())
        finally:
            connection.close()
    except sqlite3.Error:
        return None
    return _digest(rows)


def _digest(value) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=repr).encode()).hexdigest()
