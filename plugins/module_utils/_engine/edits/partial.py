# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""A part of a snapshot restored into a state that lives on: what has to be staged beside it, and what is left for when nothing runs.

Cron jobs and sessions are rows among others in databases that stay. So such a database is staged as a source: in the end the
live one takes its place, with what is merged into it. The same holds for the global database when only the config is
restored: it remembers the config that it replaces, and OpenClaw would put that back.
"""
from __future__ import annotations

import os
import re
from typing import Callable, Iterable

from ..capture.layout import AGENT_DATABASE, STATE_DATABASE
from ..errors import EngineError
from ..ports import Context
from ..repository.manifest import FILE, Entry
from .apply import EditOptions
from .identity import keep_identity
from .merge import merge_cron, merge_sessions
from .merge_files import merge_cron_files, merge_session_files
from .staged import Change, Staged

MERGED = ("cron", "sessions")
_CRON_FILES = ("cron/jobs.json", "cron/jobs-state.json")
_AGENT = re.compile(r"agents/[^/]+/agent/" + re.escape(AGENT_DATABASE))
_SESSION_FILE = re.compile(r"agents/[^/]+/sessions/[^/]+")


def check_merge(merge: tuple[str, ...]) -> None:
    """EngineError "option-invalid" for what cannot be merged."""
    for name in merge:
        if name not in MERGED:
            raise EngineError("option-invalid", f"There is no way to merge {name!r}", f"What can be merged: {', '.join(MERGED)}.")


def choose(entries: Iterable[Entry], meta: dict, merge: tuple[str, ...], asked: Callable[[str], bool],
           here: Callable[[str], str]) -> tuple[frozenset[str], frozenset[str]]:
    """(captured paths that are staged as sources, other captured paths that a merge adds).

    entries: of the snapshot. asked: whether a captured path is restored anyway. here: where a captured path goes. What the live
    state does not have is no source: there is nothing to merge it into.
    """
    state, config = meta["instance"]["state_dir"] + "/", meta["instance"]["config_path"]
    sources, added, has_config, database = set(), set(), False, None
    for entry in entries:
        if entry.type != FILE:
            continue
        if asked(entry.path):
            has_config = has_config or entry.path == config
            continue
        inner, exists = entry.path[len(state):] if entry.path.startswith(state) else "", os.path.isfile(here(entry.path))
        if inner == STATE_DATABASE and exists:
            database = entry.path
        elif "cron" in merge and inner in _CRON_FILES and exists:
            sources.add(entry.path)
        elif "sessions" in merge and _AGENT.fullmatch(inner):
            (sources if exists else added).add(entry.path)
        elif "sessions" in merge and _SESSION_FILE.fullmatch(inner):
            if not exists:
                added.add(entry.path)
            elif inner.endswith("/sessions.json"):
                sources.add(entry.path)
    if database and (has_config or "cron" in merge):
        sources.add(database)
    return frozenset(sources), frozenset(added)


def at_last(staged: Staged, live_state_dir: str, live_config: str, merge: tuple[str, ...], whole: bool, options: EditOptions,
            context: Context) -> list[Change]:
    """What can only be done once the live state is written no more: merging, and the identity.

    whole: the whole instance is restored. Of a part the identity is never the snapshot's: keys, token and pairings would be of two
    gateways. EngineError: "merge-unlike", "identity-unlike", "edit-failed".
    """
    changes: list[Change] = []
    try:
        now = round(context.clock.now() * 1000) if options.missed_cron == "skip" else None
        config = staged.locate(staged.config_file())
        forget = options.anchors == "refresh" and config is not None and os.path.isfile(config)
        if staged.state_database() in staged.sources:
            changes += merge_cron(staged, live_state_dir, now, "cron" in merge, forget)
        if "cron" in merge:
            changes += merge_cron_files(staged, live_state_dir, now)
        if "sessions" in merge:
            changes += merge_sessions(staged, live_state_dir, options.turns == "settle")
            changes += merge_session_files(staged, live_state_dir, options.turns == "settle")
        if options.identity == "target" or not whole:
            changes += keep_identity(staged, live_state_dir, live_config, whole)
    except OSError as exc:
        raise EngineError(
            "edit-failed", f"The restored state could not be edited: {exc}",
            "The live state is as it was. Look at the space and the permissions of the disk that holds it.") from exc
    return changes
