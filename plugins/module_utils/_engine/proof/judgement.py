# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""OpenClaw's own judgement of a restored state, offline: its check of the config, and of each of its databases."""
from __future__ import annotations

import json
import re

from ..capture.layout import AGENT_DATABASE, STATE_DATABASE
from ..errors import EngineError
from ..ports import CommandResult

_TIMEOUT = 180.0  # seconds for one command
_SOUND = ("exact", "startup-repairable", "migration-required")
_UNKNOWN = re.compile(r"(?i)unknown command|unknown option")


def judge(sandbox, paths: list[str], state_dir: str, version: str) -> tuple[list[tuple[str, str]], list[str]]:
    """((path, what is wrong), notes). paths: of all that the snapshot holds. version: of the OpenClaw that judges.

    EngineError "openclaw-too-old" for a state that a newer one wrote, and "sandbox-failed".
    """
    problems, notes = [], []
    config = _answer(sandbox.run(["config", "validate", "--json"], _TIMEOUT))
    if config is None:
        raise EngineError(
            "sandbox-failed", "openclaw config validate gave no answer in the sandbox",
            "Run openclaw --version on this host; proofs need its Node.js to run as another user.")
    if config.get("valid") is not True:
        problems.append((str(config.get("path") or state_dir), f"OpenClaw finds it invalid: {_issues(config)}"))
    for path, command in _databases(paths, state_dir):
        done = sandbox.run(["database", *command, "--json"], _TIMEOUT)
        found = _answer(done)
        if found is None and _UNKNOWN.search(done.error + done.output):
            notes.append(f"OpenClaw {version} has no check of databases")
            break
        problems += _of_database(path, found or {}, version)
    return problems, notes


def _databases(paths: list[str], state_dir: str):
    """(path, command) for the databases that OpenClaw itself can judge."""
    agent = re.compile(re.escape(state_dir) + r"/agents/([A-Za-z0-9][A-Za-z0-9_.-]*)/agent/" + re.escape(AGENT_DATABASE))
    for path in sorted(paths):
        if path == f"{state_dir}/{STATE_DATABASE}":
            yield path, ["preflight", path]
        elif (found := agent.fullmatch(path)) is not None:
            yield path, ["preflight-agent", path, "--agent-id", found.group(1)]


def _of_database(path: str, found: dict, version: str) -> list[tuple[str, str]]:
    status, at, knows = found.get("status"), found.get("foundVersion"), found.get("targetVersion")
    if isinstance(at, int) and isinstance(knows, int) and at > knows:
        raise EngineError(
            "openclaw-too-old", f"{path} has schema {at}, and OpenClaw {version} here knows {knows} at most",
            "Install the release that wrote the snapshot on this staging host.")
    if status in _SOUND:
        return []
    return [(path, f"OpenClaw's preflight says {status or 'nothing'}: {str(found.get('reason') or _issues(found))[:300]}")]


def _issues(found: dict) -> str:
    issues = found.get("issues") if isinstance(found.get("issues"), list) else []
    texts = [str(issue.get("message") or issue) if isinstance(issue, dict) else str(issue) for issue in issues[:3]]
    return "; ".join(texts)[:300] or "it does not say why"


def _answer(done: CommandResult) -> dict | None:
    """The JSON object that a command printed, whatever else it said before."""
    start = done.output.find("{")
    try:
        found = json.loads(done.output[start:]) if start >= 0 else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
