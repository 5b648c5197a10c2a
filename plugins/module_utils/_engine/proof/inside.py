# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Connections into a network namespace that nothing leads into: made there, then used from here."""
from __future__ import annotations

import ctypes
import os
import socket
import threading

_NETWORK = 0x40000000  # CLONE_NEWNET


def open_connection(process: int, host: str, port: int, timeout: float) -> socket.socket:
    """A TCP connection inside the network namespace of a process. Needs root. OSError.

    A thread of its own enters the namespace and ends there; a socket belongs for good to the namespace that it was made in.
    """
    made: list[socket.socket] = []
    failed: list[OSError] = []

    def connect() -> None:
        try:
            _enter(process)
            made.append(socket.create_connection((host, port), timeout))
        except OSError as exc:
            failed.append(exc)
    thread = threading.Thread(target=connect, name="inside")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]


def _enter(process: int) -> None:
    descriptor = os.open(f"/proc/{process}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, _NETWORK):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(descriptor)
