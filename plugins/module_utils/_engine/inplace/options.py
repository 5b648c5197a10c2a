# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The options of a restore in place. Names and defaults are those of the module's documentation."""
from __future__ import annotations

from dataclasses import dataclass, field

from .. import durations
from ..edits.apply import EditOptions, check_options
from ..edits.partial import check_merge
from ..errors import EngineError
from ..options import GatewayOptions

STARTS = ("auto", "always", "never")
VERSIONS = ("keep", "install", "refuse")


@dataclass(frozen=True)
class InPlaceOptions:
    """One restore over the live state.

    paths: only these and what is below them, absolute as captured, or relative to the state directory. components: only
    these. merge: "cron" and "sessions" of the snapshot are merged into the live state. exclude: patterns that backups of
    this instance leave out; what lies there is left alone. moves: (path at capture, path here). service_files: unit and
    environment files outside of the state directory too. pre_restore: make a snapshot of the live state first. keep_aside:
    how long the old state is kept. start: auto starts the gateway if it ran or should have. version: what to do where
    another OpenClaw is installed than made the snapshot. force: also if it is in place already. unfence: where the gateway is
    fenced, take the fence away with what is behind it, in one step: nothing but what is restored runs then. edits: what becomes
    of the past and of the identity.
    """

    snapshot: str = "latest"
    paths: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    merge: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    moves: tuple[tuple[str, str], ...] = ()
    service_files: bool = False
    pre_restore: bool = True
    keep_aside: str = "7d"
    start: str = "auto"
    version: str = "keep"
    force: bool = False
    unfence: bool = False
    edits: EditOptions = field(default_factory=EditOptions, metadata={"options": EditOptions})
    gateway: GatewayOptions = field(default_factory=GatewayOptions, metadata={"options": GatewayOptions})

    def check(self) -> None:
        """EngineError "option-invalid" for a value that cannot be."""
        for name, known in (("start", STARTS), ("version", VERSIONS)):
            if getattr(self, name) not in known:
                raise EngineError(
                    "option-invalid", f"The option {name} cannot be {getattr(self, name)!r}", f"Choices: {', '.join(known)}.")
        self.aside_seconds()
        check_options(self.edits)
        check_merge(self.merge)

    @property
    def partial(self) -> bool:
        """Whether only a part is asked for."""
        return bool(self.paths or self.components or self.merge)

    def aside_seconds(self) -> int:
        """keep_aside in seconds. EngineError "option-invalid"."""
        return durations.parse(self.keep_aside, "keep_aside")
