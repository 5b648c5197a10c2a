# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fence stops, disables, holds and marks a gateway, says who did that, and is undone to exactly what was before."""
from __future__ import annotations

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway import fence
from support.fake_host import tree

NOW = 1_800_000_000.0


def put_up(gateway, **more):
    return fence.fence(gateway, NOW, **{"reason": "a bigger machine", "moved_to": "vps-08", "by": "ops", **more})


def settings(lab) -> set[str]:
    """What a fence may leave behind in a home; a gateway that runs has its lock there."""
    return {name for name in tree(lab.home) if "/tmp" not in name}


def test_it_is_down_disabled_held_and_marked_and_comes_back_as_it_was(lab):
    gateway, before = lab.open(), settings(lab)
    assert not fence.stands(gateway) and fence.find(gateway.location.state_dir) is None
    made = put_up(gateway)
    assert made.not_prevented == "" and (made.was_running, made.was_enabled) == (True, True)
    assert not lab.gateway.up and lab.manager.unit_file_state == "disabled" and fence.stands(lab.open())
    found = fence.find(gateway.location.state_dir)
    assert found == made and found.at == "2027-01-15T08:00:00Z"
    for word in ("ops", "vps-08", "a bigger machine"):
        assert word in found.sentence
    with pytest.raises(EngineError, match="vps-08") as caught:
        lab.open().start()
    assert caught.value.code == "gateway-gate-closed" and not lab.gateway.up
    assert fence.unfence(lab.open()) == made
    assert lab.gateway.up and lab.manager.unit_file_state == "enabled" and settings(lab) == before


def test_what_was_neither_running_nor_enabled_stays_so(lab):
    gateway = lab.open()
    gateway.stop()
    lab.manager.unit_file_state = "disabled"
    put_up(gateway)
    fence.unfence(lab.open())
    assert not lab.gateway.up and lab.manager.unit_file_state == "disabled"


def test_it_can_be_left_stopped(lab):
    put_up(lab.open())
    fence.unfence(lab.open(), start=False)
    assert not lab.gateway.up and lab.manager.unit_file_state == "enabled" and lab.open().start().word == "healthy"


def test_a_second_time_what_is_missing_is_put_up_and_the_beginning_is_remembered(lab):
    put_up(lab.open())
    lab.manager.unit_file_state = "enabled"
    lab.gateway.start()  # somebody, by hand
    assert not fence.stands(lab.open())
    put_up(lab.open(), reason="still")
    assert fence.stands(lab.open()) and not lab.gateway.up
    fence.unfence(lab.open())
    assert lab.gateway.up and lab.manager.unit_file_state == "enabled"


@pytest.mark.parametrize("place", range(12))
def test_whatever_breaks_off_either_way_can_be_gone_on_with(lab, place):
    """Each command in turn is the one that fails."""
    class Broken(Exception):
        """The end of a process."""

    def run_until(count: int, action) -> None:
        left = [count]

        def on_command(_words):
            left[0] -= 1
            if left[0] < 0:
                raise Broken
        lab.manager.on_command = on_command
        try:
            action(lab.open())
        except Broken:
            pass
        lab.manager.on_command = lambda words: None

    before = settings(lab)
    run_until(place, put_up)
    put_up(lab.open())
    assert fence.stands(lab.open()) and not lab.gateway.up
    run_until(place, fence.unfence)
    fence.unfence(lab.open())
    assert lab.manager.unit_file_state == "enabled" and settings(lab) == before
    if not lab.gateway.up:  # the process ended between the order to start and its answer, and nobody remembers
        assert lab.open().start().word == "healthy"


def test_one_that_cannot_be_stopped_is_not_fenced(lab):
    for path in (lab.home / ".config").rglob("*.service"):
        path.unlink()
    gateway = lab.open()
    with pytest.raises(EngineError) as caught:
        put_up(gateway)
    assert caught.value.code == "gateway-not-controllable" and lab.gateway.up and fence.find(gateway.location.state_dir) is None


def test_a_unit_file_that_is_a_link_elsewhere_is_not_lost(lab, monkeypatch):
    real = lab.home / ".config/systemd/user/openclaw-gateway.service"
    link = lab.home / "elsewhere"
    link.symlink_to(real)
    known = lab.manager._unit_properties
    monkeypatch.setattr(lab.manager, "_unit_properties", lambda name: {**known(name), "FragmentPath": link})
    put_up(lab.open())
    assert lab.manager.unit_file_state == "enabled" and not lab.gateway.up and fence.stands(lab.open())


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"at": 1, "was_running": "yes"}'])
def test_a_marker_that_makes_no_sense_is_a_fence_all_the_same(lab, text):
    gateway = lab.open()
    put_up(gateway)
    (lab.home / ".openclaw.fenced.json").write_text(text)
    assert fence.find(gateway.location.state_dir) is not None and fence.stands(gateway)
    fence.unfence(gateway)
    assert fence.find(gateway.location.state_dir) is None
    gateway.order_start()
    assert lab.gateway.up
