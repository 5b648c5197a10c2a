# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""instances: which instances there are on this host."""
from __future__ import annotations

import os
from dataclasses import asdict

from openclaw_backup_engine.capture.instance import discover
from openclaw_backup_engine.capture.paths import inside
from openclaw_backup_engine.errors import EngineError

from .outcome import Outcome

_WITH_DATABASES = ("state", "workspace", "agent", "extra")  # roles of roots


def add(adder) -> None:
    """Declare the command."""
    adder.command("instances", "say which instances are backed up", run, show)


def run(arguments, session) -> Outcome:
    """One of them. discovered: it has no configuration of its own."""
    settings = session.settings
    path = os.path.join(arguments.config, "instances", session.name + ".json")
    return Outcome({
        "user": settings.user, "profile": settings.profile, "state_dir": settings.state_dir,
        "config_path": settings.config_path, "gateway": asdict(settings.gateway), "enabled": settings.enabled,
        "discovered": not os.path.lexists(path), "directories": _directories(session)})


def _directories(session) -> list[str]:
    """Where its live databases may be. Only what belongs to its user: a config may name any place as a workspace."""
    try:
        found = discover(session.instance_options(), session.context)
    except EngineError:
        return []
    paths = {root.path for root in found.roots if root.role in _WITH_DATABASES} | {os.path.realpath(found.state_dir)}
    owned = sorted(path for path in paths if os.path.isdir(path) and os.stat(path).st_uid == found.uid)
    return [path for path in owned if not any(inside(path, other) for other in owned if other != path)]


def show(report: dict) -> str:
    """One line."""
    return f"{report['instance']}{' (found)' if report['discovered'] else ''}{'' if report['enabled'] else ' (off)'}"
