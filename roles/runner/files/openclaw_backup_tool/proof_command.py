# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""verify --level boot: prove on a staging host that a snapshot can be brought back."""
from __future__ import annotations

import os
import pwd

from openclaw_backup_engine.errors import EngineError
from openclaw_backup_engine.proof import model, place, prove
from openclaw_backup_engine.status import facts, read

from . import exit_codes
from .outcome import Outcome
from .text import moment, printable, span, table

LEVEL = prove.LEVEL
_SHOWN = 20
_READS = 20  # objects that are read beyond what it takes to know when there was a good backup


def add_options(parser) -> None:
    """The options of this level."""
    parser.add_argument("--programs", metavar="DIR", help="where --level boot finds releases of OpenClaw, beside the PATH")
    parser.add_argument("--older", type=int, metavar="COUNT", help="how many older snapshots --level boot tries after a failure")
    parser.add_argument("--clean-up", action="store_true", help="only remove what a proof that was killed has left on this host")


def registry(session) -> str:
    """Where this host remembers throw-away places: one directory for all instances."""
    return os.path.join(os.path.dirname(session.state_directory), ".places")


def clean_up(session) -> Outcome:
    """Remove what proofs that were killed have left, whichever instance they were about."""
    removed = place.sweep(registry(session), session.context)
    code = exit_codes.COMPLETE if removed else exit_codes.UNCHANGED
    return Outcome({"level": None, "removed": removed, "skipped": True}, code, f"{len(removed)} throw-away places removed")


def run(arguments, session) -> Outcome:
    """Choose and prove. What a former run has left is removed first, whatever becomes of this one."""
    place.sweep(registry(session), session.context)
    settings, repository = session.settings.proof, session.repository()
    options = model.ProofOptions(
        registry(session), arguments.snapshot or settings.snapshot, arguments.scratch or settings.place,
        arguments.programs or settings.programs, session.settings.objectives.seconds("max_age"), _last_good(session, repository), _who(),
        settings.older if arguments.older is None else arguments.older, settings.memory, settings.timeout)
    if os.geteuid() != 0:
        raise EngineError("sandbox-failed", "A proof with a boot mounts and starts services, which takes root", "Run this as root.")
    result = prove.execute(prove.plan(repository, options, session.context), session.context).to_dict()
    return Outcome(result, exit_codes.COMPLETE, f"Snapshot {result['snapshot']['id']} can be brought back")


def _who() -> str:
    """Who asks for the proof: a person, or systemd."""
    return "systemd" if os.environ.get("INVOCATION_ID") else os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name


def _last_good(session, repository) -> float | None:
    """When there was a good backup last, also one that found nothing new; by the storage's clock."""
    reader = read.Reader(repository.storage, session.name, facts.Memory(None, ""), read.Budget(_READS), repository.bundle)
    stored = reader.read(repository.storage.now())
    return max((item.time for item in (stored.backup, stored.good_run) if item), default=None)


def show(report: dict) -> str:
    """Each check with its time, then what is wrong."""
    if report.get("level") is None:
        return "\n".join([f"{report['msg']}.", *(f"  {printable(path)}" for path in report["removed"])])
    if "checks" not in report:
        return ""
    rows = [(check["name"], check["result"], f"{check['duration_s']:.1f}s") for check in report["checks"]]
    lines = [f"Snapshot of {moment(report['snapshot']['id'])}:", table(("CHECK", "RESULT", "TIME"), rows, right=(2,))]
    if report["recovery_s"] is not None:
        counted = f"agents: {_number(report['agents'])}, sessions: {_number(report['sessions'])}"
        lines.append(f"  brought back in {span(report['recovery_s'])}: OpenClaw {report['openclaw']}, {counted}")
    for one in report["problems"][:_SHOWN]:
        lines.append(f"  {printable(one['check'])}: {printable(one['object'])}: {printable(one['message'])}")
    for older in report["older"]:
        lines.append(f"  older snapshot {older['snapshot']}: {'good' if older['good'] else 'not good either'}")
    return "\n".join(lines + [f"  {printable(note)}" for note in report["notes"]])


def _number(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"
