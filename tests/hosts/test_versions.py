# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two real releases of OpenClaw, with databases of different schemas: an agent is updated, cannot go back by an update, and goes back
by a restore that brings version and state together."""
from __future__ import annotations

import json
import os

import pytest

from hosts.lab import places
from hosts.lab.fleet import Fleet, tool
from hosts.lab.gateway import SETTINGS, HostedGateway
from hosts.lab.programs import Programs, hand_over
from support.openclaw.installation import EARLIER_VERSION, OPENCLAW_VERSION

VARIABLES = {
    "openclaw_backup_storage": {"url": "file:///srv/version-tests"}, "openclaw_backup_encryption": {"enabled": False},
    "openclaw_backup_instances": [{"name": "assistant", "user": "agent", "gateway": {"start_timeout": 240}}],
}


@pytest.mark.long
def test_an_update_a_way_back_that_is_refused_and_one_that_is_not(spare_host, lab, tmp_path):
    assert os.environ.get(places.EARLIER_VARIABLE) == "1", f"set {places.EARLIER_VARIABLE}=1 around the lab: make long does"
    host = spare_host("debian12")
    gateway = HostedGateway(host)
    host.inside("runuser", "-u", gateway.user, "--", "mkdir", "-m", "0700", gateway.state_dir)
    host.write(f"{gateway.state_dir}/openclaw.json", json.dumps(gateway.configuration()), gateway.user, "0600")
    host.write(f"{gateway.state_dir}/gateway.systemd.env", SETTINGS, gateway.user, "0600")
    gateway.install_unit()
    programs = Programs(gateway, tmp_path, {
        EARLIER_VERSION: hand_over("/opt/openclaw-earlier/node_modules/openclaw/dist/index.js"), OPENCLAW_VERSION: hand_over()})
    gateway.start()
    gateway.wait_until_ready()
    Fleet([host], tmp_path, VARIABLES).install_tool()

    def running() -> tuple[str, int]:
        """(the version that answers, the schema of its database)."""
        assert gateway.probe("readyz")["ready"]
        return gateway.probe("startupz").get("version") or programs.version(), gateway.schema()

    host.write(f"{gateway.workspace}/notes.md", "then", gateway.user)
    then = running()
    assert then[0] == EARLIER_VERSION

    updated = tool(host, "update", "--to", programs.archive(OPENCLAW_VERSION), check=False)
    assert (updated["from"], updated["to"], updated["health"]["version"]) == (EARLIER_VERSION, OPENCLAW_VERSION, OPENCLAW_VERSION), updated
    now = running()
    assert now[1] > then[1], "the later one migrates the database"
    host.write(f"{gateway.workspace}/notes.md", "now", gateway.user)

    refused = tool(host, "update", "--to", programs.archive(EARLIER_VERSION), check=False)
    assert refused["error_code"] == "update-undone", refused
    assert running() == now and host.inside("cat", f"{gateway.workspace}/notes.md").stdout == "now"
    kept = tool(host, "restore", updated["snapshot"], "--confirm", host.name, "--version", "refuse", check=False)
    assert kept["error_code"] == "version-differs" and running() == now

    back = tool(host, "restore", updated["snapshot"], "--confirm", host.name, "--version", "install", check=False)
    assert back["status"] in ("complete", "omissions") and back["plan"]["versions"]["installs"] == EARLIER_VERSION, back
    assert running() == then and host.inside("cat", f"{gateway.workspace}/notes.md").stdout == "then"
    newest = back["pre_restore_snapshot"]
    late = tool(host, "restore", newest, "--confirm", host.name, check=False)
    assert late["error_code"] == "openclaw-refuses-state", late
    assert running() == then and not programs.left_over()
