# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""fence, unfence: keep the gateway of an agent that has moved elsewhere from ever coming back, until that is taken back."""
from __future__ import annotations

import os
import pwd

from openclaw_backup_engine.backup_parent import open_parent
from openclaw_backup_engine.gateway import fence
from openclaw_backup_engine.options import BackupOptions

from . import backup_command, exit_codes
from .outcome import Outcome
from .text import printable


def add(adder) -> None:
    """Declare the commands."""
    parser = adder.command("fence", "stop the gateway and keep it from starting, also after a reboot", run_fence, show, locks=True)
    parser.add_argument("--reason", default="", metavar="TEXT", help="why; shown wherever the fence is met")
    parser.add_argument("--moved-to", default="", metavar="HOST", help="where the agent is now")
    parser.add_argument(
        "--last-backup", metavar="NOTE", help="then make a snapshot of kind migration with this remark; its storage is reached first")
    parser = adder.command("unfence", "undo fence: the gateway is what it was before", run_unfence, show, locks=True)
    parser.add_argument("--no-start", action="store_true", help="leave it stopped, even if it ran before")


def run_fence(arguments, session) -> Outcome:
    """Put it up, or what is missing of it. With a last backup, its repository is opened and read while the gateway still runs."""
    clock, settings = session.context.clock, session.settings
    options, opened = None, None
    if arguments.last_backup is not None:
        options = BackupOptions(
            settings.scope, settings.include, settings.exclude, "migration", None, arguments.last_backup, gateway=settings.gateway)
        opened = open_parent(lambda: backup_command.open_repository(session), options)[0]
    began = clock.elapsed()
    outcome = _put_up(arguments, session)
    outcome.data["fence_s"] = round(clock.elapsed() - began, 3)
    if options is None:
        return outcome
    began = clock.elapsed()
    last = backup_command.back_up(session, options, lambda: opened)
    taken = {**last.data, "took_s": round(clock.elapsed() - began, 3)}
    changed = taken["changed"] or outcome.exit_code == exit_codes.COMPLETE
    return Outcome({**outcome.data, "changed": changed, "backup": taken}, last.exit_code, f"{outcome.msg}. {last.msg}")


def _put_up(arguments, session) -> Outcome:
    gateway = session.gateway()
    if fence.stands(gateway):
        found = fence.find(gateway.location.state_dir)
        return Outcome({"fence": found.to_dict()}, exit_codes.UNCHANGED, f"The gateway of {session.name} stays down: {found.sentence}")
    who = os.environ.get("SUDO_USER") or pwd.getpwuid(os.geteuid()).pw_name
    made = fence.fence(gateway, session.context.clock.now(), reason=arguments.reason, moved_to=arguments.moved_to, by=who)
    return Outcome({"fence": made.to_dict()}, exit_codes.COMPLETE, f"The gateway of {session.name} stays down: {made.sentence}")


def run_unfence(arguments, session) -> Outcome:
    """Take it away."""
    clock = session.context.clock
    began = clock.elapsed()
    found = fence.unfence(session.gateway(), start=not arguments.no_start)
    took = round(clock.elapsed() - began, 3)
    if found is None:
        return Outcome({"fence": None, "start_s": took}, exit_codes.UNCHANGED, f"The gateway of {session.name} is not fenced")
    runs = "runs again" if found.was_running and not arguments.no_start else "may start again"
    return Outcome({"fence": None, "start_s": took}, exit_codes.COMPLETE, f"The gateway of {session.name} {runs}")


def show(report: dict) -> str:
    """What is the case now, and what could break it."""
    left = (report["fence"] or {}).get("not_prevented")
    return printable(report["msg"]) + "." + (f"\n  not prevented: {printable(left)}" if left else "")
