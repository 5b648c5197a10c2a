# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The part of WebSocket (RFC 6455) that a client of one gateway needs: text messages, no extensions, no compression."""
from __future__ import annotations

import base64
import hashlib
import os
import socket
import struct

LARGEST_MESSAGE = 32 << 20  # bytes; a gateway sends at most 25 MiB
_LARGEST_HEAD = 16 << 10  # bytes of the answer to the opening request
_ACCEPT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_CONTINUATION, _TEXT, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x8, 0x9, 0xA


class WebSocketError(OSError):
    """The other side does not speak WebSocket, or said good-bye."""


class WebSocket:
    """A connection that is open. Not for two threads at once. OSError from every method: it is of no more use."""

    def __init__(self, connection: socket.socket, host: str) -> None:
        self._connection = connection
        self._buffer = bytearray()
        self._open(host)

    def close(self) -> None:
        """Say good-bye, without waiting for an answer."""
        try:
            self._send(_CLOSE, struct.pack(">H", 1000))
        except OSError:
            pass  # it is closed already
        self._connection.close()

    def send(self, text: str) -> None:
        """Send one message."""
        self._send(_TEXT, text.encode())

    def receive(self, timeout: float) -> str:
        """The next message. TimeoutError after so many seconds without a byte."""
        self._connection.settimeout(max(timeout, 0.001))
        parts: list[bytes] = []
        while True:
            final, kind, content = self._frame()
            if kind == _PING:
                self._send(_PONG, content)
            elif kind == _CLOSE:
                raise WebSocketError(f"the connection was closed: {content[2:].decode('utf-8', 'replace') or 'no reason given'}")
            elif kind in (_TEXT, _CONTINUATION):
                parts.append(content)
                if sum(len(part) for part in parts) > LARGEST_MESSAGE:
                    raise WebSocketError("a message is larger than any that a gateway sends")
                if final:
                    return b"".join(parts).decode("utf-8", "replace")

    def _open(self, host: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        self._connection.sendall((
            f"GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode("ascii"))
        while b"\r\n\r\n" not in self._buffer:
            if len(self._buffer) > _LARGEST_HEAD:
                raise WebSocketError("the answer to the opening request does not end")
            self._read_more()
        head, dummy, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        self._buffer = bytearray(rest)
        lines = head.decode("latin-1").split("\r\n")
        fields = {name.strip().lower(): value.strip() for name, colon, value in (line.partition(":") for line in lines[1:])}
        wanted = base64.b64encode(hashlib.sha1((key + _ACCEPT).encode()).digest()).decode()
        if lines[0].split(" ")[1:2] != ["101"] or fields.get("sec-websocket-accept") != wanted:
            raise WebSocketError(f"the answer is not that of a WebSocket server: {lines[0][:100]}")

    def _send(self, kind: int, content: bytes) -> None:
        length, mask = len(content), os.urandom(4)
        head = bytes([0x80 | kind])
        if length < 126:
            head += bytes([0x80 | length])
        elif length < 1 << 16:
            head += struct.pack(">BH", 0x80 | 126, length)
        else:
            head += struct.pack(">BQ", 0x80 | 127, length)
        masked = bytes(byte ^ mask[place & 3] for place, byte in enumerate(content))
        self._connection.sendall(head + mask + masked)

    def _frame(self) -> tuple[bool, int, bytes]:
        first, second = self._take(2)
        length = second & 0x7F
        if length == 126:
            length = struct.unpack(">H", self._take(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self._take(8))[0]
        if second & 0x80 or length > LARGEST_MESSAGE:
            raise WebSocketError("a frame is not one that a gateway sends")
        return bool(first & 0x80), first & 0x0F, self._take(length)

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._read_more()
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _read_more(self) -> None:
        received = self._connection.recv(1 << 16)
        if not received:
            raise WebSocketError("the connection ended")
        self._buffer += received
