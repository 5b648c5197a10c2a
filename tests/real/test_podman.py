# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real gateway in a real Podman container: it is found by what it mounts, suspended, stopped and started."""
from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway.control import open_gateway
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import GatewayOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import CommandResult
from support.backup_host import BackupHost
from support.openclaw.gateway import READY_SECONDS
from support.podman import Podman, installed

pytestmark = pytest.mark.long

BESIDE = 1.0  # seconds: what a backup may add to the gateway's own drain, or to its stop and start
NAME = "openclaw-gateway"
WITHOUT_SYSTEMD = GatewayOptions(dead_man_timeout=0)  # no timer can be made here that would start it again


@pytest.fixture
def contained(openclaw_gateway, openclaw_cache, tmp_path_factory):
    """The gateway of the other tests, moved into a container for this one: its home, and the way to Podman."""
    if os.geteuid() != 0:
        pytest.skip("Podman's own namespace needs root")
    original = openclaw_gateway.openclaw
    original.stop()
    with Podman(installed(openclaw_cache), tmp_path_factory.mktemp("podman")) as podman:
        podman.run(NAME, ["openclaw", "gateway", "run"], [original.home, openclaw_cache], original.environment())
        deadline = time.monotonic() + READY_SECONDS
        while not original.probe("readyz").get("ready"):
            assert time.monotonic() < deadline, podman.command("logs", NAME)[-3000:]
            time.sleep(0.2)
        yield podman
    original.start()


@pytest.fixture
def host(openclaw_gateway, contained, tmp_path):
    """The gateway's home as a host that has Podman."""
    path = f"{contained.path}:{os.environ['PATH']}"

    def run(argv, timeout=60.0):
        try:
            done = subprocess.run(argv, env={"PATH": path}, capture_output=True, text=True, timeout=timeout, check=False)
        except FileNotFoundError:
            return CommandResult(127, "", "no such command")
        return CommandResult(done.returncode, done.stdout, done.stderr)
    made = BackupHost(tmp_path, home=Path(openclaw_gateway.openclaw.home))
    made.context.run = run
    return made


def test_a_gateway_in_a_container_is_found_suspended_stopped_and_started(openclaw_gateway, contained, host):
    gateway = open_gateway(host.choose().source.instance, WITHOUT_SYSTEMD, host.context)
    found = gateway.report().to_dict()
    assert (found["kind"], found["unit"], found["state"], found["health"]["state"]) == ("container", NAME, "running", "healthy")
    assert found["pid"] and found["enabled"]

    suspended = host.back_up(consistency="suspend", on_busy="fail", force=True, gateway=WITHOUT_SYSTEMD)
    assert suspended["consistency"] == "suspend" and suspended["downtime_s"] <= suspended["drain_s"] + BESIDE, suspended
    assert gateway.report().to_dict()["pid"] == found["pid"]

    stopped = host.back_up(consistency="stop", force=True, gateway=WITHOUT_SYSTEMD)
    print("measured:", {key: stopped[key] for key in ("downtime_s", "stop_s", "start_s")})
    assert stopped["consistency"] == "stop" and stopped["downtime_s"] <= stopped["stop_s"] + stopped["start_s"] + BESIDE, stopped
    assert stopped["omissions"] == []
    again = gateway.report().to_dict()
    assert again["state"] == "running" and again["pid"] not in (None, found["pid"]) and openclaw_gateway.openclaw.probe("readyz")["ready"]

    gateway.stop()
    assert contained.command("ps", "--quiet").strip() == "" and gateway.fully_stopped()
    gateway.start()
