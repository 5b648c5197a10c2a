# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every path and owner of a snapshot has its place on a host with another user, home, profile or state directory."""
from __future__ import annotations

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.accounts import Account
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.locate import Location
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.placement import place


def captured(home="/home/claw", profile=None, state="", config="", roots=()):
    """The meta section of a snapshot, as far as a placement reads it. roots: (path, role)."""
    state = state or (f"{home}/.openclaw-{profile}" if profile else f"{home}/.openclaw")
    listed = [{"path": state, "role": "state", "agent": None}, *({"path": path, "role": role, "agent": None} for path, role in roots)]
    return {"roots": listed, "instance": {
        "user": "claw", "uid": 1000, "gid": 1000, "home": home, "profile": profile, "state_dir": state,
        "config_path": config or f"{state}/openclaw.json"}}


def here(home="/home/claw", profile=None, state="", config="", user="claw", uid=1000):
    """A target."""
    state = state or (f"{home}/.openclaw-{profile}" if profile else f"{home}/.openclaw")
    return Location(Account(user, uid, uid, home), home, profile, state, config or f"{state}/openclaw.json")


def test_the_same_place_moves_nothing():
    placement = place(captured(roots=[("/srv/work", "workspace")]), here())
    assert placement.same and placement.moves == () and placement.unmoved == ()
    assert placement.path("/home/claw/.openclaw/openclaw.json") == "/home/claw/.openclaw/openclaw.json"


def test_another_user_and_home():
    placement = place(captured(), here("/home/crab", user="crab", uid=1007))
    assert placement.moves == (("/home/claw", "/home/crab"),)  # the state directory and the config are below it
    assert placement.path("/home/claw/.openclaw/state/openclaw.sqlite") == "/home/crab/.openclaw/state/openclaw.sqlite"
    assert placement.path("/home/clawdia/x") == "/home/clawdia/x"
    assert placement.path("relative/name") == "relative/name"
    assert placement.owner(1000, 1000) == (1007, 1007)
    assert placement.owner(33, 1000) == (33, 1007)
    assert placement.owner(0, 0) == (0, 0)


def test_an_agent_of_roots_becomes_its_new_users():
    meta = captured("/root")
    meta["instance"].update(user="root", uid=0, gid=0)
    placement = place(meta, here("/home/crab", user="crab", uid=1007))
    assert placement.owner(0, 0) == (1007, 1007)


def test_another_state_directory_takes_precedence_over_the_home():
    placement = place(captured(), here("/home/crab", state="/srv/openclaw"))
    assert placement.moves == (("/home/claw/.openclaw", "/srv/openclaw"), ("/home/claw", "/home/crab"))
    assert placement.path("/home/claw/.openclaw/workspace") == "/srv/openclaw/workspace"
    assert placement.path("/home/claw/notes") == "/home/crab/notes"


def test_a_profile_takes_its_workspace_along_that_lies_in_another_instances_state():
    placement = place(captured(profile="rescue", roots=[("/home/claw/.openclaw/workspace-rescue", "workspace")]), here(profile="trial"))
    assert placement.path("/home/claw/.openclaw-rescue/openclaw.json") == "/home/claw/.openclaw-trial/openclaw.json"
    assert placement.path("/home/claw/.openclaw/workspace-rescue/SOUL.md") == "/home/claw/.openclaw/workspace-trial/SOUL.md"
    assert placement.path("/home/claw/.openclaw/openclaw.json") == "/home/claw/.openclaw/openclaw.json"
    assert placement.unmoved == ()


def test_the_default_profile_becomes_another_and_back():
    placement = place(captured(), here(profile="trial"))
    assert placement.path("/home/claw/.openclaw/workspace/SOUL.md") == "/home/claw/.openclaw-trial/workspace/SOUL.md"
    back = place(captured(profile="trial", roots=[("/home/claw/.openclaw/workspace-trial", "workspace")]), here())
    assert back.path("/home/claw/.openclaw/workspace-trial/SOUL.md") == "/home/claw/.openclaw/workspace/SOUL.md"


