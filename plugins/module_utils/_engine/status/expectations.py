# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause
"""From what an inventory and hosts say, as plain dicts, to objectives, expectations and reports. What hosts say is distrusted."""
from __future__ import annotations

import datetime
from typing import Iterable

from .. import durations
from ..errors import EngineError
from .model import Channel, Expected, Objectives, Report

_LONGEST = 1000  # characters of a host's text
_MOST_CHANNELS = 40


def objectives(values: dict, default: Objectives = Objectives()) -> Objectives:
    """{"max_age": "26h", "max_unverified_age": "35d"}; what is not there is as in the default. EngineError "option-invalid"."""
    given = {name: durations.parse(values[name], name) for name in ("max_age", "max_unverified_age") if values.get(name) not in (None, "")}
    return Objectives(given.get("max_age", default.max_age), given.get("max_unverified_age", default.max_unverified_age))


def expected(items: Iterable[dict], default: Objectives) -> list[Expected]:
    """[{"instance", "host", "max_age", "max_unverified_age"}]; the last three may lack. EngineError "option-invalid"."""
    found = []
    for item in items:
        if not item.get("instance"):
            raise EngineError("option-invalid", "An expected instance has no name", "Give instance in each entry.")
        found.append(Expected(str(item["instance"]), _text(item, "host"), objectives(item, default)))
    return found


def reports(items: Iterable[dict]) -> list[Report]:
    """What hosts say; the module's option reports lists the keys, each of which may lack."""
    return [
        Report(
            _text(item, "instance"), _text(item, "host"), item.get("reachable") is not False, item.get("enabled") is not False,
            moment(item.get("next_run")), moment(item.get("failing_since")), _text(item, "error_code"), _text(item, "msg"),
            channels(item.get("channels")))
        for item in items if isinstance(item, dict)]


def channels(value: object) -> tuple[Channel, ...] | None:
    """[{"channel", "survives"}] as a host says it; None where it is no such list."""
    if not isinstance(value, list):
        return None
    found = [item for item in value if isinstance(item, dict) and isinstance(item.get("channel"), str)]
    return tuple(
        Channel(item["channel"][:60], item["survives"] if item.get("survives") in ("yes", "usually", "no") else "unknown")
        for item in found[:_MOST_CHANNELS])


def moment(value: object) -> float | None:
    """Seconds since 1970 of an ISO time (UTC where it names no zone) or of a number; None for anything else."""
    try:
        if isinstance(value, str) and value:
            found = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
            return (found if found.tzinfo else found.replace(tzinfo=datetime.timezone.utc)).timestamp()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 253402300800:
            return float(value)
    except (ValueError, OverflowError):
        pass
    return None


def _text(item: dict, name: str) -> str:
    value = item.get(name)
    return value[:_LONGEST] if isinstance(value, str) else ""
