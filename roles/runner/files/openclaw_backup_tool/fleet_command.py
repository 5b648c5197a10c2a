# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""fleet: look at all instances of a storage, off their hosts; write what is wanted, tell what is to be told, and judge."""
from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict

from openclaw_backup_engine.errors import EngineError
from openclaw_backup_engine.report import metrics, page, signed
from openclaw_backup_engine.report import text as table
from openclaw_backup_engine.status import expectations, fleet, model

from . import small_file
from .fleet_settings import FleetSettings
from .notify import deliver, fleet_events, told, web
from .outcome import Outcome
from .status_command import EXIT
from .text import printable

_MODE = 0o644


def add(adder) -> None:
    """Declare the command."""
    parser = adder.command("fleet", "look at all instances of the storage, whatever host they are on", run, show, recorded=True, fleet=True)
    parser.add_argument("--no-notify", action="store_true", help="tell nobody, and send no heartbeat")


def run(arguments, session) -> Outcome:
    """Look, write, tell. A look that fails is told like anything else that is wrong."""
    failed: list[tuple[str, str]] = []
    try:
        found = _look(session)
        written, fingerprint = _write(session.settings, found)
    except EngineError as exc:
        if not arguments.no_notify:
            deliver.heartbeat(session, web.FAILURE, exc.message)
            _tell(session, fleet_events.of_failure(exc, told.read(session.state_directory), socket.gethostname()))
        raise
    told_now: list[str] = []
    if not arguments.no_notify:
        state = web.FAILURE if found.severity == model.BAD else web.SUCCESS
        failed = deliver.heartbeat(session, state, table.summary(found))
        told_now, not_taken = _tell(session, fleet_events.decide(found, told.read(session.state_directory), socket.gethostname()))
        failed += not_taken
    data = {
        **found.to_dict(), "table": table.table(found).splitlines(), "written": written, "report_signed_by": fingerprint, "told": told_now,
        "channels_failed": [{"channel": name, "reason": reason} for name, reason in failed]}
    return Outcome(data, EXIT[found.severity], table.summary(found))


def _look(session) -> model.Fleet:
    settings: FleetSettings = session.settings
    goals = settings.objectives
    objectives = model.Objectives(goals.seconds("max_age"), goals.seconds("max_unverified_age"))
    expected = expectations.expected(map(asdict, settings.expected), objectives)
    return fleet.look(session.storage_options(), session.context, objectives, expected)


def _write(settings: FleetSettings, found: model.Fleet) -> tuple[list[str], str | None]:
    """(files that were written, fingerprint of the report's key)."""
    contents = {
        settings.page: lambda: page.page(found, settings.title), settings.json: lambda: json.dumps(found.to_dict(), indent=1) + "\n",
        settings.metrics: lambda: metrics.textfile(found)}
    documents = {path: content() for path, content in contents.items() if path}
    fingerprint = None
    if settings.report:
        if not settings.report_key:
            raise EngineError("configuration-invalid", "fleet.json has report without report_key", "Name a file for the key that signs it.")
        signer = signed.Signer(settings.report_key)
        documents[settings.report] = signed.document(found, signer, socket.gethostname())
        documents[settings.report + signed.SIGNATURE] = signer.sign(documents[settings.report])
        fingerprint = signer.fingerprint
    for path, content in documents.items():
        try:
            small_file.replace(path, content, _MODE)
        except OSError as exc:
            raise EngineError(
                "destination-not-writable", f"{path} cannot be written: {os.strerror(exc.errno or 0)}",
                "Make its directory, or choose another.") from exc
    return list(documents), fingerprint


def _tell(session, events: list) -> tuple[list[str], list[tuple[str, str]]]:
    if not events or not session.settings.notify.on_failure:
        return [], []
    through = deliver.channels(session)
    through.pop("openclaw_event", None)  # there is no agent here whose business this were
    return deliver.tell_all(session.state_directory, events, through)


def show(report: dict) -> str:
    """The table, and what was done."""
    lines = [*report["table"], *(f"Written: {printable(path)}" for path in report["written"])]
    lines += [f"Told: {printable(title)}" for title in report["told"]]
    return "\n".join(lines + [f"Channel {item['channel']} failed: {printable(item['reason'])}" for item in report["channels_failed"]])
