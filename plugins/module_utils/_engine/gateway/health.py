# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What a gateway's health addresses say. Unknown addresses answer with a web page, so the JSON counts, not the status."""
from __future__ import annotations

import json
from dataclasses import dataclass

from ..ports import Context
from .calls import open_socket
from .endpoint import Endpoint

_LARGEST_ANSWER = 1 << 20  # bytes
_TIMEOUT = 5.0  # seconds
# What makes a gateway itself unfit, beside the accounts of channels, which a person logs in again.
_OWN_FAILURES = ("agent-database:", "state-database", "plugin-reload")
DRAINING = "gateway-draining"
# Why a started gateway refuses an agent's database: these stay until a person mends it, while an inspection may still be pending.
_FINAL, _PENDING = ("agent-database-ownership-mismatch", "agent-database-inspection-failed"), "agent-database-inspection-pending"


@dataclass(frozen=True)
class Health:
    """live: it answers. started: its start is done. draining: it takes no new work. failing: what keeps it from being ready.

    sick: it is not fit for its work. channels: accounts that do not work, which a restart would not heal. hopeless: it is started, and
    says that it will not use an agent's database.
    """

    live: bool = False
    started: bool = False
    draining: bool = False
    version: str | None = None
    failing: tuple[str, ...] = ()
    hopeless: bool = False

    @property
    def own_failures(self) -> list[str]:
        return [name for name in self.failing if name.startswith(_OWN_FAILURES)]

    @property
    def channels(self) -> list[str]:
        return [name for name in self.failing if name != DRAINING and not name.startswith(_OWN_FAILURES)]

    @property
    def sick(self) -> bool:
        return not (self.live and (self.started or self.draining)) or bool(self.own_failures)

    @property
    def word(self) -> str:
        """down, starting, draining, sick, channels-failing or healthy."""
        if not self.live:
            return "down"
        if self.draining:
            return "draining"
        if not self.started:
            return "starting"
        if self.own_failures:
            return "sick"
        return "channels-failing" if self.channels else "healthy"

    def to_dict(self) -> dict:
        """In the words of the modules' RETURN."""
        return {
            "state": self.word, "live": self.live, "started": self.started, "draining": self.draining, "version": self.version,
            "failing": self.own_failures, "channels_failing": self.channels}


def check(endpoint: Endpoint, context: Context, timeout: float = _TIMEOUT) -> Health:
    """Ask all three addresses. Never raises: one that does not answer is down."""
    live = _ask(endpoint, context, "/healthz", timeout)
    if live.get("ok") is not True:
        return Health()
    started = _ask(endpoint, context, "/startupz", timeout)
    ready = _ask(endpoint, context, "/readyz", timeout)
    failing = tuple(str(name) for name in ready.get("failing") or () if isinstance(ready.get("failing"), list))
    version = started.get("version") if isinstance(started.get("version"), str) else None
    # Releases before /startupz existed answer it with the web page: /readyz tells then.
    is_started = started.get("status") == "started" or (not started and ready.get("ready") is True)
    said = json.dumps(ready.get("agentDatabases"))
    hopeless = is_started and _PENDING not in said and any(code in said for code in _FINAL)
    return Health(True, is_started, started.get("status") == "draining" or DRAINING in failing, version, failing, hopeless)


def _ask(endpoint: Endpoint, context: Context, path: str, timeout: float) -> dict:
    import http.client  # a tenth of the time that a backup takes to start, and most backups ask no gateway
    connection = http.client.HTTPConnection(endpoint.host, endpoint.port)
    try:
        connection.sock = open_socket(endpoint, context, timeout)
        connection.request("GET", path, headers={"Accept": "application/json"})
        found = json.loads(connection.getresponse().read(_LARGEST_ANSWER))
    except (OSError, ValueError, RecursionError, http.client.HTTPException):
        return {}
    finally:
        connection.close()
    return found if isinstance(found, dict) else {}
