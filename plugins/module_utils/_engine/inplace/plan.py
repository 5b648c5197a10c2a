# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What a restore over the live state would do: read the manifest, look at the disk and at the gateway, change nothing."""
from __future__ import annotations

import os
import secrets
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Callable

from .. import channels, memory, prefetch, restore, source
from ..capture import walk
from ..capture.config_file import include_roots, load_config
from ..capture.instance import discover
from ..capture.layout import STATE_DATABASE
from ..capture.locate import Location, locate
from ..capture.model import Instance
from ..capture.paths import inside
from ..edits.partial import choose
from ..errors import EngineError
from ..gateway import fence
from ..gateway.control import Gateway
from ..gateway.detect import detect
from ..options import BackupOptions, EncryptionOptions, IncludeOptions, InstanceOptions, StorageOptions
from ..placement import Placement, place
from ..ports import Context
from ..repository import names
from ..repository.manifest import DIRECTORY, Manifest
from ..repository.repository import Repository, SnapshotRef
from ..repository.snapshot import Header
from ..restore_selection import entries_of, selection
from ..snapshots import find
from . import foreseen, journal, live, marker, pieces
from .ground import Ground
from .live import Live
from .options import InPlaceOptions
from .placed import PlacedChoice, Roots, choose_roots
from .version_step import Versions, compare, installed

SHOWN = 1000  # paths of each kind


@dataclass(frozen=True)
class Where:
    """Whose state, and where its repository is: what every operation is told."""

    instance: InstanceOptions
    storage: StorageOptions
    encryption: EncryptionOptions


@dataclass
class InPlacePlan:
    """instance: what is there now; None where there is no state yet. backup: options that take what the snapshot holds.

    parts: staging directory → the restore that fills it. channels: those that may have to be paired again, and what to do then.

    swapped: the paths that are swapped, whole; fixed: directories above them that stay. selected(): whether a path of this
    host belongs to what is restored. sources: what is staged only to be merged into the live state. remembers: the live database that
    knows another config than the restored one, where the snapshot brings none. created, replaced, deleted: files and links, by what a
    restore does to them. directories: path → (mode, uid, gid) of the snapshot's, for those that are missing. foreseen: what OpenClaw
    said of the prefetched state.
    """

    where: Where
    options: InPlaceOptions
    repository: Repository
    ref: SnapshotRef
    header: Header
    manifest: Manifest
    location: Location
    placement: Placement
    instance: Instance | None
    roots: Roots
    ground: Ground
    live: Live
    gateway: Gateway
    attempt: str
    backup: BackupOptions
    source: source.Chosen | None = None
    parts: dict[str, restore.RestorePlan] = field(default_factory=dict)
    swapped: list[str] = field(default_factory=list)
    fixed: list[str] = field(default_factory=list)
    directories: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    unchanged: int = 0
    in_place: bool = False
    gateway_state: str = "unknown"
    channels: list[dict] = field(default_factory=list)
    versions: Versions = Versions("", None)
    foreseen: dict = field(default_factory=dict)
    sources: frozenset[str] = frozenset()
    remembers: str = ""
    selected: Callable[[str], bool] = lambda path: True

    @property
    def changed(self) -> bool:
        return not self.in_place

    @property
    def whole(self) -> bool:
        """Whether the whole state is restored, its identity with it."""
        return not self.options.partial and self.header.scope in ("everything", "state")

    @property
    def state_dir(self) -> str:
        """Of the target."""
        return self.location.state_dir

    def disk(self, path: str) -> str:
        """Where what will be at a path of this host lies until it is swapped in; it need not exist."""
        return self.beside(self.ground.final(path))

    def beside(self, final: str) -> str:
        """The same for a path as it really is."""
        return self.ground.staging_of(final) + final

    @property
    def may_be_swapped(self) -> list[str]:
        """What is swapped, and what is if it turns out to remember another config."""
        return [*self.swapped, *([self.remembers] if self.remembers else [])]

    @property
    def stagings(self) -> list[str]:
        """All staging directories, those too that hold nothing before the old state comes there."""
        return list(dict.fromkeys([*self.parts, *(self.ground.staging_of(path) for path in self.may_be_swapped)]))

    def request(self) -> dict:
        """What was asked for, as far as it decides what the state is afterwards."""
        options = self.options
        return {
            "repository": self.repository.id, "snapshot": self.ref.id, "paths": list(options.paths),
            "components": list(options.components), "merge": list(options.merge), "edits": asdict(options.edits),
            "moves": [list(move) for move in options.moves], "service_files": options.service_files}

    def to_dict(self) -> dict:
        """For check mode and people."""
        kept = Counter(why for path, why in self.live.kept.items())
        return {
            "changed": self.changed, "snapshot": self.ref.id, "state_dir": self.state_dir, "user": self.location.account.name,
            "swaps": len(self.swapped), "created": len(self.created),
            "replaced": len(self.replaced), "deleted": len(self.deleted), "unchanged": self.unchanged,
            "paths": {"created": self.created[:SHOWN], "replaced": self.replaced[:SHOWN], "deleted": self.deleted[:SHOWN]},
            "swapped": self.swapped[:SHOWN], "left_alone": dict(kept), "left_out": list(self.roots.left_out),
            "room": [{"directory": os.path.dirname(path), "bytes": part.room} for path, part in self.parts.items()],
            "files": sum(part.files for part in self.parts.values()), "bytes": sum(part.bytes for part in self.parts.values()),
            "bytes_to_read": sum(part.download for part in self.parts.values()),
            "moves": [list(move) for move in self.placement.moves], "gateway": self.gateway_state,
            "versions": self.versions.to_dict(),
            "unfences": _lifts_fence(self), "held_back": asdict(self.options.edits), "channels": self.channels,
            "pre_restore_snapshot": bool(self.options.pre_restore and self.instance), "keep_aside": self.options.keep_aside,
            "omissions": self.manifest.meta.get("omissions", [])}