def test_what_keeps_its_path_although_the_instance_moves_is_named_and_can_be_moved():
    meta = captured(roots=[("/srv/work", "workspace"), ("/home/claw/.config/openclaw", "auxiliary")])
    assert place(meta, here(profile="trial")).unmoved == ("/srv/work",)
    moved = place(meta, here(profile="trial"), (("/srv/work/", "/srv/trial"),))
    assert moved.unmoved == () and moved.path("/srv/work/a") == "/srv/trial/a"


def test_what_the_caller_says_counts_most_also_that_something_stays():
    placement = place(captured(), here("/home/crab"), (("/home/claw/shared", "/home/claw/shared"),))
    assert placement.path("/home/claw/shared/a") == "/home/claw/shared/a"
    assert placement.path("/home/claw/b") == "/home/crab/b"


def test_a_config_elsewhere_takes_its_copies_and_includes_along():
    meta = captured(config="/etc/openclaw/oc.json", roots=[("/etc/openclaw/agents.json5", "include")])
    placement = place(meta, here())
    assert placement.path("/etc/openclaw/oc.json") == "/home/claw/.openclaw/openclaw.json"
    assert placement.path("/etc/openclaw/oc.json.last-good") == "/home/claw/.openclaw/openclaw.json.last-good"
    assert placement.path("/etc/openclaw/agents.json5") == "/home/claw/.openclaw/agents.json5"
    assert placement.path("/etc/openclaw/other") == "/etc/openclaw/other"
    back = place(captured(), here(config="/etc/openclaw/oc.json"))
    assert back.path("/home/claw/.openclaw/openclaw.json.bak.1") == "/etc/openclaw/oc.json.bak.1"
    assert back.path("/home/claw/.openclaw/state") == "/home/claw/.openclaw/state"


def test_a_state_directory_that_was_a_link_moves_with_what_it_led_to():
    meta = captured()
    meta["roots"][0]["path"] = "/data/oc"
    placement = place(meta, here("/home/crab"))
    assert placement.path("/data/oc/openclaw.json") == "/home/crab/.openclaw/openclaw.json"
    assert place(meta, here()).same


@pytest.mark.parametrize("moves", [(("work", "/srv/b"),), (("/srv/a", "b"),), (("/srv/a", "/srv/b\0"),)])
def test_a_move_must_be_absolute(moves):
    with pytest.raises(EngineError) as raised:
        place(captured(), here(), moves)
    assert raised.value.code == "path-relative"


@pytest.mark.parametrize("home", ["home/claw", "", "/home/../etc", "/home/claw/"])
def test_a_snapshot_that_says_nonsense_about_its_instance_is_refused(home):
    with pytest.raises(EngineError) as raised:
        place(captured(home, state="/srv/x"), here())
    assert raised.value.code == "repository-damaged"


def test_a_unit_is_called_after_its_profile():
    units = [("/home/claw/.config/systemd/user/openclaw-gateway.service", "unit"),
             ("/home/claw/.config/systemd/user/openclaw-gateway.service.d/mine.conf", "unit"),
             ("/home/claw/.config/systemd/user/openclaw-node.service", "unit")]
    placement = place(captured(roots=units), here("/home/crab", "trial"))
    assert [placement.path(path) for path, _role in units] == [
        "/home/crab/.config/systemd/user/openclaw-gateway-trial.service",
        "/home/crab/.config/systemd/user/openclaw-gateway-trial.service.d/mine.conf",
        "/home/crab/.config/systemd/user/openclaw-node.service"]
    back = place(captured(profile="trial", roots=[("/etc/systemd/system/openclaw-gateway-trial.service", "unit")]), here())
    assert back.path("/etc/systemd/system/openclaw-gateway-trial.service") == "/etc/systemd/system/openclaw-gateway.service"
    assert place(captured(roots=[("/etc/systemd/system/openclaw.service", "unit")]), here(profile="trial")).unmoved == (
        "/etc/systemd/system/openclaw.service",)
