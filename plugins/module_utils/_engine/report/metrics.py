# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause
"""A fleet's status as metrics in Prometheus' text format, for the textfile collector of its node exporter."""
from __future__ import annotations

from typing import Callable, Iterable

from ..status.model import ATTENTION, BAD, OK, SEVERITIES, Fleet, InstanceStatus
from .words import clean

_PREFIX = "openclaw_backup_"
_Value = Callable[[InstanceStatus], "float | None"]
# name: (help, value). What an instance does not have gives no line.
_GAUGES: dict[str, tuple[str, _Value]] = {
    "severity": ("0 in order, 1 to look at, 2 bad.", lambda item: SEVERITIES.index(item.severity)),
    "last_good_timestamp_seconds": ("When the instance was last known to be backed up as it was.", lambda item: item.last_good),
    "last_snapshot_timestamp_seconds": ("When its newest snapshot was stored.", lambda item: item.backup and item.backup.time),
    "last_snapshot_bytes": ("Content of its newest snapshot.", lambda item: item.backup and item.backup.bytes),
    "last_snapshot_stored_bytes": ("What that snapshot added to the storage.", lambda item: item.backup and item.backup.bytes_stored),
    "last_snapshot_files": ("Files in its newest snapshot.", lambda item: item.backup and item.backup.files),
    "last_snapshot_omissions": ("Entries missing in its newest snapshot.", lambda item: item.backup and item.backup.omissions),
    "last_snapshot_duration_seconds": ("How long making it took.", lambda item: item.backup and item.backup.duration_s),
    "last_run_timestamp_seconds": ("When a backup last ran and could tell.", lambda item: item.last_run and item.last_run.time),
    "failing_since_timestamp_seconds": ("Since when backups fail; no line while they do not.", lambda item: item.failing_since),
    "verified_timestamp_seconds": ("When a restore of it was last tried.", lambda item: item.verified and item.verified.time),
    "verified_success": ("1 if that restore worked.", lambda item: item.verified and float(item.verified.passed)),
    "recoverable": ("1 if its last backup and its last proven restore are as young as wanted.", lambda item: float(item.recoverable)),
    "verified_duration_seconds": ("How long that restore took.", lambda item: item.verified and item.verified.duration_s),
    "next_run_timestamp_seconds": ("When the host will back up next, if it said so.", lambda item: item.next_run),
    "snapshots": ("Snapshots in its repository.", lambda item: item.snapshots),
    "objective_max_age_seconds": ("How old its last good backup may be; 0 means any age.", lambda item: item.objectives.max_age),
    "objective_max_unverified_age_seconds": (
        "How old the last proof may be that it restores; 0 means any age.", lambda item: item.objectives.max_unverified_age),
}


def textfile(fleet: Fleet) -> str:
    """The whole file, with a newline at its end."""
    lines = family(_PREFIX + "info", "What is known of an instance; always 1.", (
        ({**_labels(item), "health": item.health, "kind": item.backup.kind if item.backup else "",
          "openclaw_version": item.backup.openclaw_version if item.backup else ""}, 1) for item in fleet.instances))
    for name, (description, value) in _GAUGES.items():
        lines += family(_PREFIX + name, description, ((_labels(item), value(item)) for item in fleet.instances))
    lines += family(_PREFIX + "fleet_instances", "Instances by severity.", (
        ({"severity": severity}, fleet.count(severity)) for severity in (OK, ATTENTION, BAD)))
    lines += family(_PREFIX + "fleet_recoverable", "Instances that could be brought back today.", [({}, fleet.recoverable)])
    lines += family(_PREFIX + "fleet_status_timestamp_seconds", "When this was found out.", [({}, fleet.now)])
    return "\n".join([*lines, ""])


def _labels(item: InstanceStatus) -> dict[str, str]:
    # Not "instance": Prometheus gives that name to the host that it scrapes.
    return {"openclaw_instance": item.instance, "openclaw_host": item.host}


def family(name: str, description: str, samples: Iterable[tuple[dict, "float | None"]]) -> list[str]:
    """The lines of one gauge: a value for each set of labels; none where all values are None."""
    lines = [f"{name}{_spell(labels)} {_number(value)}" for labels, value in samples if value is not None]
    return [f"# HELP {name} {description}", f"# TYPE {name} gauge", *lines] if lines else []


def _spell(labels: dict[str, str]) -> str:
    inner = ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items())
    return f"{{{inner}}}" if inner else ""


def _escape(value: str) -> str:
    """A label's value between its quotes."""
    return clean(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else f"{float(value):.3f}"
