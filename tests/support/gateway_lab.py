# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A home with a state, a fake gateway in it, and a fake service manager around that."""
from __future__ import annotations

import json

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.instance import discover
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway.control import Gateway, open_gateway
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import GatewayOptions, InstanceOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Clock, Context
from support.fake_gateway import TOKEN, FakeGateway
from support.fake_host import State, unit, write
from support.fake_manager import FakeManager


class QuickClock(Clock):
    """Sleeps a tenth of what it is asked and counts all of it."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def elapsed(self) -> float:
        return super().elapsed() + self._ahead

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / 20)
        self._ahead += seconds * 19 / 20


class Lab:
    """One instance with a user unit, its gateway and its manager."""

    def __init__(self, home) -> None:
        self.home = home
        self.state = State(home / ".openclaw")
        self.state.path.mkdir(mode=0o700, parents=True)
        self.gateway = FakeGateway(self.state.path)
        self.gateway.start()
        self.manager = FakeManager(self.gateway)
        self.configure()
        self.user_unit("openclaw-gateway.service")
        self.context = Context(clock=QuickClock(), environment={"HOME": str(home)}, run=self.manager)

    def configure(self, **more) -> None:
        """Write the config: the gateway's port and token, and more."""
        config = {"gateway": {"port": self.gateway.port, "auth": {"mode": "token", "token": TOKEN}}, **more}
        self.state.config(json.dumps(config))

    def user_unit(self, name: str, *lines: str):
        """A unit of this user's."""
        return write(self.home / ".config/systemd/user" / name, unit(*lines), 0o644)

    def open(self, **options) -> Gateway:
        """The gateway as the engine sees it."""
        found = discover(InstanceOptions(instance="test", profile=options.pop("profile", None)), self.context)
        return open_gateway(found, GatewayOptions(**options), self.context)
