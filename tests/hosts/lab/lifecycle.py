# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make hosts, switch them on and off, remove them."""
from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from support.openclaw import installation

from . import client_files, identity, network, places, rootfs, wheels
from .commands import LabError, run
from .host import Host
from .places import Lab
from .suites import Suite

READY_SECONDS = 90.0
OFF_SECONDS = 30.0
POWER_OFF = signal.SIGRTMIN + 4  # what systemd as PID 1 takes for "power off"
START = Path(__file__).with_name("start-host.sh")

# What systemd in a host may do besides systemd-nspawn's usual: firewalls, and what IPAddressDeny= needs.
NSPAWN = (
    "systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--settings=no", "--link-journal=no", "--resolv-conf=off",
    "--timezone=off", "--capability=CAP_NET_ADMIN,CAP_BPF,CAP_PERFMON", "--system-call-filter=bpf", "--console=pipe")


def bring_up(lab: Lab, wanted: dict[str, Suite]) -> list[Host]:
    """The hosts of these names, running; made if there are none of that name, switched on if they are off."""
    hosts = [_find_or_make(lab, name, suite) for name, suite in wanted.items()]
    client_files.write(lab)
    for host in hosts:
        switch_on(host)
    for host in hosts:
        wait_until_running(host)
    return hosts


def _find_or_make(lab: Lab, name: str, suite: Suite) -> Host:
    existing = Host.all(lab)
    for host in existing:
        if host.name == name:
            return host
    used = {host.number for host in existing}
    host = Host(lab, name, suite, next(n for n in range(places.FIRST_HOST, places.LAST_HOST) if n not in used))
    for part in ("upper", "work", "root"):
        (host.directory / part).mkdir(parents=True)
    (host.directory / "upper").chmod(0o755)
    identity.write(host)
    network.plug_in(name, host.number)
    host.save()
    return host


def switch_on(host: Host) -> None:
    """Start a host that is off; does not wait for it."""
    if host.is_on():
        return
    node, openclaw = installation.directories(places.default_cache())
    binds = ((node, "/opt/node"), (openclaw, "/opt/openclaw"), (wheels.prepare(host.suite), "/srv/wheels"),
             (host.lab.address_table, "/etc/hosts"))
    if os.environ.get(places.EARLIER_VARIABLE) == "1":
        binds += ((installation.earlier(places.default_cache()), "/opt/openclaw-earlier"),)
    host.cgroup.mkdir(parents=True, exist_ok=True)
    with open(host.directory / "console.log", "ab") as log:
        subprocess.Popen(  # ends with the lab, at the latest
            ["unshare", "--mount", "--propagation", "private", START, host.cgroup, host.directory, rootfs.prepare(host.suite),
             *NSPAWN, f"--directory={host.directory}/root", f"--machine={host.name}", f"--hostname={host.name}",
             f"--network-namespace-path={network.NAMESPACES / host.name}", *(f"--bind-ro={here}:{there}" for here, there in binds)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True,
            env={"PATH": os.environ.get("PATH", os.defpath)})
    wait(lambda: host.is_on() or None, 10.0, f"{host.name} did not start: {host.console()}")


def wait_until_running(host: Host) -> None:
    """Until systemd says that all is running, and sshd lets the deploy user in. A unit that failed is an error."""
    def state() -> str | None:
        if not host.is_on():
            raise LabError(f"{host.name} went off while it was starting: {host.console()}")
        if host.init() is None:
            return None
        found = host.inside("systemctl", "is-system-running", check=False).stdout.strip()
        return found if found in ("running", "degraded") else None

    if wait(state, READY_SECONDS, f"{host.name} did not get ready") == "degraded":
        failed = host.inside("systemctl", "list-units", "--failed", "--plain", "--no-legend", check=False).stdout
        raise LabError(f"{host.name} runs, but units failed: {failed.strip()}")
    wait(lambda: host.ssh("true", check=False).returncode == 0 or None, READY_SECONDS, f"{host.name}'s sshd does not answer")


def switch_off(host: Host) -> None:
    """Power off in good order."""
    init = host.init()
    if init is not None:
        os.kill(init, POWER_OFF)
    wait(lambda: not host.is_on() or None, OFF_SECONDS, f"{host.name} did not power off within {OFF_SECONDS:.0f} s")


def remove(host: Host) -> None:
    """End a host at once and forget it with its disk."""
    kill(host)
    remove_cgroup(host.cgroup)
    network.unplug(host.name, host.number)
    shutil.rmtree(host.directory)
    client_files.write(host.lab)


def kill(host: Host) -> None:
    """End every process of a host in the same moment."""
    if host.is_on():
        (host.cgroup / "cgroup.kill").write_text("1", encoding="ascii")
        wait(lambda: not host.is_on() or None, OFF_SECONDS, f"{host.name} has processes that do not end")
        # Linux 6.18 at once kills what systemd 257 starts in a control group that was killed before: it needs new ones.
        remove_cgroup(host.cgroup)


def remove_cgroup(path: Path) -> None:
    """Remove a control group, and those in it, that have no processes any more."""
    run("find", path, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";", check=False)


def wait(found, seconds: float, problem: str):
    """Call found() until it gives something that is not None, and return that. LabError with the problem after so many seconds."""
    deadline = time.monotonic() + seconds
    while (result := found()) is None:
        if time.monotonic() > deadline:
            raise LabError(problem)
        time.sleep(0.03)
    return result
