# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an instance's backups are as they should be, from what is stored and from the results of the last runs."""
from __future__ import annotations

from dataclasses import dataclass, field

from openclaw_backup_engine.errors import EngineError

from .settings import Objectives
from .text import seconds_of, span

HEALTHY, OMISSIONS, STALE, FAILING, NEVER, UNREACHABLE = "healthy", "omissions", "stale", "failing", "never", "unreachable"
_WORST_FIRST = (FAILING, UNREACHABLE, NEVER, STALE, OMISSIONS, HEALTHY)
OPERATIONS = ("backup", "prune", "verify")


@dataclass(frozen=True)
class Facts:
    """What is known. Moments in seconds since 1970 UTC; current: when the state was last known to be in a snapshot.

    records: operation → its last record, or None. unreachable: why the storage could not be asked.
    """

    now: float
    enabled: bool = True
    current: float | None = None
    proven: float | None = None
    omissions: int = 0
    damaged: int = 0
    records: dict = field(default_factory=dict)
    unreachable: EngineError | None = None


@dataclass(frozen=True)
class Health:
    """state: the worst that applies. reasons: a sentence for everything that is not as it should be, the worst first."""

    state: str
    reasons: tuple[str, ...] = ()


def assess(facts: Facts, objectives: Objectives) -> Health:
    """The health of an instance. EngineError "configuration-invalid" for objectives that are no spans of time."""
    found = [*_failures(facts), *_ages(facts, objectives)]
    if facts.omissions:
        found.append((OMISSIONS, f"The newest snapshot lacks {facts.omissions} entries"))
    found.sort(key=lambda item: _WORST_FIRST.index(item[0]))
    return Health(found[0][0] if found else HEALTHY, tuple(reason for _state, reason in found))


def _failures(facts: Facts):
    for operation in OPERATIONS:
        record = facts.records.get(operation)
        if record and record.get("status") == "failed":
            yield FAILING, f"{operation} has failed since {record.get('failing_since')}: {record.get('msg')}"
    if facts.unreachable:
        yield UNREACHABLE, facts.unreachable.message
    if facts.damaged:
        yield FAILING, f"{facts.damaged} snapshots cannot be read"


def _ages(facts: Facts, objectives: Objectives):
    max_age, max_unproven = _seconds("max_age", objectives.max_age), _seconds("max_unverified_age", objectives.max_unverified_age)
    if facts.unreachable or not facts.enabled:
        return
    if facts.current is None:
        yield NEVER, "There is no backup yet"
        return
    if max_age and facts.now - facts.current > max_age:
        yield STALE, f"The last backup is {span(facts.now - facts.current)} old; {objectives.max_age} are allowed"
    if facts.proven is not None and max_unproven and facts.now - facts.proven > max_unproven:
        yield STALE, f"The last restore test is {span(facts.now - facts.proven)} old; {objectives.max_unverified_age} are allowed"


def _seconds(name: str, text: str) -> float:
    """0 where the objective is switched off."""
    if text in ("", "off"):
        return 0.0
    try:
        return seconds_of(text)
    except ValueError as exc:
        raise EngineError("configuration-invalid", f"objectives.{name}: {exc}", "Write it as 26h, 35d or 1d 12h; or off.") from exc
