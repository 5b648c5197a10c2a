# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenClaw in containers is found by the files that start it, and its paths are led back to the host."""
from __future__ import annotations

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.accounts import find_account
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.containers import find_containers, to_host
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.instance import discover
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import InstanceOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from support.fake_host import FakeHost, write

COMPOSE = """
services:
  openclaw-gateway:
    image: ${OPENCLAW_IMAGE:-openclaw:local}
    env_file:
      - ./gateway.env
    environment:
      HOME: /home/node
      OPENCLAW_GATEWAY_TOKEN: ${OPENCLAW_GATEWAY_TOKEN}
    volumes:
      - ${OPENCLAW_CONFIG_DIR}:/home/node/.openclaw
      - "${OPENCLAW_WORKSPACE_DIR:-./ws}:/home/node/.openclaw/workspace:rw"
      - type: bind
        source: /srv/secrets
        target: /home/node/.config/openclaw
      - cache:/var/cache/thing
    ports:
      - "18789:18789"
"""


@pytest.fixture
def host(tmp_path):
    made = FakeHost(tmp_path.resolve() / "host")
    made.user("claw", 1000)
    return made


def containers(host):
    return find_containers(find_account("claw", str(host.root)), str(host.root), "crab")


def look(host):
    return discover(InstanceOptions(user="claw"), Context(), root=str(host.root))


def test_a_compose_project(host):
    project = host.place("/home/claw/openclaw")
    write(project / "docker-compose.yml", COMPOSE)
    write(project / ".env", "OPENCLAW_CONFIG_DIR=/home/claw/state\nOPENCLAW_GATEWAY_TOKEN=made-up\n")
    write(project / "gateway.env", "EXTRA=1\n")
    [found] = containers(host)
    assert found.mounts == [
        ("/home/node/.openclaw", str(host.place("/home/claw/state"))), ("/home/node/.openclaw/workspace", str(project / "ws")),
        ("/home/node/.config/openclaw", str(host.place("/srv/secrets")))]
    assert found.environment == {"HOME": "/home/node", "OPENCLAW_GATEWAY_TOKEN": "made-up", "EXTRA": "1"}
    assert found.environment_files == [str(project / ".env"), str(project / "gateway.env")]


def test_the_instance_of_a_compose_project_is_on_the_host(host):
    project = host.place("/home/claw/openclaw")
    write(project / "docker-compose.yml", COMPOSE)
    write(project / ".env", "OPENCLAW_CONFIG_DIR=/home/claw/state\nOPENCLAW_WORKSPACE_DIR=/srv/ws\n")
    state = host.state("/home/claw/state").database_first()
    state.workspace(host.place("/srv/ws"))
    state.config("""{agents: {defaults: {workspace: "/home/node/.openclaw/workspace"}},
        channels: {t: {tokenFile: "~/.config/openclaw/t"}}}""")
    write(host.place("/srv/secrets/t"), "made-up")
    host.place("/srv/secrets").chmod(0o755)
    host.place("/srv/secrets/t").chmod(0o644)
    found = look(host)
    assert found.state_dir == str(host.place("/home/claw/state")) and found.unit == f"compose project {project}"
    by_role = {root.role: root.path for root in found.roots}
    assert by_role["workspace"] == str(host.place("/srv/ws")) and by_role["auxiliary"] == str(host.place("/srv/secrets"))
    assert by_role["unit"] == str(project / "docker-compose.yml")
    assert {root.path for root in found.roots if root.role == "environment"} == {str(state.path / ".env"), str(project / ".env")}
    assert str(host.place("/srv/secrets/t")) in [root.path for root in found.roots if root.role == "credentials"]
    assert not [finding.code for finding in found.findings if finding.code != "environment-file-missing"]


def test_a_quadlet(host):
    quadlet = write(host.place("/home/claw/.config/containers/systemd/openclaw.container"), """
[Container]
Image=ghcr.io/openclaw/openclaw:latest
Volume=%h/.openclaw:/home/node/.openclaw:Z
Volume=named:/data
Environment=HOME=/home/node
EnvironmentFile=%h/.openclaw/.env
""")
    state = host.state("/home/claw/.openclaw").database_first("main", "work")
    state.workspace()
    state.workspace(state.path / "work")
    state.config('{"agents": {"entries": {"main": {}, "work": {"workspace": "/home/node/.openclaw/work"}}}}')
    found = look(host)
    assert (found.unit, found.state_dir) == ("openclaw.service", str(state.path))
    assert {root.path: root.agent for root in found.roots if root.role == "workspace"} == {
        str(state.path / "workspace"): "main", str(state.path / "work"): "work"}
    assert str(quadlet) in [root.path for root in found.roots if root.role == "unit"]


def test_other_containers_are_not_openclaw(host):
    write(host.place("/home/claw/.config/containers/systemd/web.container"), "[Container]\nImage=nginx\n")
    write(host.place("/opt/openclaw/compose.yml"), "services:\n  web:\n    image: nginx\n")
    assert containers(host) == []


def test_paths_are_led_back_by_the_longest_mount():
    mounts = [("/home/node/.openclaw", "/a"), ("/home/node/.openclaw/workspace", "/b")]
    assert to_host("/home/node/.openclaw/workspace/x", mounts) == "/b/x"
    assert to_host("/home/node/.openclaw", mounts) == "/a"
    assert to_host("/home/node/.openclaw-other", mounts) is None
