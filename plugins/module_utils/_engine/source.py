# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""From the options of a backup to its source: the instance, where walks begin, and what they leave out."""
from __future__ import annotations

import os
from dataclasses import dataclass

from .backup import Source
from .capture import refusals, scope
from .capture.exclusions import Exclusions
from .capture.instance import discover
from .capture.model import Finding
from .capture.walk import Rules
from .options import BackupOptions, EncryptionOptions, InstanceOptions, StorageOptions
from .ports import Context


@dataclass
class Chosen:
    """A source, and the exclusions that its walk asks."""

    source: Source
    exclusions: Exclusions

    def findings(self) -> list[Finding]:
        """What a person should know of the instance and of the user's patterns; complete after the walk."""
        return [*self.source.instance.findings, *self.exclusions.findings()]


def choose(
        instance: InstanceOptions, options: BackupOptions, storage: StorageOptions, encryption: EncryptionOptions,
        context: Context) -> Chosen:
    """Discover the instance and select what of it is backed up. Opens no repository.

    Raises EngineError: those of discovery and of scopes, "destination-inside-source", "key-inside-source".
    """
    found = discover(instance, context)
    selection = scope.select(found, options, context.environment)
    exclusions = Exclusions(found, selection.roots, options.exclude, selection.cuts)
    refusals.refuse_inside(
        selection.roots, refusals.local_destination(storage), refusals.secret_files(encryption, storage), cuts=selection.cuts,
        left_out=exclusions.left_out)
    roots = tuple(root for root in selection.roots if root.required or os.path.lexists(root.path))
    rules = Rules(reason=exclusions.reason, descend=exclusions.descend)
    return Chosen(Source(found, roots, rules, selection.all_roots), exclusions)
