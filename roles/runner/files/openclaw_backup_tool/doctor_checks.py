# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of doctor. Each gives its findings, or raises EngineError for what would make a backup fail."""
from __future__ import annotations

import os
import sys
from dataclasses import asdict, dataclass
from typing import Iterator

from openclaw_backup_engine import dependencies, source, update
from openclaw_backup_engine._version import VERSION
from openclaw_backup_engine.capture import refusals
from openclaw_backup_engine.capture.instance import discover
from openclaw_backup_engine.gateway import gate
from openclaw_backup_engine.options import BackupOptions
from openclaw_backup_engine.repository import names
from openclaw_backup_engine.repository.repository import list_snapshots

from . import timers
from .text import size, span

OK, WARNING, ERROR = "ok", "warning", "error"
_SKEW = 120  # seconds
_ROOM = 256 << 20  # bytes that should be free


@dataclass(frozen=True)
class Finding:
    """What a check saw. level: OK, WARNING or ERROR. hint: what to do, where something is to be done."""

    level: str
    message: str
    hint: str = ""
    error_code: str | None = None

    def to_dict(self) -> dict:
        """JSON-native."""
        return asdict(self)


def _packages(_session, _probe: bool) -> Iterator[Finding]:
    dependencies.require_all()
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding(OK, f"openclaw-backup {VERSION} has its packages in {sys.executable} (Python {python})")


def _secrets(session, _probe: bool) -> Iterator[Finding]:
    """Every secret that is named is there, and only this user may read it."""
    files = refusals.secret_files(session.encryption_options(), session.storage_options())
    if not session.has_key():
        yield Finding(WARNING, "No key is configured: this host can list and prune, not back up", "Set one of encryption's options.")
    for option, path in files.items():
        if path.startswith("/proc/self/fd/"):
            yield Finding(OK, f"{option} is an encrypted credential, and this host decrypts it")
            continue
        try:
            status = os.stat(path)
        except OSError as exc:
            yield Finding(ERROR, f"{option}: {path}: {os.strerror(exc.errno or 0)}", "Give a file that root can read.")
            continue
        if status.st_mode & 0o077 or status.st_uid not in (0, os.geteuid()):
            yield Finding(WARNING, f"{option}: others may read or change {path}", f"chown root {path} && chmod 600 {path}")
        else:
            yield Finding(OK, f"{option} is readable for its owner only")


def _instance(session, _probe: bool) -> Iterator[Finding]:
    """There is such an instance; storage and keys lie outside of it."""
    settings = session.settings
    options = BackupOptions(settings.scope, settings.include, settings.exclude)
    chosen = source.choose(
        session.instance_options(), options, session.storage_options(), session.encryption_options(), session.context)
    found = chosen.source.instance
    version = found.versions.get("openclaw") or "of unknown version"
    yield Finding(OK, f"OpenClaw {version} of user {found.user} at {found.state_dir}, with {len(chosen.source.roots)} places to back up")
    for finding in chosen.findings():
        where = f" ({finding.path})" if finding.path else ""
        yield Finding(WARNING, f"{finding.message}{where}", f"See {finding.code} in docs/troubleshooting.md.")


def _gateway(session, _probe: bool) -> Iterator[Finding]:
    """Nothing keeps the gateway from starting, and nothing is half done, that somebody may have forgotten."""
    state_dir = discover(session.instance_options(), session.context).state_dir
    if update.unfinished(state_dir):
        yield Finding(ERROR, "An update of OpenClaw did not come to its end", "openclaw-backup recover takes it back.")
    fence = session.fence()
    if fence:
        hint = "openclaw-backup unfence, if this host shall run the agent again and no other one does."
        more = f" Not prevented: {fence.not_prevented}." if fence.not_prevented else ""
        yield Finding(WARNING, f"The gateway may not start: {fence.sentence}.{more}", hint)
        return
    reason = gate.why_closed(state_dir)
    if reason:
        yield Finding(ERROR, f"The gateway may not start: {reason}", "openclaw-backup recover finishes or undoes what was cut short.")
    else:
        yield Finding(OK, "Nothing of ours keeps the gateway from starting")


def _storage(session, probe: bool) -> Iterator[Finding]:
    """The storage answers, and refuses to overwrite."""
    storage = session.storage()
    if not any(item.name == names.REPOSITORY for item in storage.list(names.REPOSITORY)):
        yield Finding(ERROR, f"There is no repository at {storage.url}", "openclaw-backup init makes one.", "repository-missing")
        return
    yield Finding(OK, f"{storage.url} answers, and holds {len(list_snapshots(storage))} snapshots")
    skew = storage.now() - session.context.clock.now()
    if abs(skew) > _SKEW:
        yield Finding(WARNING, f"This host's clock is {span(skew)} {'behind' if skew > 0 else 'ahead of'} the storage's", "Synchronise it.")
    if not probe:
        return
    found = storage.probe()
    if found.create_only:
        yield Finding(OK, "The storage refuses to overwrite objects")
    else:
        yield Finding(
            WARNING, "The storage lets objects be overwritten: whoever may write can destroy backups",
            "Switch on versioning with object lock, or use a service that enforces create-only writes (docs/storage.md).")
    if found.can_delete:
        yield Finding(OK, "These credentials may delete, so this host can prune")
    else:
        yield Finding(OK, "These credentials may not delete: prune elsewhere. Looking for this left small objects below probes/")


def _key(session, _probe: bool) -> Iterator[Finding]:
    """The key opens the repository."""
    if session.has_key():
        session.repository()
        yield Finding(OK, "The key opens the repository")


def _room(session, _probe: bool) -> Iterator[Finding]:
    """There is room for results and copies, and in a storage that is a directory."""
    places = {"state": session.state_directory, "storage": refusals.local_destination(session.settings.storage)}
    for what, path in places.items():
        while path and not os.path.isdir(path):
            path = os.path.dirname(path)
        if not path:
            continue
        found = os.statvfs(path)
        free = found.f_bavail * found.f_frsize
        if free < _ROOM:
            yield Finding(WARNING, f"{what}: {path} has {size(free)} left", "Make room.")
        else:
            yield Finding(OK, f"{what}: {path} has {size(free)} left")


def _timer(session, _probe: bool) -> Iterator[Finding]:
    """Something starts backups by itself."""
    if not session.settings.enabled:
        yield Finding(WARNING, "Scheduled backups are switched off", "Set openclaw_backup_enabled, and run the role runner.")
        return
    at = timers.next_runs(session.name, session.context)["backup"]
    if at is None:
        yield Finding(WARNING, "No timer starts backups of this instance", "Run the role openclaw_ops.backup.schedule.")
    else:
        yield Finding(OK, f"The next backup starts in {span(at - session.context.clock.now())}")


CHECKS = (
    ("packages", _packages), ("secrets", _secrets), ("instance", _instance), ("gateway", _gateway), ("storage", _storage), ("key", _key),
    ("room", _room), ("timer", _timer))
