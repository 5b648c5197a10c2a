# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration of a look at a whole storage, fleet.json: which instances there should be, what to write, whom to tell."""
from __future__ import annotations

from dataclasses import dataclass, field

from openclaw_backup_engine.options import StorageOptions

from .settings import Notify, Objectives


@dataclass(frozen=True)
class ExpectedInstance:
    """An instance that there should be. host: for people. Objectives of its own, where they differ."""

    instance: str = ""
    host: str | None = None
    max_age: str | None = None
    max_unverified_age: str | None = None


@dataclass(frozen=True)
class FleetSettings:
    """Everything that such a look has to know. page, json, metrics, report: files to write. report_key: what signs the report."""

    storage: StorageOptions = field(default_factory=StorageOptions, metadata={"options": StorageOptions})
    notify: Notify = field(default_factory=Notify, metadata={"options": Notify})
    objectives: Objectives = field(default_factory=Objectives, metadata={"options": Objectives})
    expected: tuple = field(default=(), metadata={"elements": ExpectedInstance})
    title: str = "OpenClaw backups"
    page: str | None = None
    json: str | None = None
    metrics: str | None = None
    report: str | None = None
    report_key: str | None = None

    # Not settings: a look at a storage is about no instance of this host.
    user = profile = state_dir = config_path = None
