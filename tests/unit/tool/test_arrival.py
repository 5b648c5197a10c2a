# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""survey and prefetch: what a move looks at, and what it brings over, before anything stops."""
from __future__ import annotations

import json
import socket

import pytest


def test_a_survey_of_the_old_host_tells_how_the_instance_is(backed_up):
    backed_up.state.config(json.dumps({"gateway": {"port": 4321}, "channels": {"whatsapp": {}, "slack": {"enabled": False}}}))
    found = backed_up.run("survey", "--json")
    assert found.status == 0 and found.json["problems"] == [] and found.json["snapshot"] is None
    ground = found.json["ground"]
    assert (ground["state_dir"], ground["state_present"], ground["port"], ground["fence"]) == (str(backed_up.state.path), True, 4321, None)
    assert [one["channel"] for one in found.json["channels"]] == ["whatsapp"]
    assert "survives: usually" in backed_up.run("survey").output


def elsewhere(host, **settings) -> None:
    """The same repository, and an instance that is not there yet."""
    host.configure(state_dir=str(host.directory / "new" / ".openclaw"), **settings)


def problems(done) -> dict:
    return {one["code"]: one["level"] for one in done.json["problems"]}


def test_a_survey_of_the_new_host_says_what_it_lacks(backed_up):
    backed_up.state.config(json.dumps({"channels": {"telegram": {}}}))
    backed_up.run("now")
    elsewhere(backed_up)
    found = backed_up.run("survey", "--arrival", "--json")
    assert found.status == 10 and found.json["error_code"] is None
    assert problems(found)["service-missing"] == "error" and "openclaw-missing" in problems(found)
    assert found.json["snapshot"]["moves"] and found.json["channels"] == []
    assert "error: Nothing is known here" in backed_up.run("survey", "--arrival").output
    (backed_up.directory / "new").mkdir()
    assert backed_up.run("prefetch").status == 0
    assert [one["channel"] for one in backed_up.run("survey", "--arrival", "--json").json["channels"]] == ["telegram"]


def test_commands_of_ones_own_are_a_service(backed_up):
    elsewhere(backed_up, gateway={"start_command": ["true"], "stop_command": ["true"], "status_command": ["false"]})
    assert "service-missing" not in problems(backed_up.run("survey", "--arrival", "--json"))
    elsewhere(backed_up, gateway={"start_command": ["true"], "stop_command": ["true"], "status_command": ["true"]})
    assert problems(backed_up.run("survey", "--arrival", "--json"))["gateway-alive"] == "error"


def test_a_port_that_somebody_else_has_is_seen(backed_up):

    with socket.create_server(("127.0.0.1", 0)) as server:
        backed_up.state.config(json.dumps({"gateway": {"port": server.getsockname()[1]}}))
        backed_up.run("now")
        elsewhere(backed_up)
        (backed_up.directory / "new").mkdir()
        backed_up.run("prefetch")
        assert problems(backed_up.run("survey", "--arrival", "--json"))["port-taken"] == "error"


def test_prefetch_brings_a_snapshot_and_takes_it_away_again(backed_up):
    elsewhere(backed_up)
    done = backed_up.run("prefetch", "--json")
    assert (done.status, done.json["error_code"]) == (16, "path-missing")
    (backed_up.directory / "new").mkdir()
    done = backed_up.run("prefetch", "--json")
    assert done.status == 0 and done.json["changed"] and done.json["bytes_read"] > 0
    assert backed_up.run("prefetch").status == 4
    assert backed_up.run("prefetch", "--discard").status == 0
    assert backed_up.run("prefetch", "--discard").status == 4
    assert list((backed_up.directory / "new").iterdir()) == []


@pytest.mark.parametrize("command", ["survey", "prefetch", "fence", "unfence"])
def test_a_user_that_is_not_there_is_said(backed_up, command):
    backed_up.configure(state_dir=None, user="nobody-knows-him")
    done = backed_up.run(command, "--json")
    assert done.json["error_code"] == "user-unknown" and done.status == 16
