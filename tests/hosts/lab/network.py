# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's network: one bridge, whose own end is the controller, and a cable to every host. There is no way out of it."""
from __future__ import annotations

from pathlib import Path

from . import places
from .commands import run

NAMESPACES = Path("/run/netns")
BRIDGE = "hosts0"


def make_bridge() -> None:
    """Make the bridge, in the network namespace of this process."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", BRIDGE, "type", "bridge", "stp_state", "0", "forward_delay", "0")
    run("ip", "link", "set", BRIDGE, "up")
    run("ip", "address", "add", places.CONTROLLER + "/24", "dev", BRIDGE)
    run("ip", "address", "add", places.NETWORK6 + "1/64", "dev", BRIDGE, "nodad")


def port(number: int) -> str:
    """The bridge's end of a host's cable."""
    return f"host{number}"


def plug_in(name: str, number: int) -> None:
    """Give a host a network namespace with one interface, eth0, at the bridge. Both outlive the host's reboots."""
    run("ip", "netns", "add", name)
    run("ip", "link", "add", port(number), "type", "veth", "peer", "name", "eth0", "netns", name)
    run("ip", "link", "set", port(number), "master", BRIDGE, "up")
    run("ip", "-n", name, "link", "set", "lo", "up")
    run("ip", "-n", name, "link", "set", "eth0", "up")
    run("ip", "-n", name, "address", "add", f"{places.NETWORK4}{number}/24", "dev", "eth0")
    run("ip", "-n", name, "address", "add", f"{places.NETWORK6}{number}/64", "dev", "eth0", "nodad")


def unplug(name: str, number: int) -> None:
    """Take the cable and the namespace away."""
    run("ip", "link", "delete", port(number), check=False)
    run("ip", "netns", "delete", name, check=False)