def plan(repository: Repository, options: InPlaceOptions, where: Where, context: Context) -> InPlacePlan:
    """Decide everything. EngineError: those of restore.plan() and of discovery, "restore-unfinished", "restore-place-kept"."""
    memory.keep_freed_memory()
    names.require_utf8()
    options.check()
    repository.reader()
    location = locate(where.instance, context)
    _require_no_attempt(location.state_dir)
    ref = find(repository, options.snapshot)
    header, manifest = repository.load(ref)
    placement = place(manifest.meta, location, options.moves)
    roots = choose_roots(manifest.meta, _directories(manifest, ref), options.service_files, placement)
    attempt = secrets.token_hex(4)
    ground = Ground({placement.path(path): directory for path, directory in roots.kept.items()}, attempt, location.state_dir)
    wanted = _as_backup(manifest, header, options)
    chosen = what_is_there(where, wanted, context)
    instance = chosen.source.instance if chosen else None
    program = installed(location, options.gateway, context)
    found = live.look(ground, chosen.source.rules if chosen else walk.Rules(), instance.foreign if instance else (), program)
    gateway = Gateway(location, detect(location, options.gateway, context), options.gateway, context)
    made = InPlacePlan(
        where, options, repository, ref, header, manifest, location, placement, instance, roots, ground, found, gateway, attempt, wanted,
        chosen)
    _fill(made)
    made.gateway_state = gateway.status().state
    made.channels = _channels(location)
    made.versions = compare(made, program)
    made.foreseen = foreseen.read(location.state_dir)
    return made


def _channels(location: Location) -> list[dict]:
    """The channels of the live config whose logins have moved on since the snapshot."""
    config = load_config(location.config_path, include_roots(location.environment, location.path_of), location.path_of)
    found = channels.expectations(config.data, location.environment, stale=True)
    return [one.to_dict() for one in found if one.survives != channels.YES]


