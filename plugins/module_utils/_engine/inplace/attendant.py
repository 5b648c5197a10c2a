# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The gateway during a restore in place: stopped and seen stopped, kept from starting, started and seen healthy."""
from __future__ import annotations

import os

from ..errors import EngineError
from ..gateway import fence
from ..gateway.control import Gateway
from ..gateway.dead_man import DeadMan
from ..gateway.gate import RESTORE, Gate
from ..gateway.health import Health
from ..gateway.services import FAILED, SystemdService
from ..options import GatewayOptions
from ..ports import Context

_LOG_LINES = 400
_LOG_TIMEOUT = 20.0  # seconds


class Attendant:
    """One gateway. kind "none": nothing on this host is known to run it; then it must not run, and is not started."""

    def __init__(self, gateway: Gateway, options: GatewayOptions, context: Context) -> None:
        self._gateway, self._context = gateway, context
        self._gate = Gate(gateway.service, gateway.location, purpose=RESTORE)
        self._controlled = gateway.service.kind != "none"
        self._since = context.clock.now()
        self._dead_man = DeadMan(gateway.service, context, context.recover_command)
        self._guarded = bool(context.recover_command and self._controlled and options.dead_man_timeout > 0)
        self._options = options

    def guard(self, seconds: float) -> str:
        """Let a timer recover if this process dies, so many seconds and the usual grace from now. Why there is none, or ""."""
        if not self._guarded:
            return ""
        try:
            self._dead_man.arm(seconds + self._options.dead_man_timeout)
        except EngineError as exc:
            self._guarded = False
            return exc.message
        return ""

    def unguard(self) -> None:
        """Take the timer away."""
        self._dead_man.disarm()

    def check(self) -> bool:
        """Whether it runs, or tries to. EngineError "gateway-not-controllable", "gateway-not-startable" if it could not be stopped."""
        status = self._gateway.status()
        runs = status.up or status.state == FAILED or self._gateway.seen_running()
        if runs and not self._controlled:
            raise EngineError(
                "gateway-not-controllable", "The gateway runs, and nothing on this host is known to run it",
                "Stop it, or name its unit, container or commands in the option gateway.")
        if runs and self._gateway.service.status().obstacle:
            self._gateway.require_startable()
        return runs

    @property
    def failed(self) -> bool:
        """Its service manager has given up on it."""
        return self._controlled and self._gateway.status().state == FAILED

    @property
    def starts_by_itself(self) -> bool:
        """Whether it is meant to run: it is enabled."""
        return self._controlled and bool(self._gateway.status().enabled)

    def close_gate(self, marker: str) -> str:
        """Keep it from starting while the marker is there. What can start it all the same, or ""."""
        return self._gate.close("a restore is under way, or was cut short: run openclaw-backup recover", marker) if self._controlled else ""

    def open_gate(self) -> None:
        """Let it start again."""
        if self._controlled:
            self._gate.open()

    def standing_fence(self) -> fence.Fence | None:
        """What keeps it down for good, if anything."""
        return fence.find(self._gateway.location.state_dir) if self._controlled else None

    def unfence(self) -> None:
        """Take that away; it is not started."""
        fence.unfence(self._gateway, start=False)

    def put_fence_back(self, values: dict) -> None:
        """As it was. values: of Fence.to_dict()."""
        fence.put_back(self._gateway, fence.Fence(**values))

    def stop(self) -> None:
        """Stop it and see it stopped, if it runs. EngineError "gateway-stop-timeout", "gateway-not-controllable"."""
        if self._controlled and not self._gateway.fully_stopped():
            self._gateway.stop()
        elif not self._controlled and self._gateway.seen_running():
            self.check()

    def start(self) -> Health:
        """Start it and see it healthy. EngineError "gateway-start-failed"."""
        self._since = self._context.clock.now()
        return self._gateway.start()

    def keep_log(self, path: str) -> list[str]:
        """Keep what the gateway said since its last start in a file. The last lines of it; none where there is no journal."""
        service = self._gateway.service
        if not isinstance(service, SystemdService) or self._context.run is None:
            return []
        words = [f"--unit={service.name}"]
        if service.kind == "systemd-user":  # --user-unit would mean that of whoever asks
            whose = f"_UID={self._gateway.location.account.uid}"
            words = [f"_SYSTEMD_USER_UNIT={service.name}", whose, "+", f"USER_UNIT={service.name}", whose]
        done = self._context.run(
            ["journalctl", f"--since=@{int(self._since)}", f"--lines={_LOG_LINES}", "--no-pager", "--output=cat", *words], _LOG_TIMEOUT)
        lines = done.output.splitlines() if done.code == 0 else []
        if lines:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as stream:
                stream.write("\n".join(lines) + "\n")
        return lines[-40:]
