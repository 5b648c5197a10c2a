# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Service managers for tests, as a runner of commands: systemctl, systemd-run, docker and podman around one fake gateway."""
from __future__ import annotations

import json
import subprocess

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import CommandResult
from support.fake_gateway import FakeGateway

OK = CommandResult(0, "", "")


class FakeManager:
    """Runs commands on a host with one gateway. commands: what was run, without what reaches another user.

    patience: looks at the unit until a stop is done; None: never. start_fails: it does not come up. load: its unit's state of
    being loaded. journal: what the unit has said. container: its name, where the gateway runs in one. on_command: called before each command, and may raise.
    """

    def __init__(self, gateway: FakeGateway, unit: str = "openclaw-gateway.service") -> None:
        self.gateway, self.unit = gateway, unit
        self.commands: list[list[str]] = []
        self.reached: list[list[str]] = []
        self.timers: dict[str, list[str]] = {}
        self.patience: int | None = 0
        self.start_fails, self.no_timers, self.load, self.failed = False, False, "loaded", False
        self.journal = ""
        self.container: str | None = None
        self.container_fields: dict = {}
        self.custom_status_code: int | None = None
        self.on_command = lambda words: None
        self.unit_file_state = "enabled"
        self._stopping: int | None = None

    def __call__(self, argv: list[str], timeout: float = 60.0) -> CommandResult:
        words = list(argv)
        reach = []
        if words[0] == "runuser":
            reach, words = words[:4], words[4:]
        if words[0] == "env":
            reach, words = reach + words[:2], words[2:]
        self.reached.append(reach)
        self.commands.append(words)
        self.on_command(words)
        plain = [word for word in words if word not in ("--user", "--no-block")]
        handler = {"sh": self._shell, "systemctl": self._systemctl, "systemd-run": self._systemd_run, "docker": self._docker,
                   "podman": self._no_engine, "journalctl": lambda *_words: CommandResult(0, self.journal, ""), "start-it": self._start, "stop-it": self._stop, "is-it-up": self._is_up}[plain[0]]
        return handler(*(words if words[0] in ("systemd-run", "sh") else plain)[1:])

    def ran(self, *words: str) -> bool:
        """Whether a command with these words was run."""
        return any(set(words) <= set(command) for command in self.commands)

    def place(self, *words: str) -> int:
        """When it was, as a number that grows; an error if never."""
        return next(place for place, command in enumerate(self.commands) if set(words) <= set(command))

    def fire_timers(self) -> None:
        """What the manager does once their time has come."""
        for words in list(self.timers.values()):
            self(words)
        self.timers.clear()

    def _systemctl(self, verb: str, *words: str) -> CommandResult:
        if verb == "show":
            return CommandResult(0, "\n".join(f"{key}={value}" for key, value in self._unit_properties(words[0]).items()) + "\n", "")
        words = tuple(word for word in words if word != "--quiet")
        if verb == "stop" and words[0].endswith(".timer"):
            self.timers.pop(words[0][:-len(".timer")], None)
            return OK
        if verb == "daemon-reload":
            return OK
        if words[0] != self.unit:
            return CommandResult(5, "", f"Unit {words[0]} not loaded.")
        if verb in ("enable", "disable"):
            self.unit_file_state = f"{verb}d"
            return OK
        if verb == "reset-failed":
            self.failed = False
            return OK
        return self._start() if verb == "start" else self._stop()

    def _unit_properties(self, name: str) -> dict:
        if name != self.unit or self.load == "not-found" and not self.gateway.up:
            return {"LoadState": "not-found", "ActiveState": "inactive", "MainPID": 0, "UnitFileState": ""}
        self._go_on_stopping()
        state = "deactivating" if self._stopping is not None else "active" if self.gateway.up else "failed" if self.failed else "inactive"
        return {"LoadState": self.load, "ActiveState": state, "MainPID": self.gateway.pid or 0,
                "UnitFileState": self.unit_file_state}

    @staticmethod
    def _shell(*words: str) -> CommandResult:
        done = subprocess.run(["sh", *words], capture_output=True, text=True, check=False)
        return CommandResult(done.returncode, done.stdout, done.stderr)

    def _go_on_stopping(self) -> None:
        if self._stopping is None:
            return
        self._stopping -= 1
        if self._stopping < 0:
            self._stopping = None
            self.gateway.stop()

    def _start(self) -> CommandResult:
        self._stopping = None
        if self.start_fails:
            self.gateway.stop()
            self.failed = True
        else:
            self.gateway.start()
        return OK

    def _stop(self, *_words: str) -> CommandResult:
        self._stopping = self.patience if self.patience is not None else 1 << 60
        if not self._stopping:
            self._stopping = None
            self.gateway.stop()
        return OK

    def _is_up(self) -> CommandResult:
        self._go_on_stopping()
        return CommandResult(0 if self.gateway.up else 3, "", "")

    def _systemd_run(self, *words: str) -> CommandResult:
        if self.no_timers:
            return CommandResult(1, "", "Failed to connect to bus: No such file or directory")
        name = next(word.partition("=")[2] for word in words if word.startswith("--unit="))
        self.timers[name] = list(words[words.index("--") + 1:])
        return OK

    def _docker(self, *words: str) -> CommandResult:
        if self.container is None:
            return CommandResult(127, "", "No such file or directory")
        if words[0] == "ps":
            return CommandResult(0, "0123456789ab\n", "")
        if words[:2] == ("container", "inspect"):
            if words[2] not in (self.container, "0123456789ab"):
                return CommandResult(1, "[]\n", "Error: No such container")
            self._go_on_stopping()
            state = {"Status": "running" if self.gateway.up else "exited", "Running": self.gateway.up, "Pid": 1 if self.gateway.up else 0}
            mounts = [{"Source": str(self.gateway.state_dir), "Destination": "/home/node/.openclaw"}]
            ports = {"18789/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(self.gateway.port)}]}
            found = {"Name": f"/{self.container}", "State": state, "Mounts": mounts, "NetworkSettings": {"Ports": ports},
                     "HostConfig": {"AutoRemove": False, "RestartPolicy": {"Name": "unless-stopped"}, **self.container_fields}}
            return CommandResult(0, json.dumps([found]), "")
        if words[0] == "update":
            policy, _colon, count = words[1].partition("=")[2].partition(":")
            self.container_fields["RestartPolicy"] = {"Name": policy, "MaximumRetryCount": int(count or 0)}
            return OK
        return self._start() if words[0] == "start" else self._stop()

    @staticmethod
    def _no_engine(*_words: str) -> CommandResult:
        return CommandResult(127, "", "No such file or directory")
