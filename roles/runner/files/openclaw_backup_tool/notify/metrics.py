# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results of the last runs as metrics for the textfile collector of Prometheus' node exporter on this host."""
from __future__ import annotations

import os

from openclaw_backup_engine.report.metrics import family
from openclaw_backup_engine.status.expectations import moment

from .. import small_file
from .web import ChannelFailed

_PREFIX = "openclaw_backup_host_"


def text(instance: str, records: dict) -> str:
    """The content of the file."""
    lines: list[str] = []
    for name, description, value in (
            ("last_run_timestamp_seconds", "When the operation last ended.", lambda record: moment(record.get("ended"))),
            ("last_success_timestamp_seconds", "When its last run that did not fail began.",
             lambda record: moment(record.get("last_success"))),
            ("last_exit_code", "The tool's exit status of its last run; docs/tool.md lists them.", _exit_code),
            ("failing", "1 while it fails.", lambda record: int(record.get("status") == "failed"))):
        samples = ((operation, value(record)) for operation, record in sorted(records.items()) if record)
        lines += family(
            _PREFIX + name, description, (({"openclaw_instance": instance, "operation": operation}, found) for operation, found in samples))
    return "\n".join([*lines, ""])


def _exit_code(record: dict) -> int | None:
    value = record.get("exit_code")
    return value if isinstance(value, int) else None


def write(directory: str, instance: str, records: dict) -> None:
    """Replace the instance's file at once. ChannelFailed."""
    try:
        # The exporter is another user.
        small_file.replace(os.path.join(directory, f"openclaw-backup-{instance}.prom"), text(instance, records), 0o644)
    except OSError as exc:
        raise ChannelFailed(f"{directory} cannot be written to: {exc.strerror}") from exc
