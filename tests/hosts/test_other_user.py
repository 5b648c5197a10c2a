# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An agent comes back as another user's, in another home and profile, beside the original, which goes on as if nothing had happened."""
from __future__ import annotations

import json
import time

import pytest

from hosts.lab.fleet import Fleet, tool
from hosts.lab.gateway import HostedGateway
from support.openclaw.gateway import cron_far_from_now

pytestmark = pytest.mark.long  # a gateway more on the host
INSTANCE, USER, PROFILE, PORT = "moved", "ada", "trial", 19989
SHARED = {"openclaw_backup_storage": {"url": "file:///srv/moved"}, "openclaw_backup_encryption": {"enabled": False}}
JOB = ("--name", "water the plants", "--cron", cron_far_from_now(), "--session", "isolated", "--message", "water the plants")
LIST = "find {} -printf '%p %s %T@ %u %m\\n' | sort"


class Moved:
    """The other user's gateway, as a restore of the original's snapshot left it. result: the tool's."""

    def __init__(self, original: HostedGateway) -> None:
        self.original, self.host = original, original.host
        self.gateway = HostedGateway(self.host, profile=PROFILE, port=PORT, user=USER)
        self.before = self.of_the_original()
        self.result: dict = {}

    def of_the_original(self) -> tuple[int, str]:
        """Its process, and all that is in its workspace."""
        return self.original.process(), self.host.inside("sh", "-c", LIST.format(self.original.workspace)).stdout


@pytest.fixture(scope="module")
def moved(gateways, debian12, tmp_path_factory) -> Moved:
    """One restore for all tests."""
    original = gateways["default"]
    original.command("cron", "add", *JOB, timeout=180)
    for agent in original.agents:  # who never spoke has none yet
        debian12.write(f"{original.workspace_of(agent)}/SOUL.md", "who I am\n", original.user)
    debian12.inside("useradd", "--create-home", "--shell", "/bin/bash", USER)

    def belongs_to(**owner) -> None:
        variables = {**SHARED, "openclaw_backup_instances": [{"name": INSTANCE, **owner}]}
        Fleet([debian12], tmp_path_factory.mktemp("moved"), variables).install_tool()
    belongs_to(user=original.user)
    assert tool(debian12, "now", instance=INSTANCE, check=False)["status"] in ("complete", "omissions")
    made = Moved(original)
    made.gateway.install_unit()
    belongs_to(user=USER, profile=PROFILE, gateway={"start_timeout": 150})
    made.result = tool(debian12, "restore", "latest", "--confirm", debian12.name, "--start", "always", instance=INSTANCE, check=False)
    yield made
    made.gateway.stop()
    debian12.inside("loginctl", "disable-linger", USER)


def jobs(gateway) -> list[dict]:
    """All of its cron jobs, as the gateway has them."""
    return sorted(json.loads(gateway.command("cron", "list", "--all", "--json", timeout=120).stdout)["jobs"], key=lambda job: job["id"])


def test_its_gateway_is_healthy_and_runs_as_its_user(moved):
    assert moved.result["exit_code"] in (0, 3) and moved.result["health"]["state"] == "healthy", moved.result
    assert moved.host.inside("ps", "-o", "user=", "-p", str(moved.gateway.process())).stdout.split() == [USER]


def test_every_cron_job_is_there_with_its_next_run(moved):
    there, here = jobs(moved.gateway), jobs(moved.original)
    assert [(job["id"], job["name"], job["schedule"]) for job in there] == [(job["id"], job["name"], job["schedule"]) for job in here]
    assert "water the plants" in {job["name"] for job in there}
    assert all(job["state"]["nextRunAtMs"] > time.time() * 1000 for job in there if job["enabled"])


def test_nothing_of_roots_and_nothing_of_the_old_home_is_in_it(moved):
    gateway = moved.gateway
    notes = f"{gateway.state_dir}.restore"  # what restores remember, which its user shall not forge
    assert moved.host.inside("find", gateway.home, "-path", notes, "-prune", "-o", "!", "-user", USER, "-print").stdout == ""
    for name in ("openclaw.json", "gateway.systemd.env"):
        assert "/home/agent" not in moved.host.inside("cat", f"{gateway.state_dir}/{name}").stdout
    assert "/home/agent" not in gateway.command("config", "get", "agents", "--json", timeout=120).stdout


def test_the_original_goes_on_untouched(moved):
    assert moved.of_the_original() == moved.before and moved.original.probe("readyz")["ready"]
