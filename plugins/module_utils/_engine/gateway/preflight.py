# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What an installed OpenClaw itself says of files that it has not been given yet: could it run on them?

For a restore, before anything is stopped:

    found = installation.find(location, options.gateway, context)
    files = Files(config, state_database, {agent: database})
    judged = preflight.judge(files, found.directory, found.version, found.node, location.account, context)
    judged.require()              # EngineError "openclaw-refuses-state"
    report(judged.to_dict())      # what was looked at, and what could not be judged

With a version_switch.Switch, ask the one that it has fetched: switch.directory, switch.new.

Files are looked at where they lie, by the gateway's user, who must be able to read them; databases must be consolidated, with no
-wal, -shm or -journal beside them. Nothing is written there, and the live state is not touched: OpenClaw gets an empty state
directory of its own, which is removed again. An OpenClaw that is broken, or too old for these commands, refuses nothing: what it
cannot say is a finding. No secret of the service is handed over, so a variable that the config needs is unknown to it.
"""
from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field

from ..capture.accounts import Account
from ..errors import EngineError
from ..ports import Context
from .services import as_user

FITS, MIGRATES, REFUSED, UNKNOWN = "fits", "migrates", "refused", "unknown"
_TIMEOUT = 180.0  # seconds that one question may take: a database of gigabytes is checked whole
_SHOWN = 300


@dataclass(frozen=True)
class Files:
    """Paths as they are on the disk now; None or empty for what there is not. agents: agent's id → its database."""

    config: str | None = None
    state_database: str | None = None
    agents: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What it says of one file. verdict: fits; migrates (older: changed at the first start); refused; unknown, with the reason."""

    path: str
    verdict: str
    reason: str = ""


@dataclass(frozen=True)
class Judgement:
    """All of it. openclaw: the version that judged."""

    openclaw: str
    verdicts: tuple[Verdict, ...]

    def require(self) -> None:
        """EngineError "openclaw-refuses-state" if it would not start on these files."""
        refused = [one for one in self.verdicts if one.verdict == REFUSED]
        if refused:
            raise EngineError(
                "openclaw-refuses-state", f"OpenClaw {self.openclaw} would not run with {refused[0].path}: {refused[0].reason}",
                "Install the OpenClaw that the snapshot was made with, or choose another snapshot.", self.to_dict())

    def to_dict(self) -> dict:
        """JSON-native."""
        return {"openclaw": self.openclaw, "verdicts": [asdict(one) for one in self.verdicts]}


def judge(files: Files, directory: str, version: str, node: str | None, account: Account, context: Context) -> Judgement:
    """Ask the OpenClaw in a directory, run by a Node. Raises nothing for what it says or cannot say."""
    if node is None or context.run is None:
        return Judgement(version, (Verdict(directory, UNKNOWN, "no Node was found to run it with"),))
    made = context.run(as_user(account, ["mktemp", "-d", "/tmp/openclaw-backup-preflight.XXXXXXXX"]), _TIMEOUT)
    scratch = made.output.strip()
    if made.code or not os.path.isabs(scratch):
        return Judgement(version, (Verdict(directory, UNKNOWN, "its user can make no temporary directory"),))
    try:
        asked = _Asked([node, f"{directory}/openclaw.mjs"], account, scratch, context)
        verdicts = []
        if files.state_database:
            verdicts.append(asked.database(files.state_database, "database", "preflight", files.state_database))
        for agent, path in sorted(files.agents.items()):
            verdicts.append(asked.database(path, "database", "preflight-agent", path, "--agent-id", agent))
        if files.config:
            verdicts.append(asked.config(files.config))
        return Judgement(version, tuple(verdicts))
    finally:
        context.run(as_user(account, ["rm", "-rf", scratch]), _TIMEOUT)


class _Asked:
    """Commands of one OpenClaw that know of no live state."""

    def __init__(self, program: list[str], account: Account, scratch: str, context: Context) -> None:
        self._program, self._account, self._scratch, self._context = program, account, scratch, context

    def database(self, path: str, *words: str) -> Verdict:
        return of_database(path, *self._ask(*words))

    def config(self, path: str) -> Verdict:
        return of_config(path, *self._ask("config", "validate", OPENCLAW_CONFIG_PATH=path, OPENCLAW_INCLUDE_ROOTS=os.path.dirname(path)))

    def _ask(self, *words: str, **more: str) -> tuple[dict, str]:
        """What it printed as JSON, {} for anything else, and its last words."""
        settings = {
            "HOME": self._scratch, "TMPDIR": self._scratch, "OPENCLAW_STATE_DIR": f"{self._scratch}/state", "OPENCLAW_OFFLINE": "1",
            "OPENCLAW_NO_AUTO_UPDATE": "1", **more}
        done = self._context.run(as_user(
            self._account, ["env", *(f"{key}={value}" for key, value in settings.items()), *self._program, *words, "--json"]), _TIMEOUT)
        lines = (done.error.strip() or done.output.strip()).splitlines()
        try:
            found = json.loads(done.output)
        except (ValueError, RecursionError):
            found = {}
        return found if isinstance(found, dict) else {}, lines[-1][:_SHOWN] if lines else f"exit code {done.code}"


def of_database(path: str, found: dict, said: str) -> Verdict:
    """What the answer of a database's preflight means. said: its last words. Newer than it knows, or of another shape: refused."""
    status = found.get("status")
    if status in ("exact", "startup-repairable"):
        return Verdict(path, FITS)
    have, known = found.get("foundVersion"), found.get("targetVersion")
    numbers = isinstance(have, int) and isinstance(known, int)
    reason = str(found.get("reason") or said or status)[:_SHOWN]
    if numbers and have > known:
        return Verdict(path, REFUSED, f"its schema {have} is newer than {known}, the newest that this OpenClaw knows")
    if status == "migration-required" or numbers and have < known and have > 0:
        return Verdict(path, MIGRATES, f"its schema {have} becomes {known} at the first start")
    return Verdict(path, REFUSED if status == "incompatible" and numbers and have == known else UNKNOWN, reason)


def of_config(path: str, found: dict, said: str) -> Verdict:
    """What the answer of a config's validation means. With errors it would not start."""
    if found.get("valid") is True:
        return Verdict(path, FITS)
    issues = [one for one in found.get("issues") or () if isinstance(one, dict)] if isinstance(found.get("issues"), list) else []
    words = "; ".join(f"{one.get('path') or 'config'}: {one.get('message')}" for one in issues) or str(found.get("error") or said)
    return Verdict(path, REFUSED if found.get("valid") is False else UNKNOWN, words[:_SHOWN])
