# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""OpenClaw's own judgement of a restored state, offline: its check of the config, and of each of its databases."""
from __future__ import annotations

import json
import re

from ..capture.layout import AGENT_DATABASE, STATE_DATABASE
from ..errors import EngineError
from ..gateway import preflight
from ..ports import CommandResult

_TIMEOUT = 180.0  # seconds for one command
_UNKNOWN = re.compile(r"(?i)unknown command|unknown option")


def judge(sandbox, paths: list[str], instance: dict, version: str) -> tuple[list[tuple[str, str]], list[str]]:
    """((path, what is wrong), notes). paths: of all that the snapshot holds. version: of the OpenClaw that judges.

    EngineError "openclaw-too-old" for a state that a newer one wrote, and "sandbox-failed".
    """
    problems, notes = [], []
    done = sandbox.run(["config", "validate", "--json"], _TIMEOUT)
    found = _answer(done)
    if found is None:
        raise EngineError(
            "sandbox-failed", f"openclaw config validate gave no answer in the sandbox: {_last(done) or done.code}",
            "Run openclaw --version on this host; proofs need its Node.js to run as another user.")
    config = preflight.of_config(instance["config_path"], found, _last(done))
    if config.verdict != preflight.FITS:
        problems.append((config.path, f"OpenClaw finds it invalid: {config.reason}"))
    for path, command in _databases(paths, instance["state_dir"]):
        done = sandbox.run(["database", *command, "--json"], _TIMEOUT)
        found = _answer(done)
        if found is None and _UNKNOWN.search(done.error + done.output):
            notes.append(f"OpenClaw {version} has no check of databases")
            break
        database = preflight.of_database(path, found or {}, _last(done))
        if database.verdict in (preflight.REFUSED, preflight.UNKNOWN):
            _require_known(database, found or {}, version)
            problems.append((path, f"OpenClaw's preflight of it: {database.reason}"))
    return problems, notes


def _databases(paths: list[str], state_dir: str):
    """(path, command) for the databases that OpenClaw itself can judge."""
    agent = re.compile(re.escape(state_dir) + r"/agents/([A-Za-z0-9][A-Za-z0-9_.-]*)/agent/" + re.escape(AGENT_DATABASE))
    for path in sorted(paths):
        if path == f"{state_dir}/{STATE_DATABASE}":
            yield path, ["preflight", path]
        elif (found := agent.fullmatch(path)) is not None:
            yield path, ["preflight-agent", path, "--agent-id", found.group(1)]


def _require_known(database: preflight.Verdict, found: dict, version: str) -> None:
    """A state of a newer release is no fault of the snapshot. EngineError "openclaw-too-old"."""
    have, known = found.get("foundVersion"), found.get("targetVersion")
    if isinstance(have, int) and isinstance(known, int) and have > known:
        raise EngineError(
            "openclaw-too-old", f"OpenClaw {version} is too old for {database.path}: {database.reason}",
            "Install the release that wrote the snapshot on this staging host.")


def _last(done: CommandResult) -> str:
    lines = (done.error.strip() or done.output.strip()).splitlines()
    return lines[-1][:300] if lines else ""


def _answer(done: CommandResult) -> dict | None:
    """The JSON object that a command printed, whatever else it said before."""
    start = done.output.find("{")
    try:
        found = json.loads(done.output[start:]) if start >= 0 else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
