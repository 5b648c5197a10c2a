# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns of a gateway's agents, over one connection: OpenClaw's own command takes seconds of processor time to start, for each turn.

Runs on a host, in the host tool's virtual environment: TOKEN=... talk.py TOOL PORT STOP AGENT=MESSAGE...
Each message is said in turn; over and over until the file STOP exists, or once where STOP is "-". Prints the number of answers.
"""
from __future__ import annotations

import itertools
import json
import os
import sys
import time
import uuid

sys.path.insert(0, sys.argv[1])
from openclaw_backup_engine.gateway.calls import GatewayCalls  # noqa: E402
from openclaw_backup_engine.gateway.endpoint import Endpoint  # noqa: E402
from openclaw_backup_engine.ports import Context  # noqa: E402

TURN_SECONDS = 120.0


def say(socket, agent: str, message: str) -> None:
    """One turn, until its end: the gateway answers twice, first that it has begun."""
    number, deadline = str(uuid.uuid4()), time.monotonic() + TURN_SECONDS
    socket.send(json.dumps({"type": "req", "id": number, "method": "agent", "params": {
        "message": message, "agentId": agent, "idempotencyKey": number}}))
    while True:
        answer = json.loads(socket.receive(deadline - time.monotonic()))
        if answer.get("type") != "res" or answer.get("id") != number:
            continue
        if answer.get("ok") is not True:
            raise SystemExit(f"agent {agent} did not answer: {json.dumps(answer)[:1000]}")
        if (answer.get("payload") or {}).get("status") != "accepted":
            return


def main(port: str, stop: str, *turns: str) -> int:
    """Talk."""
    calls = GatewayCalls(Endpoint("127.0.0.1", int(port), False, os.environ["TOKEN"], "token"), Context())
    answered = 0
    for turn in turns if stop == "-" else itertools.cycle(turns):
        if os.path.exists(stop):
            break
        agent, _equals, message = turn.partition("=")
        say(calls._socket, agent, f"{message} {answered}")  # pylint: disable=protected-access
        answered += 1
        print(answered, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[2:]))
