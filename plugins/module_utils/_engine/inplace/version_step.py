# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The OpenClaw that opens the restored state: the installed one, or the snapshot's, installed first and taken back with the rest."""
from __future__ import annotations

from dataclasses import dataclass

from ..capture.locate import Location
from ..edits.staged import Staged
from ..errors import EngineError
from ..gateway import installation, preflight, version_switch
from ..gateway.installation import Installation
from ..gateway.version_switch import Switch
from ..options import GatewayOptions
from ..ports import Context
from . import foreseen


@dataclass(frozen=True)
class Versions:
    """snapshot: of the OpenClaw that made it, "" if unknown. installed: what is here, None where there is none. install: another one."""

    snapshot: str
    installed: Installation | None
    install: bool = False

    def to_dict(self) -> dict:
        """For check mode and people."""
        here = self.installed
        return {
            "snapshot": self.snapshot or None, "installed": here.version if here else None, "node": here.node_version if here else None,
            "installs": self.snapshot if self.install else None}


def installed(location: Location, options: GatewayOptions, context: Context) -> Installation | None:
    """What runs the instance; None where there is none on this host."""
    try:
        return installation.find(location, options, context)
    except EngineError as exc:
        if exc.code != "openclaw-missing":
            raise
        return None


def compare(made, found: Installation | None) -> Versions:
    """What the option version makes of the two versions. EngineError "version-differs" where they may not differ."""
    wanted = made.header.openclaw_version
    if found is None or not wanted or found.version == wanted:
        return Versions(wanted, found)
    if made.options.version == "refuse":
        raise EngineError(
            "version-differs", f"OpenClaw {found.version} is installed, and {wanted} made snapshot {made.ref.id}",
            f"Install {wanted}, or let the installed one open the state (version: keep).", {"installed": found.version, "snapshot": wanted})
    return Versions(wanted, found, made.options.version == "install")


def prepare(made, context: Context) -> Switch | None:
    """Fetch the snapshot's version, where it is to be installed, beside the one that runs. EngineError of version_switch.prepare()."""
    versions = made.versions
    return version_switch.prepare(versions.installed, versions.snapshot, context) if versions.install else None


def require_readable(made, staged: Staged, switch: Switch | None, context: Context) -> dict | None:
    """Ask the OpenClaw that will open the staged state whether it can; what it said, None where nobody can be asked.

    What it said of files of the same shape when they were prefetched is not asked again. EngineError "openclaw-refuses-state".
    """
    found = made.versions.installed
    if found is None or switch is not None and not switch.directory:
        return None
    files = foreseen.files_of(staged)
    judged = None if switch else foreseen.recall(made.foreseen, files, found)
    if judged is None:
        directory, version = (switch.directory, switch.new) if switch else (found.directory, found.version)
        judged = preflight.judge(files, directory, version, found.node, made.location.account, context)
    judged.require()
    return judged.to_dict()


def go_back(values: dict | None, context: Context) -> None:
    """Put the old version back, whatever the switch had come to. values: of the journal. EngineError "openclaw-install-failed"."""
    if values:
        version_switch.from_dict(values).revert(context)
