# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the command line to an exit status: choose the instances, run the command on each, show and keep what came of it."""
from __future__ import annotations

import os
import signal
import sys
import time
import traceback

from openclaw_backup_engine import dependencies, query
from openclaw_backup_engine.errors import EngineError
from openclaw_backup_engine.ports import Context

from . import config, exit_codes, output, records, world
from .command_line import parse
from .outcome import report_of, report_of_failure
from .session import Session
from .text import iso


class _Terminated(KeyboardInterrupt):
    """The process was asked to end."""


def main(arguments: list[str] | None = None) -> int:
    """Run the tool. Gives the exit status."""
    try:
        signal.signal(signal.SIGTERM, _terminate)
        chosen = parse(sys.argv[1:] if arguments is None else arguments)
        return _run(chosen)
    except KeyboardInterrupt:
        sys.stderr.write("\nopenclaw-backup: interrupted\n")
        return exit_codes.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that Python's last flush finds nobody missing
        return exit_codes.BROKEN_PIPE


def _terminate(_number, _frame):
    raise _Terminated


def _run(arguments) -> int:
    started = time.time()
    reports: list[dict] = []
    try:
        dependencies.require_all()
        expression = query.parse(arguments.query) if arguments.query else None
        context = Context(environment=dict(os.environ), run=world.run_command)
        several = arguments.all
        for chosen in _chosen(arguments, context):
            reports.append(_run_one(arguments, chosen))
        return output.show(arguments, reports, several, expression)
    except EngineError as exc:
        report = {**report_of_failure(arguments.instance, arguments.operation, exc), "started": iso(started), "ended": iso(time.time())}
        return output.show(arguments, [report], False, None)


def _chosen(arguments, context: Context) -> list[config.Chosen]:
    if arguments.fleet:
        return config.choose_fleet(arguments.config)
    found = config.choose(arguments.config, arguments.instance, arguments.all, context)
    if arguments.single and len(found) > 1:
        raise EngineError(
            "several-instances", f"{arguments.operation} is for one instance at a time, and there are {len(found)}",
            f"Add --instance NAME. Instances: {', '.join(one.name for one in found)}.")
    return found


def _run_one(arguments, chosen: config.Chosen) -> dict:
    """Run the command on one instance. A failure is a report like any other, so that the others get their turn."""
    started, began, interrupt = time.time(), time.monotonic(), None
    directory = os.path.join(arguments.state or world.default_state_directory(), chosen.name)
    try:
        report = _attempt(arguments, chosen, directory)
    except KeyboardInterrupt as exc:
        interrupt = exc
        report = report_of_failure(chosen.name, arguments.operation, EngineError(
            "interrupted", "The run was interrupted", "Run it again: what was stored already is not stored twice."))
    report = {**report, "started": iso(started), "ended": iso(time.time()), "took_s": round(time.monotonic() - began, 3)}
    if arguments.recorded and not (report.get("skipped") or report.get("dry_run")):
        try:
            records.write(directory, report)
        except EngineError as exc:
            if report["status"] != "failed":
                report = {**report, **report_of_failure(chosen.name, arguments.operation, exc)}
    if interrupt:
        raise interrupt
    return report


def _attempt(arguments, chosen: config.Chosen, directory: str) -> dict:
    if chosen.error:
        return report_of_failure(chosen.name, arguments.operation, chosen.error)
    progress = world.progress_for(not arguments.plain, chosen.name if arguments.all else "")
    session = Session(chosen.name, chosen.settings, directory, dict(os.environ), progress)
    if arguments.identity_file:
        session.use_identity(arguments.identity_file, arguments.forget_identity)
    try:
        if arguments.takes_lock:
            session.take_lock(arguments.wait)
        return report_of(chosen.name, arguments.operation, arguments.run(arguments, session))
    except EngineError as exc:
        said = EngineError(exc.code, session.in_words(exc.message), session.in_words(exc.hint), exc.details)
        return report_of_failure(chosen.name, arguments.operation, said)
    except Exception as exc:  # pylint: disable=broad-exception-caught
        if os.environ.get("OPENCLAW_BACKUP_TRACEBACK"):
            traceback.print_exc()
        return report_of_failure(chosen.name, arguments.operation, EngineError(
            "internal-fault", f"A fault in openclaw-backup: {type(exc).__name__}: {exc}",
            "Report it with the output of the same command with OPENCLAW_BACKUP_TRACEBACK=1 in the environment."))
    finally:
        if isinstance(progress, world.ProgressBar):
            progress.clear()
        session.close()
