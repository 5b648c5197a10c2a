# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What a proof is asked for, and what it found."""
from __future__ import annotations

from dataclasses import asdict, dataclass, field

from ..verify import Problem

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
# In this order; a proof of one snapshot ends where one of them fails, but for the reading ones: those find all that is wrong.
CHECKS = ("repository", "freshness", "data", "restore", "databases", "content", "openclaw", "boot")


@dataclass(frozen=True)
class ProofOptions:
    """One proof: a snapshot is restored into a throw-away place, checked, and its gateway booted there, cut off from everything.

    snapshot: one that find() knows, or "random": any older one. place: a directory for the throw-away place; None: memory.
    registry: a directory of this host's that remembers throw-away places, so that a later run can remove what a kill left.
    programs: a directory of OpenClaw releases; None: only what is on the PATH. max_age: how old the newest backup may be, and
    last_good: when there was one, both in seconds; 0 and None leave the check out. by: who asks for it, for the record. older: how many
    older snapshots are tried when this one fails. memory: bytes that the gateway may take. timeout: seconds until it must be ready.
    """

    registry: str
    snapshot: str = "latest"
    place: str | None = None
    programs: str | None = None
    max_age: float = 0
    last_good: float | None = None
    by: str = ""
    older: int = 3
    memory: int = 3 << 30
    timeout: float = 300.0


@dataclass
class Check:
    """One check of one snapshot. note: what is worth knowing although it passed."""

    name: str
    result: str = SKIPPED
    duration_s: float = 0.0
    note: str = ""


@dataclass
class Proof:
    """What was found out about one snapshot. recovery_s: how long the restore and
    the start took, until the gateway was ready; None: it never was.

    stopped: the code of what kept the checks from coming to their end, which is no word about the snapshot.
    """

    snapshot: str
    checks: list[Check] = field(default_factory=lambda: [Check(name) for name in CHECKS])
    problems: list[Problem] = field(default_factory=list)
    stopped: str = ""
    openclaw: str = ""
    files: int = 0
    databases: int = 0
    bytes_read: int = 0
    sessions: int | None = None
    agents: int | None = None
    recovery_s: float | None = None
    duration_s: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """The snapshot can be brought back. Its age is another matter."""
        return not self.stopped and all(problem.check == "freshness" for problem in self.problems)

    def check(self, name: str) -> Check:
        return next(check for check in self.checks if check.name == name)

    def to_dict(self) -> dict:
        """JSON-native."""
        return {**asdict(self), "good": self.good, "duration_s": round(self.duration_s, 3),
                "recovery_s": None if self.recovery_s is None else round(self.recovery_s, 3)}


@dataclass
class ProofResult:
    """The proof that was asked for, then those of older snapshots. newest_good: the newest of these that can be brought back."""

    proofs: list[Proof] = field(default_factory=list)
    newest_good: str | None = None
    recorded: bool = True
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return bool(self.proofs) and self.proofs[0].good and not self.proofs[0].problems

    def to_dict(self) -> dict:
        """In the words of the tool's results: those of a verification, of the snapshot that was asked for."""
        first = self.proofs[0].to_dict() if self.proofs else {}
        return {
            **first, "snapshot": {"id": first.get("snapshot")}, "level": "boot", "ok": self.ok, "changed": False,
            "snapshots": [proof.snapshot for proof in self.proofs],
            "older": [proof.to_dict() for proof in self.proofs[1:]], "newest_good": self.newest_good, "recorded": self.recorded,
            "notes": [*first.get("notes", []), *self.notes]}
