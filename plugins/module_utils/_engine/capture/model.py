# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What discovery finds out about one OpenClaw instance.

Paths are absolute text with undecodable bytes as surrogates (os.fsdecode), without a trailing slash.
"""
from __future__ import annotations

from dataclasses import dataclass, field

ROLES = ("state", "config", "include", "workspace", "agent", "credentials", "auxiliary", "environment", "unit", "extra")


@dataclass(frozen=True)
class Root:
    """One file or directory that belongs to the instance.

    role: one of ROLES. agent: the agent's id for workspace and agent roots. required: its absence is an error.
    """

    path: str
    role: str
    agent: str | None = None
    required: bool = False


@dataclass(frozen=True)
class Finding:
    """Something noticed on the way that a person should know. code is stable, lower case, joined by hyphens."""

    code: str
    message: str
    path: str = ""


@dataclass(frozen=True)
class Instance:
    """One OpenClaw gateway's place on this host.

    name: what the repository is called: letters, digits, ".", "_", "-".
    roots: everything that belongs to it, of all scopes; may overlap and may not exist.
    databases: where SQLite databases are known to be (the walk finds others by their header).
    foreign: paths inside the roots that belong to another instance (another profile's workspace).
    layout: "database" (2026.7 and later), "file" (older), "unknown".
    versions: {"openclaw": ..., "node": ...} as far as known without running anything.
    """

    name: str
    user: str
    uid: int
    gid: int
    home: str
    profile: str | None
    state_dir: str
    config_path: str
    layout: str = "unknown"
    roots: tuple[Root, ...] = ()
    databases: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    unit: str | None = None
    versions: dict = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
