# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""survey, prefetch: what a move of an instance to another host looks at and brings over before anything is stopped."""
from __future__ import annotations

from openclaw_backup_engine import channels, placement, prefetch, survey
from openclaw_backup_engine.capture.config_file import load_config
from openclaw_backup_engine.inplace import foreseen
from openclaw_backup_engine.snapshots import find

from . import exit_codes
from .outcome import Outcome
from .text import moment, pairs, printable, size


def add(adder) -> None:
    """Declare the commands."""
    parser = adder.command("survey", "show what a move of the instance from or to this host has to know", run_survey, show_survey)
    parser.add_argument("--arrival", action="store_true", help="say whether this host could take over the newest snapshot's instance")
    parser.add_argument("--source-gone", action="store_true", help="the host that it comes from is gone: judge channels by that")
    parser = adder.command("prefetch", "bring a snapshot to this host ahead of its restore", run_prefetch, show_prefetch, locks=True)
    parser.add_argument("snapshot", nargs="?", default="latest", help="latest, an id, vN, or a name (default: latest)")
    parser.add_argument("--ask", action="store_true", help="ask this host's OpenClaw whether it could run with what was brought")
    parser.add_argument("--discard", action="store_true", help="remove what was brought")


def run_survey(arguments, session) -> Outcome:
    """Look. With --arrival, problems that stand in the way make the exit status that of a failure."""
    gateway, context = session.gateway(), session.context
    ground, location = survey.look(gateway, context), gateway.location
    if not arguments.arrival:
        config = load_config(location.config_path).data
        data = {"ground": ground.to_dict(), "snapshot": None, "problems": [], "channels": _channels(config, location.environment, False)}
        return Outcome(data, exit_codes.COMPLETE, f"{location.state_dir}: {ground.state}")
    repository = session.repository()
    repository.reader()
    header, manifest = repository.load(find(repository, "latest"))
    config = prefetch.config_of(location.state_dir, manifest.meta)
    needed = survey.still_to_come(header.bytes, location.state_dir)
    found = survey.describe(survey.problems(ground, manifest.meta, needed, config, context))
    moved = placement.place(manifest.meta, location)
    snapshot = {
        "id": header.id, "created": header.created, "kind": header.kind, "files": header.files, "bytes": header.bytes,
        "host": manifest.meta.get("host"), "versions": manifest.meta["instance"].get("versions") or {},
        "omissions": header.omissions, "moves": [list(move) for move in moved.moves], "unmoved": list(moved.unmoved)}
    data = {"ground": ground.to_dict(), "snapshot": snapshot, "problems": found,
            "channels": _channels(config, location.environment, arguments.source_gone)}
    errors = [one for one in found if one["level"] == survey.ERROR]
    msg = f"{len(errors)} errors, {len(found) - len(errors)} warnings"
    return Outcome(data, exit_codes.FAILED if errors else exit_codes.COMPLETE, msg)


def _channels(config: dict, environment: dict, stale: bool) -> list[dict]:
    return [one.to_dict() for one in channels.expectations(config, environment, stale=stale)]


def show_survey(report: dict) -> str:
    """One fact a line, then what stands in the way, then the channels."""
    ground, snapshot = report["ground"], report["snapshot"]
    versions = ", ".join(f"{name} {value}" for name, value in sorted(ground["versions"].items())) or "unknown"
    rows = [("State", ground["state_dir"] + ("" if ground["state_present"] else " (not there)")), ("Versions", printable(versions)),
            ("Gateway", f"{ground['state']} ({ground['service']}), port {ground['port']}"), ("Free", size(ground["free"]))]
    if snapshot:
        rows.append(("Snapshot", f"{snapshot['id']} of {printable(snapshot['host'])}, {size(snapshot['bytes'])}"))
    lines = [pairs(rows)]
    for one in report["problems"]:
        lines += [f"  {one['level']}: {printable(one['message'])}", f"    {printable(one['hint'])}"]
    for one in report["channels"]:
        lines.append(f"  {printable(one['channel'])}: survives: {one['survives']}. {one['why']} If not: {one['if_not']}")
    return "\n".join(lines)


def run_prefetch(arguments, session) -> Outcome:
    """Bring the snapshot, or remove it. With --ask, EngineError "openclaw-refuses-state"."""
    state_dir, context = session.location().state_dir, session.context
    if arguments.discard:
        removed = prefetch.discard(state_dir)
        return Outcome({"changed": removed}, exit_codes.COMPLETE if removed else exit_codes.UNCHANGED, "Nothing is prefetched")
    repository = session.repository()
    result, made = prefetch.prefetch(repository, state_dir, context, arguments.snapshot)
    data = {**result.to_dict(), "bytes_read": repository.storage.traffic.bytes_received, "host": made.manifest.meta.get("host")}
    if arguments.ask:
        judged = foreseen.ask(made.manifest.meta, session.location(), session.settings.gateway, context)
        data["judged"] = judged.to_dict() if judged else None
    if not result.changed:
        return Outcome(data, exit_codes.UNCHANGED, f"{data['snapshot']['id']} is here already")
    return Outcome(data, exit_codes.COMPLETE, f"{data['snapshot']['id']} is here")


def show_prefetch(report: dict) -> str:
    """What is here."""
    if "snapshot" not in report:
        return report["msg"]
    lines = [f"{report['msg']}, of {moment(report['snapshot']['created'])}: {size(report['bytes_read'])} read"]
    for one in (report.get("judged") or {}).get("verdicts", ()):
        lines.append(f"  {one['verdict']}: {printable(one['path'])}{': ' if one['reason'] else ''}{printable(one['reason'])}")
    return "\n".join(lines)
