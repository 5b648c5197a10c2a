# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Boots the real gateway from a restored state, asks it how it is and what it has, and stops it."""
from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field, replace

from ..capture import sqlite
from ..capture.config_file import load_config
from ..capture.layout import AGENT_DATABASE
from ..capture.settings import read_settings
from ..errors import EngineError
from ..gateway import health
from ..gateway.calls import GatewayCalls
from ..gateway.endpoint import LOOPBACK, Endpoint
from ..ports import Context
from .sandbox import PORT

_ARGUMENTS = ["gateway", "run", "--port", str(PORT), "--bind", "loopback", "--auth", "none", "--tailscale", "off"]
_READY = ("healthy", "channels-failing")
_EVERY = 0.5  # seconds between two looks
_LISTED = 1000  # sessions that are asked for; how many there are, the answer says
# A session that OpenClaw lists: it is not put away, and no place for what belongs to none.
_SESSIONS = "SELECT count(*) FROM session_nodes WHERE {} session_key NOT IN ('global', 'unknown')"


@dataclass(frozen=True)
class Expected:
    """What the restored state holds. sessions: None where it keeps them in another way than this release's databases."""

    agents: tuple[str, ...] = ()
    sessions: int | None = None


@dataclass
class Booted:
    """What came of it. problems: what is wrong, in words. ready_s: seconds until it was ready. notes: what is worth knowing anyway."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    version: str = ""
    ready_s: float | None = None
    agents: int | None = None
    sessions: int | None = None


def expect(paths: list[str], root: str, config_path: str) -> Expected:
    """Count what a gateway must show. paths: of the snapshot's files. Nothing of the state must have run yet."""
    config = load_config(root + config_path, (root,), lambda path: root + path)
    agents, sessions = [agent.name for agent in read_settings(config).agents], None
    for path in paths:
        if not path.endswith(f"/{AGENT_DATABASE}"):
            continue
        try:
            connection = sqlite.connect(root + path, "immutable=1")
            try:
                columns = [row[1] for row in connection.execute("PRAGMA table_info(session_nodes)")]
                where = "archived_at IS NULL AND" if "archived_at" in columns else ""
                sessions = (sessions or 0) + connection.execute(_SESSIONS.format(where)).fetchone()[0]
            finally:
                connection.close()
        except sqlite3.Error:
            continue  # the check of databases has its own word about it
    return Expected(tuple(agents), sessions)


def boot(sandbox, expected: Expected, timeout: float, context: Context) -> Booted:
    """Start, wait, ask, stop. timeout: seconds until it must be ready. EngineError "sandbox-failed".

    One that ends while it starts is started once more, as its own service would: OpenClaw gives up on a host that is slow for a moment.
    """
    booted, started = Booted(), context.clock.elapsed()
    inner = replace(context, connect=sandbox.connect)
    for once_more in (True, False):
        sandbox.start(_ARGUMENTS, timeout * 2 + 60)
        try:
            endpoint = _wait(sandbox, booted, started + timeout, inner)
            if endpoint is not None:
                booted.ready_s = context.clock.elapsed() - started
                _ask(endpoint, expected, booted, inner)
            elif once_more and sandbox.state().restarts:
                booted.notes += [f"The gateway was started twice: {problem}" for problem in booted.problems]
                booted.problems.clear()
                continue
            break
        finally:
            sandbox.stop()
    return booted


def _wait(sandbox, booted: Booted, deadline: float, context: Context) -> Endpoint | None:
    """Until it is ready; where it listens then. None, and a problem, when it never is."""
    found = health.Health()
    while True:
        for endpoint in (Endpoint(LOOPBACK, PORT), Endpoint(LOOPBACK, PORT, tls=True)):
            found = health.check(endpoint, context)
            if found.live:
                break
        if found.word in _READY:
            booted.version = found.version or ""
            return endpoint
        state = sandbox.state()
        if state.ended:
            booted.problems.append(f"it ended while it started ({state.ended}): {sandbox.last_words() or 'it said nothing'}")
            return None
        if context.clock.elapsed() > deadline:
            failing = ", ".join(found.failing)
            booted.problems.append(f"it is {found.word} after all that time{': ' + failing if failing else ''}: {sandbox.last_words()}")
            return None
        context.clock.sleep(_EVERY)


def _ask(endpoint: Endpoint, expected: Expected, booted: Booted, context: Context) -> None:
    """Its own word on what it has, over its API."""
    try:
        calls = GatewayCalls(endpoint, context)
        try:
            agents = _items(calls.call("agents.list"), "agents")
            sessions = calls.call("sessions.list", limit=_LISTED, includeGlobal=True, includeUnknown=True)
        finally:
            calls.close()
    except EngineError as exc:
        booted.problems.append(f"it is ready and does not answer: {exc.message}")
        return
    known = {str(agent.get("id")) for agent in agents}
    booted.agents, booted.sessions = len(known), _count(sessions)
    lost = [agent for agent in expected.agents if agent not in known]
    if lost:
        booted.problems.append(f"it does not know {len(lost)} agents of the snapshot, {lost[0]} among them")
    if expected.sessions is not None and booted.sessions < expected.sessions and booted.sessions != _LISTED:
        booted.problems.append(f"it shows {booted.sessions:,} sessions, and the snapshot holds {expected.sessions:,}")


def _items(found: dict, name: str) -> list[dict]:
    items = found.get(name)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _count(found: dict) -> int:
    total = found.get("totalCount")
    return total if isinstance(total, int) and not isinstance(total, bool) else len(_items(found, "sessions"))
