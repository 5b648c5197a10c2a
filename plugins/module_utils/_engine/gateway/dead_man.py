# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""A timer of the service manager's that starts a gateway again, or ends a restore, unless whoever made it takes it away.

It outlives this process, the connection to the controller, and everything else but the host.
"""
from __future__ import annotations

import secrets
from typing import Sequence

from ..capture.accounts import current_user_id
from ..errors import EngineError
from ..ports import Context
from .services import Service

_TIMEOUT = 30.0  # seconds to make or remove a timer


class DeadMan:
    """Armed from arm() to disarm(). Runs a command, by default the service's start, as the user that this process has."""

    def __init__(self, service: Service, context: Context, command: Sequence[str] = ()) -> None:
        self._service, self._context, self._command = service, context, list(command)
        self._timer: str | None = None

    def arm(self, seconds: float) -> None:
        """Start the gateway in so many seconds. Armed anew, only the new time counts. EngineError "dead-man-not-armed"."""
        earlier, name = self._timer, f"openclaw-backup-dead-man-{secrets.token_hex(6)}"
        done = self._context.run(self._for_me("systemd-run", [
            f"--unit={name}", f"--on-active={max(seconds, 1.0):.3f}s", "--timer-property=AccuracySec=100ms", "--collect", "--quiet",
            f"--description=Start the gateway {self._service.name} again, since what stopped it has died",
            "--", *(self._command or self._service.start_command())]), _TIMEOUT)
        if done.code:
            raise EngineError(
                "dead-man-not-armed", "The timer that would start the gateway again if this process dies cannot be made: "
                f"{(done.error.strip().splitlines() or ['no reason given'])[-1][:300]}",
                "The gateway was left alone. Run this as root or with a systemd user manager, or set dead_man_timeout to 0.")
        self._timer = name
        if earlier:
            self._remove(earlier)

    def disarm(self) -> None:
        """Take the timer away. Never raises: what starts a gateway that runs does nothing."""
        if self._timer:
            self._remove(self._timer)
            self._timer = None

    def _remove(self, name: str) -> None:
        self._context.run(self._for_me("systemctl", ["stop", f"{name}.timer"]), _TIMEOUT)

    @staticmethod
    def _for_me(program: str, words: list[str]) -> list[str]:
        user = current_user_id()
        return [program, *words] if user == 0 else ["env", f"XDG_RUNTIME_DIR=/run/user/{user}", program, "--user", *words]