def _require_no_attempt(state_dir: str) -> None:
    if journal.load(journal.directory_of(state_dir)):
        raise EngineError(
            "restore-unfinished", f"An earlier restore of {state_dir} did not come to its end",
            "Run openclaw-backup recover, which undoes it; then restore again.", {"state_dir": state_dir})


def _directories(manifest: Manifest, ref: SnapshotRef) -> set[str]:
    """Which roots are directories in the snapshot."""
    paths = {root["path"] for root in manifest.meta["roots"]}
    return {entry.path for entry, _line in entries_of(manifest, ref.id) if entry.path in paths and entry.type == DIRECTORY}


def _as_backup(manifest: Manifest, header: Header, options: InPlaceOptions) -> BackupOptions:
    """The options with which a backup takes what the snapshot holds."""
    roots = manifest.meta["roots"]
    extra = tuple(root["path"] for root in roots if root["role"] == "extra" and os.path.lexists(root["path"]))
    include = IncludeOptions(any(root["role"] == "workspace" for root in roots), extra)
    return BackupOptions(header.scope, include, options.exclude, kind="pre-restore")


def what_is_there(where: Where, wanted: BackupOptions, context: Context) -> source.Chosen | None:
    """The source of a backup, here and now; None where there is no state."""
    try:
        discover(where.instance, context)
    except EngineError as exc:
        if exc.code != "instance-missing":
            raise
        return None
    return source.choose(where.instance, wanted, where.storage, where.encryption, context)


def _fill(made: InPlacePlan) -> None:
    """Pieces, parts and differences."""
    options, manifest, placement, ground = made.options, made.manifest, made.placement, made.ground
    asked = _asked(made)

    def wanted(path: str) -> bool:
        return asked(path) and made.roots.hold(path) and not live.belongs_elsewhere(ground.final(placement.path(path)), made.live)

    _require_own(placement, wanted)
    if options.service_files and not options.partial and made.location.service:
        captured = {ground.final(placement.path(path)) for path in made.roots.kept}
        live.add_later_drop_ins(made.live, made.location.service.files, captured)
    everything = PlacedChoice(manifest, made.ref.id, wanted, placement, ground)
    types: dict[str, str] = {}
    _require_paths(made, asked)
    noted = marker.read(journal.directory_of(made.state_dir), made.request(), made.state_dir)
    for entry, _line in everything.entries():
        types[entry.path] = entry.type
        _compare(made, entry, noted)
    unselected = []
    for entry, _line in entries_of(manifest, made.ref.id):
        if entry.type == DIRECTORY:
            made.directories[everything.path(entry.path)] = (entry.mode, *placement.owner(entry.uid, entry.gid))
        if options.partial and made.roots.hold(entry.path) and everything.path(entry.path) not in types:
            unselected.append(everything.path(entry.path))

    def selected(final: str) -> bool:
        return asked(placement.captured(ground.placed(final)))

    made.selected = selected
    made.swapped, made.fixed = pieces.find(types, unselected, made.live, ground, selected)
    made.deleted = [path for path in _gone(made, types, selected) if not noted.same(path, made.live.rows.get(path))]
    _split(made, wanted, types)
    made.remembers = _remembering(made, types)
    made.in_place = not (made.created or made.replaced or made.deleted or options.force or _lifts_fence(made))


def _lifts_fence(made: InPlacePlan) -> bool:
    return made.options.unfence and fence.find(made.state_dir) is not None


def _asked(made: InPlacePlan) -> Callable[[str], bool]:
    """Whether a captured path is restored or, for a part, staged beside it. Sets sources."""
    options, manifest, ground, placement = made.options, made.manifest, made.ground, made.placement
    nothing = options.merge and not options.paths and not options.components
    chosen = (lambda path: False) if nothing else selection(manifest, options.paths, options.components)
    if not options.partial:
        return chosen
    entries = (entry for entry, _line in entries_of(manifest, made.ref.id))
    sources, added = choose(
        entries, manifest.meta, options.merge, chosen, lambda path: ground.final(placement.path(path)))
    made.sources = frozenset(ground.final(placement.path(path)) for path in sources)
    return lambda path: chosen(path) or path in sources or path in added


