# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A staging host for tests: its systemd and its OpenClaw are made up, so that each can be made to fail. tests/hosts has real ones.

Commands of the sandbox answer as OpenClaw 2026.9.6 does. A throw-away place is a directory, whatever it is asked to be.
"""
from __future__ import annotations

import json
import socket
from pathlib import Path

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import CommandResult
from support.fake_gateway import FakeGateway


class StagedGateway(FakeGateway):
    """Asks for no secret, and knows agents and sessions."""

    def __init__(self, state_dir: Path) -> None:
        super().__init__(state_dir)
        self.agents, self.sessions = ["main"], 0

    def answer(self, method: str, parameters: dict) -> dict:
        self.calls.append((method, parameters))
        if method == "agents.list":
            return {"ok": {"agents": [{"id": agent} for agent in self.agents]}}
        if method == "sessions.list":
            return {"ok": {"sessions": [], "totalCount": self.sessions}}
        return {"ok": {"type": "hello-ok"}} if method == "connect" else super().answer(method, parameters)


class FakeStaging:
    """config, schema: what OpenClaw finds. dies: status with which the gateway ends at once, so many times. log: what it says then.

    commands: all that was run. die_at: raises KeyboardInterrupt when a command holds this word, as a signal would.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.gateway = StagedGateway(directory / "fake")
        self.config, self.schema, self.dies, self.log = {"valid": True, "issues": []}, 18, None, ""
        self.times = 99
        self.commands: list[list[str]] = []
        self.die_at = ""
        self.released: list[str] = []

    def install(self, version: str = "2026.9.6") -> Path:
        """An OpenClaw in a directory of releases, which is given."""
        package = self.directory / "programs" / version / "node_modules" / "openclaw"
        package.mkdir(parents=True)
        (package / "package.json").write_text(json.dumps({"name": "openclaw", "version": version, "bin": {"openclaw": "openclaw.mjs"}}))
        node = package.parent / ".bin" / "node"
        node.parent.mkdir()
        node.write_text("#!/bin/sh\n")
        node.chmod(0o755)
        return self.directory / "programs"

    def run(self, argv: list[str], timeout: float = 60.0) -> CommandResult:
        """What the engine is handed to run commands with."""
        self.commands.append(argv)
        if self.die_at and self.die_at in argv:
            raise KeyboardInterrupt
        if argv[0] == "systemd-run":
            return self._openclaw(argv) if "--wait" in argv else self._start(argv)
        if argv[:2] == ["systemctl", "show"]:
            alive = self.gateway.up
            lines = {"ActiveState": "active" if alive else "failed", "MainPID": 1 if alive else 0, "Result": "exit-code",
                     "ExecMainStatus": self.dies or 0}
            return CommandResult(0, "".join(f"{name}={value}\n" for name, value in lines.items()), "")
        if argv[:2] == ["systemctl", "stop"]:
            self.gateway.stop()
        return CommandResult(0, "", "")

    def _openclaw(self, argv: list[str]) -> CommandResult:
        if "validate" in argv:
            return CommandResult(0 if self.config["valid"] else 1, json.dumps(self.config), "")
        newer = self.schema > 18
        found = {"status": "incompatible" if newer else "exact", "foundVersion": self.schema, "targetVersion": 18, "issues": []}
        return CommandResult(int(newer), json.dumps(found), "")

    def _start(self, argv: list[str]) -> CommandResult:
        if self.dies is None or not self.times:
            self.gateway.start()
        else:
            self.times -= 1
            log = next(word for word in argv if word.startswith("--property=StandardOutput=append:")).rpartition("append:")[2]
            Path(log).write_text(self.log)
        return CommandResult(0, "", "")

    def connect(self, _process: int, host: str, _port: int, timeout: float) -> socket.socket:
        """Instead of a connection into the namespace."""
        return socket.create_connection((host, self.gateway.port), timeout)
