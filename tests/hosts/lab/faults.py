# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can happen to a host: reboot, power cut, hang, a pulled cable, a slow line."""
from __future__ import annotations

from . import lifecycle, network
from .commands import run
from .host import Host

REBOOT_SECONDS = 60.0


def reboot(host: Host) -> None:
    """An orderly reboot, until it is running again."""
    before = host.init()
    host.inside("systemctl", "reboot", check=False)
    wait_for_reboot(host, before)


def wait_for_reboot(host: Host, before: int) -> None:
    """Until a host that was told to reboot is running again. before: what its init() was.

    Nothing is asked inside the host meanwhile: a process that is not systemd's own child may make its shutdown wait in vain.
    """
    lifecycle.wait(lambda: host.init() not in (None, before) or None, REBOOT_SECONDS, f"{host.name} did not reboot: {host.console()}")
    lifecycle.wait_until_running(host)


def power_cut(host: Host) -> None:
    """Every process of the host ends in the same moment, in the middle of whatever it does. Its disk keeps what was written;
    what was written but not synchronised survives, too, since the machine's own memory is not lost."""
    lifecycle.kill(host)


def power_on(host: Host) -> None:
    """Switch it on and wait until it is running."""
    lifecycle.switch_on(host)
    lifecycle.wait_until_running(host)


def freeze(host: Host) -> None:
    """The whole host stands still. Its connections stay open, and nobody answers."""
    (host.cgroup / "machine" / "cgroup.freeze").write_text("1", encoding="ascii")
    events = host.cgroup / "machine" / "cgroup.events"
    lifecycle.wait(lambda: "frozen 1" in events.read_text(encoding="ascii") or None, 10.0, f"{host.name} does not stand still")


def thaw(host: Host) -> None:
    """It goes on."""
    (host.cgroup / "machine" / "cgroup.freeze").write_text("0", encoding="ascii")


def pull_cable(host: Host) -> None:
    """Nothing goes in or out."""
    run("ip", "link", "set", network.port(host.number), "down")


def plug_cable(host: Host) -> None:
    """The network is back."""
    run("ip", "link", "set", network.port(host.number), "up")


def limit_rate(host: Host, kilobits: int | None) -> None:
    """Slow its line down, in both directions, to so many kbit/s; None: as fast as it can."""
    for line in ((network.port(host.number),), ("eth0", host.name)):
        device, namespace = line[0], line[1:]
        tc = ("tc", *(("-n", *namespace) if namespace else ()), "qdisc")
        run(*tc, "delete", "dev", device, "root", check=False)
        if kilobits:
            run(*tc, "add", "dev", device, "root", "tbf", "rate", f"{kilobits}kbit", "burst", "16kb", "latency", "400ms")
