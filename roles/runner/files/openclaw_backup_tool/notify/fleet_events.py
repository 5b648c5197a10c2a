# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the status of a fleet, and what was told before, to what is to be told now. Pure.

What begins to be wrong at the same time is one message, however many instances it is about; what ends, one more.
"""
from __future__ import annotations

from dataclasses import dataclass

from openclaw_backup_engine.errors import EngineError
from openclaw_backup_engine.report.words import TODO, clean
from openclaw_backup_engine.status import model

from .events import ALARM, FAILED, RECOVERED, RELIEF, Event

OPERATION = "fleet"
CHECK = f"{FAILED}:{OPERATION}"
_ALL = "all backups"
_SHOWN = 20  # instances that a message names
# What there is to be told of an instance: one message for each, however its words change.
_TOPICS = {
    model.NEVER: "backup", model.FAILING: "backup", model.STALE: "backup", model.UNKNOWN: "backup",
    model.DAMAGED: "proof", model.UNVERIFIED: "proof"}


@dataclass(frozen=True)
class FleetEvent(Event):
    """Something to tell of several instances. about: the keys of what it tells."""

    about: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        return self.about


def of_failure(exc: EngineError, told: dict, host: str) -> list[Event]:
    """That the look itself failed: a silence of it would look like peace."""
    if CHECK in told:
        return []
    return [Event(CHECK, FAILED, OPERATION, _ALL, host, exc.code, exc.message.rstrip("."), exc.hint)]


def decide(fleet: model.Fleet, told: dict, host: str) -> list[Event]:
    """What is to be told now. told: key → anything, of what was told and has not ended."""
    wrong: dict[str, tuple[model.InstanceStatus, model.Finding]] = {}
    for item in fleet.instances:
        for finding in item.findings:
            if finding.health in _TOPICS:
                wrong.setdefault(f"{_TOPICS[finding.health]}:{item.instance}", (item, finding))
    begun = {key: found for key, found in wrong.items() if key not in told}
    ended = [key for key in told if key.partition(":")[0] in _TOPICS.values() and key not in wrong]
    events = [Event(CHECK, RECOVERED, OPERATION, _ALL, host)] if CHECK in told else []
    if begun:
        events.append(_alarm(begun, host))
    if ended:
        events.append(FleetEvent(RELIEF, RELIEF, OPERATION, _listed([key.partition(":")[2] for key in ended]), host, about=tuple(ended)))
    return events


def _alarm(begun: dict, host: str) -> FleetEvent:
    lines = [f"{_named(item)}: {clean(finding.text)}" for item, finding in list(begun.values())[:_SHOWN]]
    if len(begun) > _SHOWN:
        lines.append(f"and {len(begun) - _SHOWN} more")
    first = next(iter(begun.values()))
    since = model.iso(first[1].since) if len(begun) == 1 else None
    return FleetEvent(
        ALARM, ALARM, OPERATION, _listed([item.instance for item, _finding in begun.values()]), host, message="; ".join(lines),
        hint=TODO[first[1].health] if len(begun) == 1 else "The page of the fleet says of each what to do.", since=since or "",
        about=tuple(begun))


def _named(item: model.InstanceStatus) -> str:
    return clean(f"{item.instance} on {item.host}" if item.host else item.instance)


def _listed(names: list[str]) -> str:
    """a, b and 3 more."""
    unique = list(dict.fromkeys(map(clean, names)))
    more = f" and {len(unique) - 3} more" if len(unique) > 3 else ""
    return ", ".join(unique[:3]) + more
