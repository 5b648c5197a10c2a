# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What a backup finds in its repository: the snapshots, the packs, and the snapshot that it builds upon."""
from __future__ import annotations

from typing import Iterator

from .errors import EngineError
from .options import BackupOptions
from .repository import names
from .repository.repository import Repository, SnapshotRef, list_packs


def open_parent(repository_of, options: BackupOptions):
    """The repository, its newest snapshot of this scope if any (else the newest) with its reference, all references, its packs."""
    repository: Repository = repository_of()
    refs = repository.snapshots()
    if not refs:
        repository = _confirm(repository, repository_of)
    if options.name is not None:
        _require_unused(repository, refs, options.name)
    return repository, *choose_parent(repository, refs, options.scope), refs, list_packs(repository.storage)


def choose_parent(repository: Repository, refs: list[SnapshotRef], scope: str):
    """(header and manifest, reference) of the best parent, or (None, None)."""
    for ref in _candidates(repository, refs, scope):
        try:
            return repository.load(ref), ref
        except EngineError as exc:
            if exc.code not in ("repository-damaged", "object-missing", "format-unknown"):
                raise  # a snapshot that cannot be read is no parent: what it held is stored anew
    return None, None


def _candidates(repository: Repository, refs: list[SnapshotRef], scope: str) -> Iterator[SnapshotRef]:
    """What may be the parent, best first: the newest of this scope, of everything, of any. Prune pins the newest of each."""
    others = []
    for ref in reversed(refs):
        found = repository.scope_of(ref)
        if found == scope:
            yield ref
        elif found:
            others.append((found != "everything", ref))
    yield from (ref for _last, ref in sorted(others, key=lambda item: item[0]))


def _confirm(repository: Repository, repository_of) -> Repository:
    """Copies on this host may be of a repository that was replaced; one without snapshots is read again."""
    if repository.cache.read(names.REPOSITORY) is None:
        return repository
    repository.cache.clear()
    return repository_of()


def _require_unused(repository: Repository, refs: list[SnapshotRef], name: str) -> None:
    from .snapshots import labelled
    if any(label == name for label in labelled(repository, refs).values()):
        raise EngineError("name-taken", f"There is a snapshot named {name!r} already", "Choose another name; names are unique.")
