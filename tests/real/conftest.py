# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real OpenClaw for tests: a gateway on loopback whose agents talk to a model server of ours."""
from __future__ import annotations

import runpy
from dataclasses import dataclass
from pathlib import Path

import pytest

runpy.run_path(str(Path(__file__).resolve().parents[1] / "unit" / "conftest.py"))  # makes the collection importable

from support.openclaw import installation  # noqa: E402
from support.openclaw.gateway import OpenClaw, cron_far_from_now  # noqa: E402
from support.openclaw.model_server import ModelServer  # noqa: E402


def pytest_collection_modifyitems(items) -> None:
    """Everything here needs the real OpenClaw."""
    for item in items:
        if Path(__file__).parent in Path(str(item.path)).parents:
            item.add_marker(pytest.mark.real)


@dataclass(frozen=True)
class RunningGateway:
    """A gateway in use. outside: the workspace of the agent "work", beside the state directory."""

    openclaw: OpenClaw
    models: ModelServer
    outside: Path


@pytest.fixture(scope="session")
def openclaw_cache() -> str:
    """Where OpenClaw is installed, once; a minute and 840 MB the first time."""
    cache = installation.default_cache()
    installation.search_path(cache)
    return cache


@pytest.fixture(scope="session")
def openclaw_gateway(tmp_path_factory, openclaw_cache):
    """A running gateway with two agents, one of them with a workspace outside the state, sessions and cron jobs.

    A test that stops it starts it again.
    """
    with ModelServer() as models:
        home = tmp_path_factory.mktemp("gateway") / "home"
        instance = OpenClaw(str(home), openclaw_cache)
        instance.onboard(models.url)
        outside = home / "work-area"
        instance.add_agent("work", str(outside))
        instance.start()
        try:
            instance.say("main", "remember the blue door")
            instance.say("work", "what is to be done?")
            instance.add_cron_job("nightly", "main", cron_far_from_now(), "write the nightly note")
            instance.add_cron_job("weekly", "work", cron_far_from_now("1"), "write the weekly report")
            yield RunningGateway(instance, models, outside)
        finally:
            instance.kill()
