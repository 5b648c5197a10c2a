# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A TCP proxy on loopback that cuts, slows down, hangs or resets connections, as told."""
from __future__ import annotations

import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, replace

_PIECE = 16 << 10
_TICK = 0.02  # seconds between looks at whether the proxy is to stop


@dataclass(frozen=True)
class Weather:
    """What happens to connections. Bytes are counted per connection and direction ("up": towards the server).

    refuse: reset a connection at once. cut_after: end it after so many bytes in direction; with reset as RST, else as if
    the sender had finished. hang_after: pass on nothing any more. rate: bytes per second. faults: how many connections
    this happens to; those after that are left alone. None: no limit.
    """

    direction: str = "up"
    refuse: bool = False
    cut_after: int | None = None
    reset: bool = True
    hang_after: int | None = None
    rate: int | None = None
    faults: int | None = None


class FaultProxy:
    """A proxy in front of 127.0.0.1:target. Use as a context manager. connections: how many were made so far."""

    def __init__(self, target: int, weather: Weather = Weather(), host: str = "127.0.0.1") -> None:
        """host: the address to listen at."""
        self._target = target
        self._lock = threading.Lock()
        self._weather = weather
        self._stopping = threading.Event()
        self._listener = socket.create_server((host, 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)  # a slow line holds little
        self._threads: list[threading.Thread] = []
        self.port = self._listener.getsockname()[1]
        self.connections = 0

    def set(self, weather: Weather) -> None:
        """Change the weather for connections that begin a transfer from now on."""
        with self._lock:
            self._weather = weather

    def __enter__(self) -> FaultProxy:
        self._spawn(self._listen)
        return self

    def __exit__(self, *_exception) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _spawn(self, work, *arguments) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        self._listener.settimeout(_TICK)
        while not self._stopping.is_set():
            try:
                client, _address = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            self._spawn(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with client:
            if self._weather.refuse and self._take_fault():
                _reset(client)
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                _reset(client)
                return
            with server:
                try:
                    self._pump(client, server)
                except OSError:
                    _reset(client)

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        ways = {client: (server, "up"), server: (client, "down")}
        passed = {"up": 0, "down": 0}
        while ways and not self._stopping.is_set():
            readable, _writable, _errors = select.select(list(ways), [], [], _TICK)
            for source in readable:
                sink, direction = ways[source]
                data = source.recv(_PIECE)
                if not data:
                    del ways[source]
                    sink.shutdown(socket.SHUT_WR)
                elif not self._pass_on(data, sink, direction, passed):
                    weather = self._weather
                    if weather.reset:
                        _reset(client)
                        _reset(server)
                    return

    def _pass_on(self, data: bytes, sink: socket.socket, direction: str, passed: dict[str, int]) -> bool:
        """Send data on; false if the connection ends here."""
        weather = self._weather
        if weather.direction != direction:
            sink.sendall(data)
            return True
        before, passed[direction] = passed[direction], passed[direction] + len(data)
        if weather.rate:
            time.sleep(len(data) / weather.rate)
        for limit, hang in ((weather.cut_after, False), (weather.hang_after, True)):
            if limit is not None and passed[direction] > limit and self._take_fault():
                sink.sendall(data[:max(0, limit - before)])
                if hang:
                    self._stopping.wait()
                return False
        sink.sendall(data)
        return True

    def _take_fault(self) -> bool:
        with self._lock:
            left = self._weather.faults
            if left is None:
                return True
            self._weather = replace(self._weather, faults=left - 1) if left else Weather()
            return left > 0


def _reset(connection: socket.socket) -> None:
    """Close with RST instead of FIN."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    except OSError:
        pass
