# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""OpenClaw's own way to hold still: gateway.suspend.prepare, .status and .resume (its docs/gateway/external-apps).

The gateway lets running work end, takes no new work, and stays up. What holds it is a lease of two minutes, which is
renewed while it is needed and ends by itself when this process does.
"""
from __future__ import annotations

import threading
import uuid

from ..errors import EngineError
from ..ports import Context
from .calls import CallRefused, GatewayCalls
from .endpoint import Endpoint

LEASE = 120.0  # seconds, by OpenClaw's documentation
_RENEW_EVERY = 40.0  # seconds: two attempts may fail. prepare may be called 30 times a minute
_POLL_EVERY = 0.2  # seconds between two looks at a gateway that drains; looking is what lets it become ready
_ASK_AGAIN = 2.5  # seconds until a gateway that cannot even begin, since it restarts, is asked once more
_BLOCKERS_TOLD = 8
_NO_SUCH_METHOD = ("INVALID_REQUEST", "METHOD_NOT_FOUND", "NOT_FOUND")


class Busy(EngineError):
    """The gateway has work that does not end in time. It takes new work again."""

    def __init__(self, seconds: float, blockers: str) -> None:
        super().__init__(
            "gateway-busy", f"The gateway was still at work after {seconds:.0f} s: {blockers or 'it did not say with what'}",
            "Raise drain_timeout, choose a quieter time, or say with on_busy what is to happen then.", {"blockers": blockers})


class Suspension:
    """A gateway that holds still, from begin() to end(). Also a context manager, which begins and ends.

    drain_timeout: seconds that running work may take to end. Raises EngineError: "gateway-busy", "gateway-cannot-suspend"
    (a release without this interface), and those of GatewayCalls.
    """

    def __init__(self, endpoint: Endpoint, context: Context, drain_timeout: float) -> None:
        self._endpoint, self._context, self._timeout = endpoint, context, drain_timeout
        self._request = {"requestId": f"openclaw-backup-{uuid.uuid4()}", "drain": True, "terminalPolicy": "preserve"}
        self._calls: GatewayCalls | None = None
        self._id = ""
        self._done = threading.Event()
        self._renewals: threading.Thread | None = None
        self._unbroken = True
        self.drain_seconds = 0.0  # from the request until the last running work had ended
        self.closed_seconds = 0.0  # from the request until new work was taken again

    def begin(self) -> None:
        """Ask it to hold still, and wait until it does. When this raises, the gateway goes on as before."""
        clock = self._context.clock
        self._calls = GatewayCalls(self._endpoint, self._context)
        self._started = clock.elapsed()
        try:
            self._prepare_and_drain()
        except BaseException:
            self.end()
            raise
        self.drain_seconds = clock.elapsed() - self._started
        self._renewals = threading.Thread(target=self._renew, name="suspension", daemon=True)
        self._renewals.start()

    def end(self) -> bool:
        """Let it go on. True: it held still all the time until now. Never raises: the lease ends by itself at last."""
        self._done.set()
        if self._renewals is not None:
            self._renewals.join()
        if self._calls is None:
            return False
        try:
            resumed = bool(self._id) and self._resume()
        finally:
            self.closed_seconds = self._context.clock.elapsed() - self._started
            self._calls.close()
            self._calls = None
        return resumed and self._unbroken

    def __enter__(self) -> Suspension:
        self.begin()
        return self

    def __exit__(self, *_exception) -> None:
        self.end()

    def _prepare_and_drain(self) -> None:
        clock = self._context.clock
        answer = self._prepare()
        renewed = clock.elapsed()
        while answer.get("status") != "ready":
            if clock.elapsed() - self._started >= self._timeout:
                raise Busy(self._timeout, _told(answer.get("blockers")))
            draining = answer.get("status") == "draining"
            clock.sleep(_POLL_EVERY if draining else _ASK_AGAIN)
            if clock.elapsed() - renewed >= _RENEW_EVERY or not draining:
                answer, renewed = self._prepare(), clock.elapsed()
            else:
                answer = self._calls.call("gateway.suspend.status", suspensionId=self._id)

    def _prepare(self) -> dict:
        """Ask for the lease, or for its renewal."""
        try:
            answer = self._calls.call("gateway.suspend.prepare", **self._request)
        except CallRefused as exc:
            if exc.reason in _NO_SUCH_METHOD:
                raise EngineError(
                    "gateway-cannot-suspend", f"The gateway does not know how to hold still: {exc.message}",
                    "Update OpenClaw, or choose consistency: live or stop.") from exc
            if exc.reason == "UNAVAILABLE":
                raise Busy(self._context.clock.elapsed() - self._started, exc.message) from exc
            raise
        found = answer.get("suspensionId")
        if isinstance(found, str) and found:
            self._unbroken = self._unbroken and self._id in ("", found)
            self._id = found
        return answer

    def _renew(self) -> None:
        while not self._done.wait(_RENEW_EVERY):
            try:
                self._unbroken = self._prepare().get("status") == "ready" and self._unbroken
            except EngineError:
                continue  # the lease lasts for two more attempts; end() tells whether it did

    def _resume(self) -> bool:
        for _attempt in range(2):
            try:
                return self._calls.call("gateway.suspend.resume", suspensionId=self._id).get("resumed") is True
            except CallRefused:
                self._context.clock.sleep(_POLL_EVERY)
            except EngineError:
                try:
                    self._calls.close()
                    self._calls = GatewayCalls(self._endpoint, self._context)
                except EngineError:
                    return False
        return False


def _told(blockers) -> str:
    """What keeps a gateway busy, in a few words of its own."""
    named = [f"{item.get('kind')} ({item.get('count', 1)})" for item in blockers or () if isinstance(item, dict)] \
        if isinstance(blockers, list) else []
    return ", ".join(named[:_BLOCKERS_TOLD])
