# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""instances: which instances there are on this host."""
from __future__ import annotations

import os
from dataclasses import asdict

from .outcome import Outcome


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
        "discovered": not os.path.lexists(path)})


def show(report: dict) -> str:
    """One line."""
    return f"{report['instance']}{' (found)' if report['discovered'] else ''}{'' if report['enabled'] else ' (off)'}"
