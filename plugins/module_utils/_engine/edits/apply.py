# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Everything that a restored state needs before it may go live, in the order in which it has to be done."""
from __future__ import annotations

from dataclasses import dataclass

from ..errors import EngineError
from ..ports import Context
from .anchors import refresh_anchors
from .past import hold_deliveries, settle_turns
from .past_cron import skip_missed
from .past_files import hold_queue_files, remove_left_behind, settle_session_files
from .path_text import PathText
from .relocate_databases import relocate_databases
from .relocate_files import relocate_files
from .staged import EditReport, Staged


@dataclass(frozen=True)
class EditOptions:
    """What happens to the past and to the identity.

    deliveries: "hold" what was queued to be sent or answered, or "keep" it, so that it is. missed_cron: "skip" runs that were due
    between the snapshot and now, or "run" them. turns: "settle" those that were under way, or "resume" them. locks: "remove" what a
    process left behind, or "keep" it. anchors: "refresh" what OpenClaw compares its config with, or "keep" it. identity: of the
    "snapshot", or of the "target", which keep_identity() carries over once the gateway has stopped.
    """

    deliveries: str = "hold"
    missed_cron: str = "skip"
    turns: str = "settle"
    locks: str = "remove"
    anchors: str = "refresh"
    identity: str = "snapshot"


CHOICES = {
    "deliveries": ("hold", "keep"), "missed_cron": ("skip", "run"), "turns": ("settle", "resume"), "locks": ("remove", "keep"),
    "anchors": ("refresh", "keep"), "identity": ("snapshot", "target")}


def check_options(options: EditOptions) -> None:
    """EngineError "option-invalid" for a word that none of them knows."""
    for name, choices in CHOICES.items():
        if getattr(options, name) not in choices:
            raise EngineError("option-invalid", f"{name} cannot be {getattr(options, name)!r}", f"Choices: {', '.join(choices)}.")


def apply(staged: Staged, options: EditOptions, context: Context) -> EditReport:
    """Edit a staged state: relocation, nothing about the past, no stale locks and anchors. A second run changes nothing.

    EngineError: "edit-failed" (a database or a file cannot be edited), "option-invalid".
    """
    check_options(options)
    report = EditReport()
    try:
        if not staged.placement.same:
            texts = PathText(staged.placement)
            relocate_files(staged, texts, report)
            relocate_databases(staged, texts, report)
        if options.locks == "remove":
            remove_left_behind(staged, report)
        if options.deliveries == "hold":
            hold_queue_files(staged, report)
        if options.turns == "settle":
            settle_session_files(staged, report)
        _edit_past(staged, options, context, report)
        if options.anchors == "refresh":
            refresh_anchors(staged, report)
    except OSError as exc:
        raise EngineError(
            "edit-failed", f"The restored state could not be edited: {exc}",
            "Nothing live was changed. Look at the space and the permissions of the disk that holds the state.") from exc
    return report


def _edit_past(staged: Staged, options: EditOptions, context: Context, report: EditReport) -> None:
    now = round(context.clock.now() * 1000)
    if options.deliveries == "hold":
        hold_deliveries(staged, now, report)
    if options.turns == "settle":
        settle_turns(staged, now, report)
    if options.missed_cron == "skip":
        skip_missed(staged, now, report)


def repeat_past(staged: Staged, options: EditOptions, context: Context) -> EditReport:
    """Cron once more just before the state goes live: a run may have come due since apply(). Takes milliseconds. EngineError."""
    report = EditReport()
    if options.missed_cron == "skip":
        skip_missed(staged, round(context.clock.now() * 1000), report)
    return report
