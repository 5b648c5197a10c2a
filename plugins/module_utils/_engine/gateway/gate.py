# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What keeps a gateway from starting while a marker file exists, whoever orders the start: Restart=always, a boot, a person.

A gate that is closed has a record beside the state directory, so that any later process finds it and can open it. Without its
marker a gate holds nothing, so whoever removes the marker has opened it, even where the clearing up was cut short.
"""
from __future__ import annotations

from ..capture.locate import Location
from ..errors import EngineError
from . import record_file
from .services import Service

RESTORE, FENCE = "restore", "fence"
PURPOSES = (RESTORE, FENCE)


class Gate:
    """The gate of one gateway for one purpose. Gates of different purposes do not touch each other.

    For systemd units, a drop-in with conditions on the marker, which are asked at every start. For containers, the restart
    policy is off while the gate is closed. Commands of one's own cannot be held: there it is only the record, which this
    collection itself respects. Raises EngineError "gateway-gate-failed", "gateway-record-failed", and
    "gateway-not-controllable" of the service.
    """

    def __init__(self, service: Service, location: Location, *, purpose: str = RESTORE) -> None:
        self._service, self._purpose = service, purpose
        self._record = _record_path(location.state_dir, purpose)

    def close(self, reason: str, marker: str) -> str:
        """Close it; closed once more, the new reason and marker count. Gives what can start the gateway all the same, or "".

        reason: one sentence for people. marker: the absolute path of a file that is there; the caller made it and removes it.
        """
        if not marker.startswith("/") or "\n" in marker or marker != marker.strip() or marker.endswith("\\"):
            raise EngineError(
                "gateway-gate-failed", f"A gateway cannot be kept from starting by a marker of this name: {marker!r}",
                "Give the state directory a name without line breaks and blanks at its end.")
        if not self._service.sees(marker):
            raise EngineError(
                "gateway-gate-failed", f"What runs the gateway cannot see the marker that is to keep it from starting: {marker}",
                "Let the gateway's user look into the directory that it is in.")
        earlier = _read(self._record)
        remembered = earlier["remembered"] if earlier else self._service.remembered()
        record_file.write(self._record, {"reason": reason, "marker": marker, "remembered": remembered})
        return self._service.hold(self._purpose, marker, reason)

    def open(self) -> None:
        """Undo what close() did; nothing to do is fine. The marker is the caller's."""
        found = _read(self._record)
        self._service.release(self._purpose, found["remembered"] if found else {})
        record_file.remove(self._record)

    def closed(self) -> str | None:
        """Why it is closed; None while it is open."""
        return _reason(self._record)


def why_closed(state_dir: str) -> str | None:
    """Why the gateway with this state may not start, whatever the purpose; None where nothing is in its way."""
    for purpose in PURPOSES:
        reason = _reason(_record_path(state_dir, purpose))
        if reason is not None:
            return reason
    return None


def _record_path(state_dir: str, purpose: str) -> str:
    return f"{state_dir}.gate-{purpose}.json"


def _reason(path: str) -> str | None:
    found = _read(path)
    return found["reason"] if found and record_file.exists(found["marker"]) else None


def _read(path: str) -> dict | None:
    """A record, or None where there is none that makes sense."""
    found = record_file.read(path)
    if found is None or not isinstance(found.get("remembered"), dict):
        return None
    return found if isinstance(found.get("reason"), str) and isinstance(found.get("marker"), str) else None
