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
from support.openclaw.gateway import READY_SECONDS, OpenClaw
from support.openclaw.model_server import ModelServer
from support.podman import Podman, installed

pytestmark = pytest.mark.long

BESIDE = 1.0  # seconds: what a backup may add to the gateway's own drain, or to its stop and start
NAME = "openclaw-gateway"
WITHOUT_SYSTEMD = GatewayOptions(dead_man_timeout=0)  # no timer can be made here that would start it again


@pytest.fixture
def openclaw(openclaw_cache, tmp_path):
    """An OpenClaw that was set up and never started."""
    with ModelServer() as models:
        made = OpenClaw(str(tmp_path / "home"), openclaw_cache)
        made.onboard(models.url)
        yield made


@pytest.fixture
def podman(openclaw, openclaw_cache, tmp_path):
    """Its gateway runs in a container, which mounts the state as OpenClaw's own compose file does."""
    if os.geteuid() != 0:
        pytest.skip("Podman's own namespace needs root")
    with Podman(installed(openclaw_cache), tmp_path / "podman") as made:
        made.run(NAME, ["openclaw", "gateway", "run"], [openclaw.home, openclaw.state_dir, openclaw_cache], openclaw.environment())
        deadline = time.monotonic() + READY_SECONDS
        while not openclaw.probe("readyz").get("ready"):
            assert time.monotonic() < deadline, made.command("logs", NAME)[-3000:]
            time.sleep(0.2)
        yield made


@pytest.fixture
def host(openclaw, podman, tmp_path):
    """Its home as a host that has Podman."""
    path = f"{podman.path}:{os.environ['PATH']}"

    def run(argv, timeout=60.0):
        try:
            done = subprocess.run(argv, env={"PATH": path}, capture_output=True, text=True, timeout=timeout, check=False)
        except FileNotFoundError:
            return CommandResult(127, "", "no such command")
        return CommandResult(done.returncode, done.stdout, done.stderr)
    made = BackupHost(tmp_path, home=Path(openclaw.home))
    made.context.run = run
    return made


def test_a_gateway_in_a_container_is_found_suspended_stopped_and_started(openclaw, podman, host):
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
    assert again["state"] == "running" and again["pid"] not in (None, found["pid"]) and openclaw.probe("readyz")["ready"]

    gateway.stop()
    assert podman.command("ps", "--quiet").strip() == "" and gateway.fully_stopped()
    gateway.start()