def _require_own(placement: Placement, wanted: Callable[[str], bool]) -> None:
    """Where the original is on this host too, what keeps its path is the original's."""
    shared = [path for path in placement.unmoved if wanted(path) and os.path.lexists(path)]
    if shared and os.path.isdir(placement.source.state_dir):
        raise EngineError(
            "placement-shared", f"{shared[0]} is where the original at {placement.source.state_dir} works, and would be replaced",
            "Say where it goes for this instance (moves), or leave it out.", {"paths": shared, "original": placement.source.state_dir})


def _require_paths(made: InPlacePlan, asked: Callable[[str], bool]) -> None:
    """A path that the snapshot does not have would be removed: whoever names it means something else."""
    entries = [entry.path for entry, _line in entries_of(made.manifest, made.ref.id) if asked(entry.path)] if made.options.paths else []
    state = made.manifest.meta["instance"]["state_dir"]
    for text in made.options.paths:
        path = os.path.normpath(text if text.startswith("/") else f"{state}/{text}")
        if not any(inside(entry, path) for entry in entries):
            raise EngineError(
                "nothing-selected", f"Snapshot {made.ref.id} has nothing at {path}", "List its paths first (openclaw-backup ls).",
                {"path": path})


def _compare(made: InPlacePlan, entry, noted) -> None:
    row = made.live.rows.get(entry.path)
    if entry.type == DIRECTORY or entry.path in made.sources and not made.options.merge:
        return
    if row is None and not os.path.lexists(entry.path):
        made.created.append(entry.path)
    elif row is not None and (marker.as_captured(entry, row) or noted.same(entry.path, row)):
        made.unchanged += 1
    else:
        made.replaced.append(entry.path)


def _remembering(made: InPlacePlan, types: dict[str, str]) -> str:
    """The live global database, where a config is restored without it: OpenClaw would put back the config that it remembers."""
    database = os.path.realpath(f"{made.state_dir}/{STATE_DATABASE}")
    config = made.ground.final(made.placement.path(made.manifest.meta["instance"]["config_path"]))
    wanted = made.options.edits.anchors == "refresh" and config in types and database not in types
    return database if wanted and os.path.isfile(database) else ""


def _gone(made: InPlacePlan, types: dict[str, str], selected) -> list[str]:
    return [
        path for path, row in made.live.rows.items()
        if path not in types and not row.is_directory and (selected(path) or pieces.sidecar_of(path, types))]


def _seed(made: InPlacePlan, staging: str) -> str | None:
    """What was prefetched of the whole instance, where a rename reaches it from a staging directory."""
    directory = prefetch.directory_of(made.state_dir)
    if made.options.partial or not os.path.isdir(directory):
        return None
    return directory if os.stat(directory).st_dev == os.stat(os.path.dirname(staging)).st_dev else None


def _split(made: InPlacePlan, wanted, types: dict[str, str]) -> None:
    """One restore for each staging directory. EngineError "target-full", "nothing-selected"."""
    ground, placement = made.ground, made.placement
    for staging in dict.fromkeys(ground.staging_of(path) for path in types):
        def here(path: str, staging: str = staging) -> bool:
            return wanted(path) and ground.staging_of(ground.final(placement.path(path))) == staging
        choice = PlacedChoice(made.manifest, made.ref.id, here, placement, ground)
        options = restore.RestoreOptions(made.ref.id, staging, seed=_seed(made, staging))
        made.parts[staging] = restore.plan_loaded(restore.RestorePlan(
            made.repository, options, made.ref, made.header, made.manifest, choice))
    if not made.parts:
        raise EngineError(
            "nothing-selected", f"Snapshot {made.ref.id} holds nothing of what was asked for", "List its paths and components first.")
