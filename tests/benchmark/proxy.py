# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A proxy on loopback before an S3 server: it counts requests and bytes, and delays each request.

    proxy.py HOST:PORT          prints its own port, then answers commands on standard input, one JSON line each:
        delay SECONDS           from now on hold every request that long before it is passed on
        take                    what was counted since the last take: {"requests": {verb: n}, "sent": bytes, "received": bytes}

It runs as a process of its own, so that it takes no time from the interpreter of the tool that is measured. Bodies are
passed on unread; "sent" counts request bodies, "received" everything that came back.
"""
from __future__ import annotations

import json
import socket
import sys
import threading
import time

BLOCK = 256 * 1024


class Counter:
    """What passed through, and the delay. Thread-safe."""

    def __init__(self) -> None:
        self.delay = 0.0
        self._lock = threading.Lock()
        self._clear()

    def _clear(self) -> None:
        self._requests: dict[str, int] = {}
        self._sent = self._received = 0

    def request(self, verb: str) -> None:
        """One more request."""
        with self._lock:
            self._requests[verb] = self._requests.get(verb, 0) + 1

    def passed(self, sent: int = 0, received: int = 0) -> None:
        """More bytes of bodies sent, or of anything received."""
        with self._lock:
            self._sent += sent
            self._received += received

    def take(self) -> dict:
        """What was counted so far; counting begins anew."""
        with self._lock:
            taken = {"requests": self._requests, "sent": self._sent, "received": self._received}
            self._clear()
        return taken


class Requests:
    """Reads the requests of one client connection and passes them on, one after the other."""

    def __init__(self, client: socket.socket, server: socket.socket, counter: Counter) -> None:
        self._client, self._server, self._counter = client, server, counter
        self._stream = client.makefile("rb", buffering=BLOCK)

    def run(self) -> None:
        """Until the client closes."""
        try:
            while self._one():
                pass
        except OSError:
            pass
        finally:
            _shut(self._server)

    def _one(self) -> bool:
        head = bytearray()
        while True:
            line = self._stream.readline(BLOCK)
            head += line
            if line in (b"", b"\r\n"):
                break
        if not head:
            return False
        self._counter.request(head.split(b" ", 1)[0].decode("ascii", "replace"))
        if self._counter.delay:
            time.sleep(self._counter.delay)
        self._server.sendall(head)
        lines = [line.partition(b":") for line in bytes(head).split(b"\r\n")[1:]]
        fields = {name.strip().lower(): value.strip() for name, _colon, value in lines}
        if b"chunked" in fields.get(b"transfer-encoding", b"").lower():
            self._chunks()
        else:
            self._body(int(fields.get(b"content-length", 0)))
        return True

    def _body(self, left: int) -> None:
        while left > 0:
            block = self._stream.read1(min(left, BLOCK))
            if not block:
                raise ConnectionError("the client closed within a body")
            self._server.sendall(block)
            self._counter.passed(sent=len(block))
            left -= len(block)

    def _chunks(self) -> None:
        while True:
            line = self._stream.readline(1024)
            self._server.sendall(line)
            size = int(line.split(b";")[0], 16)
            self._body(size)
            self._server.sendall(self._stream.readline(1024))
            if size == 0:
                return


def _answers(server: socket.socket, client: socket.socket, counter: Counter) -> None:
    """Pass on everything that the server says, until it closes."""
    block = bytearray(BLOCK)
    view = memoryview(block)
    try:
        while count := server.recv_into(block):
            client.sendall(view[:count])
            counter.passed(received=count)
    except OSError:
        pass
    finally:
        _shut(client)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def _accept(listener: socket.socket, target: tuple[str, int], counter: Counter) -> None:
    while True:
        client, _address = listener.accept()
        try:
            server = socket.create_connection(target)
        except OSError:
            client.close()
            continue
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=Requests(client, server, counter).run, daemon=True).start()
        threading.Thread(target=_answers, args=(server, client, counter), daemon=True).start()


def main() -> int:
    """Serve until standard input ends."""
    host, _colon, port = sys.argv[1].rpartition(":")
    counter = Counter()
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    threading.Thread(target=_accept, args=(listener, (host, int(port)), counter), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    for line in sys.stdin:
        command, _space, value = line.strip().partition(" ")
        if command == "delay":
            counter.delay = float(value)
        print(json.dumps(counter.take() if command == "take" else {}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
