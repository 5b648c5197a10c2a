# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of each channel before a move."""
from __future__ import annotations

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.channels import NO, UNKNOWN, USUALLY, YES, expectations


def of(name: str, settings=None, **options):
    [found] = expectations({"channels": {name: settings or {}}}, **options)
    return found


def test_a_linked_session_survives_if_the_old_gateway_never_runs_again():
    found = of("whatsapp", {"accounts": {"work": {}, "home": {}}})
    assert (found.survives, found.accounts) == (USUALLY, ("work", "home"))
    assert "never runs again" in found.why and "24 to 72 hours" in found.if_not and "channels login" in found.if_not


def test_an_old_snapshot_of_a_linked_session_promises_nothing():
    assert of("whatsapp", stale=True).survives == UNKNOWN
    assert "unreadable" in of("matrix", stale=True).why


def test_matrix_says_what_to_look_at():
    found = of("matrix")
    assert found.survives == USUALLY and "must not run twice" in found.why and "recovery key" in found.if_not


@pytest.mark.parametrize("name", ["telegram", "discord", "slack", "irc"])
def test_a_token_moves(name):
    assert of(name).survives == YES and "public address" not in of(name).if_not


@pytest.mark.parametrize("name, settings", [
    ("telegram", {"webhookUrl": "https://x"}), ("slack", {"mode": "http"}), ("feishu", {"accounts": {"a": {"connectionMode": "webhook"}}}),
    ("msteams", {}), ("line", {})])
def test_a_service_that_calls_the_gateway_has_to_find_it(name, settings):
    assert "public address" in of(name, settings).if_not


@pytest.mark.parametrize("name", ["signal", "imessage"])
def test_what_lies_outside_of_the_state_does_not_move(name):
    assert of(name).survives == NO


def test_what_is_switched_off_is_left_out_and_what_is_unknown_is_said_to_be():
    found = expectations({"channels": {"defaults": {"x": 1}, "slack": {"enabled": False}, "pigeon": {}}})
    assert [(one.channel, one.survives) for one in found] == [("pigeon", UNKNOWN)]


def test_a_token_in_the_environment_is_a_channel_too():
    assert [one.channel for one in expectations({}, {"TELEGRAM_BOT_TOKEN": "x"})] == ["telegram"]
    assert expectations({"channels": {"telegram": {"enabled": False}}}, {"TELEGRAM_BOT_TOKEN": "x"}) == []


@pytest.mark.parametrize("config", [{}, {"channels": None}, {"channels": []}, {"channels": {"telegram": 1}}, {"channels": {"slack": {"accounts": 1}}}])
def test_odd_configs_do_no_harm(config):
    assert all(one.to_dict()["accounts"] == ["default"] for one in expectations(config))
