# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Calls of a running gateway's own methods, over its WebSocket on loopback (OpenClaw's docs/gateway/protocol).

A client of this host that says it is a backend and knows the gateway's secret needs no paired device, and leaves none behind.
"""
from __future__ import annotations

import itertools
import json
import threading

from .._version import VERSION
from ..errors import EngineError
from ..ports import Context
from .endpoint import Endpoint
from .websocket import WebSocket

PROTOCOL = 4
SCOPES = ("operator.admin", "operator.read")
_CONNECT_TIMEOUT = 15.0  # seconds, as the gateway's own clients have it
_CALL_TIMEOUT = 30.0  # seconds
_STARTING_UP = 10.0  # seconds that a gateway may take to become ready for connections


class CallRefused(EngineError):
    """The gateway answered a call with an error. reason: its code, such as UNAVAILABLE or INVALID_REQUEST."""

    def __init__(self, method: str, error: dict) -> None:
        self.reason = str(error.get("code") or "")
        self.retry_after = (error.get("retryAfterMs") if isinstance(error.get("retryAfterMs"), (int, float)) else 0) / 1000
        details = error.get("details") if isinstance(error.get("details"), dict) else {}
        self.detail = str(details.get("code") or details.get("reason") or "")
        super().__init__(
            "gateway-refused", f"The gateway refused {method}: {str(error.get('message') or self.reason)[:300]}",
            "Look into the gateway's log, and check that its token in the config is the one it was started with.",
            {"method": method, "reason": self.reason, "detail": self.detail})


class GatewayCalls:
    """A connection to a gateway, as an operator. Threads may share it; calls go one after the other.

    Raises EngineError: "gateway-unreachable", CallRefused ("gateway-refused").
    """

    def __init__(self, endpoint: Endpoint, context: Context) -> None:
        self._endpoint, self._context = endpoint, context
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._socket = self._connect()

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def call(self, method: str, timeout: float = _CALL_TIMEOUT, **parameters) -> dict:
        """Call a method. timeout: seconds until an answer must be there. The answer's payload."""
        with self._lock:
            try:
                return self._ask(self._socket, method, parameters, timeout)
            except OSError as exc:
                raise self._unreachable(exc) from exc

    def _connect(self) -> WebSocket:
        clock = self._context.clock
        deadline = clock.elapsed() + _STARTING_UP
        while True:
            connection = None
            try:
                connection = open_socket(self._endpoint, self._context, _CONNECT_TIMEOUT)
                opened = WebSocket(connection, self._endpoint.address)
                self._introduce(opened)
                return opened
            except OSError as exc:
                if connection is not None:
                    connection.close()
                raise self._unreachable(exc) from exc
            except CallRefused as exc:
                connection.close()
                if exc.reason != "UNAVAILABLE" or clock.elapsed() > deadline:
                    raise
            clock.sleep(0.5)

    def _introduce(self, opened: WebSocket) -> None:
        secret = {self._endpoint.secret_kind: self._endpoint.secret} if self._endpoint.secret else {}
        self._ask(opened, "connect", {
            "minProtocol": PROTOCOL, "maxProtocol": PROTOCOL, "role": "operator", "scopes": list(SCOPES), "caps": [], "auth": secret,
            "client": {"id": "gateway-client", "version": VERSION, "platform": "linux", "mode": "backend"}}, _CONNECT_TIMEOUT)

    def _ask(self, opened: WebSocket, method: str, parameters: dict, timeout: float) -> dict:
        number = f"openclaw-backup-{next(self._numbers)}"
        clock = self._context.clock
        deadline = clock.elapsed() + timeout
        opened.send(json.dumps({"type": "req", "id": number, "method": method, "params": parameters}))
        while True:
            left = deadline - clock.elapsed()
            if left <= 0:
                raise TimeoutError(f"{method} was not answered within {timeout:.0f} s")
            try:
                message = json.loads(opened.receive(left))
            except ValueError as exc:
                raise OSError("it sent what is not JSON") from exc
            if not isinstance(message, dict) or message.get("type") != "res" or message.get("id") != number:
                continue  # an event, or the challenge for clients that sign
            if message.get("ok") is True:
                return message["payload"] if isinstance(message.get("payload"), dict) else {}
            raise CallRefused(method, message["error"] if isinstance(message.get("error"), dict) else {})

    def _unreachable(self, exc: OSError) -> EngineError:
        return EngineError(
            "gateway-unreachable", f"The gateway at {self._endpoint.address} cannot be talked to: {exc.strerror or exc}",
            "Check that it runs (openclaw gateway status) and that its port is the one in its config.")


def open_socket(endpoint: Endpoint, context: Context, timeout: float):
    """A connection to the gateway, encrypted where it wants that. OSError."""
    connection = context.connect(endpoint.host, endpoint.port, timeout)
    if not endpoint.tls:
        return connection
    import ssl  # takes as long to load as http.client, see health.py
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    settings.check_hostname = False  # the gateway makes a certificate for itself, and this is loopback
    settings.verify_mode = ssl.CERT_NONE
    try:
        return settings.wrap_socket(connection, server_hostname=endpoint.host)
    except OSError:
        connection.close()
        raise
