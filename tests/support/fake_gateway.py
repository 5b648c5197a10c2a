# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A gateway for tests: its health addresses, its WebSocket with the suspension calls, and its lock in a state directory.

It says what the real one of 2026.9.6 says; tests/real asks that one.
"""
from __future__ import annotations

import base64
import hashlib
import json
import socketserver
import struct
import subprocess
import threading
from pathlib import Path

TOKEN = "fake-gateway-secret"
PAGE = b"<!doctype html><title>OpenClaw</title>"


class FakeGateway:
    """Listens from start() to stop(). work: how many looks at it until running work has ended; None: it never does.

    failing: what /readyz names. unknown_methods: it is too old to be suspended. calls: (method, parameters) that it was asked.
    """

    def __init__(self, state_dir: Path, port: int = 0) -> None:
        self.state_dir, self.port = state_dir, port
        self.started, self.work, self.failing, self.version = True, 0, [], "2026.9.6"
        self.refusals: list[dict] = []  # why it refuses agents' databases
        self.unknown_methods, self.lease_ends, self.secret = False, False, TOKEN
        self.calls: list[tuple[str, dict]] = []
        self.suspension: str | None = None
        self._server: socketserver.ThreadingTCPServer | None = None
        self._process: subprocess.Popen | None = None

    @property
    def up(self) -> bool:
        return self._server is not None

    @property
    def pid(self) -> int | None:
        """The process that holds the state."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Listen, and take the state's lock."""
        if self.up:
            return
        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", self.port), _Connection)
        self._server.daemon_threads, self._server.gateway = True, self
        self.port, self.suspension = self._server.server_address[1], None
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self._process = subprocess.Popen(["sleep", "1000"])
        started = int(Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[19])
        lock = {"pid": self._process.pid, "startTime": started, "port": self.port, "stateDir": str(self.state_dir)}
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        self._lock.write_text(json.dumps(lock) + "\n \t  ")

    def stop(self, *, clean: bool = True) -> None:
        """End. clean False: as after a power cut, the lock stays."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if clean:
            self._lock.unlink(missing_ok=True)

    @property
    def _lock(self) -> Path:
        return self.state_dir / "tmp" / "openclaw-0" / "gateway.state.lock"

    def page(self, path: str) -> tuple[int, bytes]:
        """What GET answers."""
        draining = self.suspension is not None
        if path == "/healthz":
            return 200, b'{"ok":true,"status":"live"}'
        if path == "/startupz":
            word = "draining" if draining else "started" if self.started else "starting"
            return 200 if word == "started" else 503, json.dumps({"ok": True, "status": word, "version": self.version}).encode()
        if path == "/readyz":
            failing = ["gateway-draining"] if draining else self.failing
            return 503 if failing else 200, json.dumps({
                "ready": not failing, "failing": failing, "agentDatabases": self.refusals}).encode()
        return 200, PAGE

    def answer(self, method: str, parameters: dict) -> dict:
        """Payload or error of a call."""
        self.calls.append((method, parameters))
        if method == "connect":
            known = parameters["auth"].get("token") == self.secret
            trusted = (parameters["client"]["id"], parameters["client"]["mode"]) == ("gateway-client", "backend")
            return {"ok": {"type": "hello-ok"}} if known and trusted else _error("INVALID_REQUEST", "unauthorized: gateway token mismatch")
        if self.unknown_methods:
            return _error("INVALID_REQUEST", f"unknown method: {method}")
        if method == "gateway.suspend.prepare":
            self.suspension = self.suspension or f"suspension-{len(self.calls)}"
            return {"ok": self._phase()}
        if method == "gateway.suspend.status":
            self.work = self.work - 1 if self.work else self.work
            return {"ok": self._phase()}
        if method == "wake":
            return {"ok": True, "payload": {"ok": True}}
        if method == "gateway.suspend.resume":
            held, self.suspension = self.suspension == parameters["suspensionId"] and not self.lease_ends, None
            return {"ok": {"ok": True, "status": "running", "resumed": held}}
        return _error("INVALID_REQUEST", f"unknown method: {method}")

    def _phase(self) -> dict:
        found = {"suspensionId": self.suspension, "expiresAtMs": 0}
        if self.work == 0:
            return {**found, "status": "ready", "activeCount": 0, "blockers": []}
        return {**found, "status": "draining", "retryAfterMs": 20000, "blockers": [{"kind": "embedded-run", "count": 2, "message": "2"}]}


def _error(code: str, message: str) -> dict:
    return {"error": {"code": code, "message": message}}


class _Connection(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return
            head += line
        lines = head.decode().split("\r\n")
        fields = {name.lower(): value.strip() for name, dummy, value in (line.partition(":") for line in lines[1:])}
        if fields.get("upgrade") == "websocket":
            self._talk(fields["sec-websocket-key"])
            return
        code, body = self.server.gateway.page(lines[0].split()[1])
        self.wfile.write(f"HTTP/1.1 {code} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)

    def _talk(self, key: str) -> None:
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        self.wfile.write(f"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        self._send({"type": "event", "event": "connect.challenge", "payload": {"nonce": "n"}})
        self.wfile.write(b"\x89\x02hi")  # a ping
        while True:
            message = self._receive()
            if message is None:
                return
            found = self.server.gateway.answer(message["method"], message["params"])
            answer = {"ok": True, "payload": found["ok"]} if "ok" in found else {"ok": False, **found}
            self._send({"type": "event", "event": "tick", "payload": {"text": "x" * 70_000}})
            self._send({"type": "res", "id": message["id"], **answer})

    def _send(self, value: dict) -> None:
        content = json.dumps(value).encode()
        length = len(content)
        size = bytes([length]) if length < 126 else struct.pack(">BH", 126, length) if length < 65536 else struct.pack(">BQ", 127, length)
        self.wfile.write(b"\x81" + size + content)

    def _receive(self) -> dict | None:
        while True:
            head = self.rfile.read(2)
            if len(head) < 2 or head[0] & 0xF == 8:
                return None
            length = head[1] & 0x7F
            if length == 126:
                length = struct.unpack(">H", self.rfile.read(2))[0]
            mask = self.rfile.read(4)
            content = bytes(byte ^ mask[place % 4] for place, byte in enumerate(self.rfile.read(length)))
            if head[0] & 0xF == 1:
                return json.loads(content)
