# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Which entries of a manifest a restore of a part takes, so that the part is whole in itself."""
from __future__ import annotations

import os
from dataclasses import replace
from typing import Callable, Iterator

from .capture import components
from .errors import EngineError, damaged
from .repository.manifest import FILE, HARD_LINK, Entry, Manifest


def entries_of(manifest: Manifest, what: str) -> Iterator[tuple[Entry, bytes]]:
    """All entries with their lines. EngineError "repository-damaged" for one that cannot be."""
    try:
        yield from manifest.entries_and_lines()
    except ValueError as exc:
        raise damaged(f"The manifest of snapshot {what}", str(exc)) from exc


def selection(manifest: Manifest, paths: tuple[str, ...], wanted: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a path belongs to what was asked for. EngineError "option-invalid" for an unknown component."""
    state = manifest.meta["instance"]["state_dir"]
    chosen = tuple(os.path.normpath(path if path.startswith("/") else f"{state}/{path}") for path in paths)
    for name in wanted:
        if name not in components.COMPONENTS and not name.startswith("agent:"):
            known = ", ".join(components.COMPONENTS)
            raise EngineError("option-invalid", f"There is no component {name!r}", f"Components: {known}, agent:ID.")
    agents = tuple(name[6:] for name in wanted if name.startswith("agent:"))
    plain = tuple(name for name in wanted if not name.startswith("agent:"))
    classifier = components.Classifier(manifest.meta["roots"]) if wanted else None

    def selected(path: str) -> bool:
        if chosen and not any(path == one or path.startswith(one.rstrip("/") + "/") for one in chosen):
            return False
        if classifier is None:
            return True
        place = classifier.place(path)
        return components.is_selected(place, plain) or place.agent in agents
    return selected


class Choice:
    """The entries that a restore takes.

    A database's log goes with its database, whatever its own path is. Of a file with several names, of which the one that
    holds the content is not selected, the first selected one gets the content. everything: selected() is always true.
    """

    def __init__(self, manifest: Manifest, what: str, selected: Callable[[str], bool], everything: bool = False) -> None:
        self._manifest, self._what, self.selected = manifest, what, selected
        # Files that are not selected, and have a name that is; looked for when first needed.
        self._borrowed: frozenset[str] | None = frozenset() if everything else None

    def entries(self) -> Iterator[tuple[Entry, bytes]]:
        """They, with their lines. EngineError "repository-damaged"."""
        if self._borrowed is None:
            self._borrowed = frozenset(
                entry.target for entry, _line in entries_of(self._manifest, self._what)
                if entry.type == HARD_LINK and self.selected(entry.path) and not self.selected(entry.target))
        lent: dict[str, list[Entry]] = {}
        given: dict[str, str] = {}
        for entry, line in entries_of(self._manifest, self._what):
            owner = (entry.database or {}).get("part_of", entry.path)
            if self.selected(owner):
                if entry.type == HARD_LINK and entry.target in lent:
                    yield from self._lend(entry, lent[entry.target], given)
                else:
                    yield entry, line
            elif owner in self._borrowed and entry.type == FILE:
                lent.setdefault(owner, []).append(entry)
                if owner in given:
                    yield _renamed(entry, given[owner])

    @staticmethod
    def path(captured: str) -> str:
        """Where a captured path goes below the target: it stays what it is."""
        return captured

    @staticmethod
    def _lend(link: Entry, files: list[Entry], given: dict[str, str]) -> Iterator[tuple[Entry, bytes]]:
        if link.target in given:
            entry = replace(link, target=given[link.target])
            yield entry, entry.to_line().encode()
            return
        given[link.target] = link.path
        for entry in files:
            yield _renamed(entry, link.path)


def _renamed(entry: Entry, owner: str) -> tuple[Entry, bytes]:
    """A file, or a database's log or journal, under the name that the file or the database has got."""
    if entry.database and "part_of" in entry.database:
        entry = replace(entry, path=owner + entry.path[len(entry.database["part_of"]):], database={"part_of": owner})
    else:
        entry = replace(entry, path=owner)
    return entry, entry.to_line().encode()
