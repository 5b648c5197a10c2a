# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""fence, unfence: keep the gateway of an agent that has moved elsewhere from ever coming back, until that is taken back."""
from __future__ import annotations

import os
import pwd

from openclaw_backup_engine.gateway import fence

from . import exit_codes
from .outcome import Outcome
from .text import printable


def add(adder) -> None:
    """Declare the commands."""
    parser = adder.command("fence", "stop the gateway and keep it from starting, also after a reboot", run_fence, show, locks=True)
    parser.add_argument("--reason", default="", metavar="TEXT", help="why; shown wherever the fence is met")
    parser.add_argument("--moved-to", default="", metavar="HOST", help="where the agent is now")
    parser = adder.command("unfence", "undo fence: the gateway is what it was before", run_unfence, show, locks=True)
    parser.add_argument("--no-start", action="store_true", help="leave it stopped, even if it ran before")


def run_fence(arguments, session) -> Outcome:
    """Put it up, or what is missing of it."""
    gateway = session.gateway()
    if fence.stands(gateway):
        found = fence.find(gateway.location.state_dir)
        return Outcome({"fence": found.to_dict()}, exit_codes.UNCHANGED, f"The gateway of {session.name} stays down: {found.sentence}")
    who = os.environ.get("SUDO_USER") or pwd.getpwuid(os.geteuid()).pw_name
    made = fence.fence(gateway, session.context.clock.now(), reason=arguments.reason, moved_to=arguments.moved_to, by=who)
    return Outcome({"fence": made.to_dict()}, exit_codes.COMPLETE, f"The gateway of {session.name} stays down: {made.sentence}")


def run_unfence(arguments, session) -> Outcome:
    """Take it away."""
    found = fence.unfence(session.gateway(), start=not arguments.no_start)
    if found is None:
        return Outcome({"fence": None}, exit_codes.UNCHANGED, f"The gateway of {session.name} is not fenced")
    runs = "runs again" if found.was_running and not arguments.no_start else "may start again"
    return Outcome({"fence": None}, exit_codes.COMPLETE, f"The gateway of {session.name} {runs}")


def show(report: dict) -> str:
    """What is the case now, and what could break it."""
    left = (report["fence"] or {}).get("not_prevented")
    return printable(report["msg"]) + "." + (f"\n  not prevented: {printable(left)}" if left else "")
