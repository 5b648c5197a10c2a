#!/usr/bin/env python3
# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs on a staging host, as root: sandbox_watcher.py FILE. Goes into the network namespace of every sandbox of a proof as soon as it
is there, reads each packet on every device until the sandbox ends, and adds a line of JSON to the file: what it had, and what went through it.
"""
from __future__ import annotations

import glob
import json
import os
import socket
import struct
import sys
import threading
import time

NETWORK = 0x40000000  # CLONE_NEWNET
EVERY = 0x0300  # ETH_P_ALL, in the network's order of bytes
SANDBOXES = "/sys/fs/cgroup/system.slice/openclaw-verify-*.service/cgroup.procs"
TCP, UDP = 6, 17


def processes(path: str) -> list[int]:
    """Of a unit; none once it has ended."""
    try:
        with open(path, encoding="ascii") as stream:
            return [int(line) for line in stream]
    except OSError:
        return []


def network_of(process: int | str) -> str:
    try:
        return os.readlink(f"/proc/{process}/ns/net")
    except OSError:
        return ""


def describe(packet: bytes) -> dict | None:
    """Where a packet was going. Of TCP only the beginnings of connections count: answers go to ports that mean nothing."""
    if packet[0] >> 4 == 4:
        protocol, to, rest = packet[9], socket.inet_ntop(socket.AF_INET, packet[16:20]), packet[(packet[0] & 15) * 4:]
    else:
        protocol, to, rest = packet[6], socket.inet_ntop(socket.AF_INET6, packet[24:40]), packet[40:]
    port = struct.unpack(">H", rest[2:4])[0] if protocol in (TCP, UDP) else 0
    begins = protocol != TCP or rest[13] & 0x12 == 0x02
    return {"to": to, "protocol": protocol, "port": port if begins else 0}


def look(process: int, found: dict) -> None:
    """What the sandbox's first process is and has, as far as it is still there."""
    try:
        with open(f"/proc/{process}/status", encoding="ascii", errors="replace") as stream:
            lines = dict(line.split(":\t", 1) for line in stream.read().splitlines() if ":\t" in line)
        found["who"] = {name: lines[name].strip() for name in ("Uid", "CapEff", "CapBnd", "NoNewPrivs")}
        found["tree"] = sorted(os.listdir(f"/proc/{process}/root") + os.listdir(f"/proc/{process}/root/etc"))
    except OSError:
        pass


def follow(path: str, process: int, into: str) -> None:
    """Read along until the unit ends."""
    os.setns(os.open(f"/proc/{process}/ns/net", os.O_RDONLY), NETWORK)
    found = {"unit": path.split("/")[-2], "packets": []}
    seen = set()
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, EVERY) as listener:
        listener.settimeout(0.2)
        while True:
            try:
                packet, sender = listener.recvfrom(65535)
                described = json.dumps({"device": sender[0], **describe(packet)})
                if described not in seen:
                    seen.add(described)
                    found["packets"].append(json.loads(described))
            except socket.timeout:
                if not processes(path):
                    break
                look(process, found)
        with open("/proc/thread-self/net/dev", encoding="ascii") as devices, open("/proc/thread-self/net/route", encoding="ascii") as routes:
            found["devices"] = [line.split(":")[0].strip() for line in devices.read().splitlines()[2:]]
            found["routes"] = routes.read().splitlines()[1:]
    with open(into, "a", encoding="ascii") as stream:
        stream.write(json.dumps(found) + "\n")


def main() -> None:
    own, known = network_of("self"), set()
    while True:
        for path in glob.glob(SANDBOXES):
            inside = [process for process in processes(path) if network_of(process) not in ("", own)]
            if path not in known and inside:
                known.add(path)
                threading.Thread(target=follow, args=(path, inside[0], sys.argv[1]), daemon=True).start()
        time.sleep(0.02)


if __name__ == "__main__":
    main()
