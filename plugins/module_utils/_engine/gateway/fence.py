# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""A gateway whose agent has moved elsewhere is fenced: stopped, disabled, kept from starting, and marked with who did it and why.

Two gateways on one WhatsApp or Telegram session fight. So the fence holds against a reboot, Restart=always, `systemctl start`
and a second play. It stands until unfence() undoes exactly that. The marker lies beside the state directory, so that no
snapshot carries it to another host.
"""
from __future__ import annotations

import time
from dataclasses import asdict, dataclass

from . import record_file
from .control import Gateway
from .gate import FENCE, Gate
from .services import FAILED, STOPPED


@dataclass(frozen=True)
class Fence:
    """The marker's content. at: UTC. by: whoever did it. moved_to: where the agent is now. The rest is what unfence() goes back to.

    not_prevented: what can start the gateway in spite of the fence, "" if nothing of the host's can.
    """

    at: str
    by: str
    reason: str
    moved_to: str
    was_running: bool
    was_enabled: bool
    not_prevented: str = ""

    @property
    def sentence(self) -> str:
        """All of it, for people."""
        where = f", and the agent is now on {self.moved_to}" if self.moved_to else ""
        why = f": {self.reason}" if self.reason else ""
        return f"it was fenced at {self.at} by {self.by or 'somebody'}{where}{why}"

    def to_dict(self) -> dict:
        """In the words of the modules' RETURN."""
        return asdict(self)


def marker_of(state_dir: str) -> str:
    """The file that says that this state's gateway is fenced."""
    return f"{state_dir}.fenced.json"


def find(state_dir: str) -> Fence | None:
    """The fence around this state's gateway, if there is one. A marker that cannot be understood is a fence all the same."""
    path = marker_of(state_dir)
    found = record_file.read(path)
    if found is None:
        return Fence("an unknown time", "", "its marker cannot be read", "", False, False) if record_file.exists(path) else None
    texts = {name: str(found.get(name) or "") for name in ("at", "by", "reason", "moved_to", "not_prevented")}
    flags = {name: found.get(name) is True for name in ("was_running", "was_enabled")}
    return Fence(**texts, **flags)


def stands(gateway: Gateway) -> bool:
    """Whether all of the fence is up: then fence() has nothing to do."""
    return bool(
        find(gateway.location.state_dir) and _gate(gateway).closed() and not gateway.service.can_disable() and _is_down(gateway))


def fence(gateway: Gateway, now: float, *, reason: str = "", moved_to: str = "", by: str = "") -> Fence:
    """Put the fence up; where one stands, what is missing of it, with the new reason. now: seconds since 1970.

    In this order: marked, kept from starting, disabled, stopped and seen stopped; so whatever breaks off in between has not
    let the gateway come back. Raises EngineError "gateway-not-controllable" (nothing was changed if nothing is known that runs
    it), "gateway-stop-timeout", "gateway-gate-failed", "gateway-record-failed"; go on with fence() again, or with unfence().
    """
    status, earlier = gateway.status(), find(gateway.location.state_dir)
    down = _is_down(gateway)
    if not down:
        gateway.require_stoppable()
    made = Fence(
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)), by, reason, moved_to,
        earlier.was_running if earlier else status.up, earlier.was_enabled if earlier else bool(status.enabled))
    made = put_back(gateway, made)
    if not down:
        gateway.stop()
    return made


def unfence(gateway: Gateway, *, start: bool = True) -> Fence | None:
    """Take the fence away; the gateway is enabled again and runs again as it was before. Gives the fence, None if there was none.

    start: False leaves it stopped. Raises EngineError "gateway-start-failed" (the fence is gone then), "gateway-gate-closed"
    (a restore of its state is half done; the fence still stands), and those of fence().
    """
    found = find(gateway.location.state_dir)
    if found and found.was_enabled:
        gateway.service.enable()
    _gate(gateway).open()
    starts = bool(found and found.was_running and start)
    if starts:
        gateway.order_start()
    record_file.remove(marker_of(gateway.location.state_dir))
    if starts:
        gateway.wait_until_healthy()
    return found


def put_back(gateway: Gateway, found: Fence) -> Fence:
    """This very fence stands (again), with what can start the gateway all the same now; nothing is stopped. As fence()."""
    marker = marker_of(gateway.location.state_dir)
    record_file.write(marker, found.to_dict())
    made = Fence(**{**found.to_dict(), "not_prevented": _gate(gateway).close(found.sentence, marker)})
    record_file.write(marker, made.to_dict())
    if gateway.service.can_disable():
        gateway.service.disable()
    return made


def _gate(gateway: Gateway) -> Gate:
    return Gate(gateway.service, gateway.location, purpose=FENCE)


def _is_down(gateway: Gateway) -> bool:
    return gateway.status().state in (STOPPED, FAILED) and gateway.fully_stopped()
