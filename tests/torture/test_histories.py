# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random histories against a model: whatever happens in between, a snapshot restores to what there was when it was made.

60 steps for each of a few seeds in the short form, 1,000 in the full one. A failure names its seed and prints its steps;
HISTORY_SEED=17 runs that one alone.
"""
from __future__ import annotations

import importlib.util
import os
import random
import shutil
import sys
from pathlib import Path

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import backup, prune, verify
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import RetentionOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import names, writer
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository.repository import list_packs
from support.clock import ManualClock
from support.fault_storage import FaultStorage, Killed
from support.rig import Rig, below
from support.trees import differences

_specification = importlib.util.spec_from_file_location("history", Path(__file__).with_name("history.py"))
history = sys.modules["history"] = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(history)

FULL = os.environ.get("TORTURE") == "full"
SEEDS = [int(os.environ["HISTORY_SEED"])] if "HISTORY_SEED" in os.environ else list(range(20 if FULL else 5))
STEPS = 1000 if FULL else 60


class World:
    """A tree, a repository, and for every snapshot what the tree was when it was made. lost: snapshot id to the packs it lacks.

    newest: the snapshot that the latest backup made, or found unchanged.
    """

    def __init__(self, directory: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.clock = ManualClock()
        self.rig = Rig(directory, clock=self.clock)
        self.tree = history.Tree(self.rig.source, self.random)
        self.outside = directory / "outside"
        self.outside.mkdir()
        (self.outside / "note.md").write_text("beside the state")
        (self.rig.source / "openclaw.json").write_text("{}")
        self.facts: dict[str, dict] = {}
        self.lost: dict[str, set[str]] = {}
        self.made = self.restored = self.retired = self.healed = 0
        self.newest = ""
        self.log: list[str] = []

    def step(self) -> None:
        """Something happens."""
        action = self.random.choices(
            [self.change, self.back_up, self.restore, self.prune, self.lose_a_pack, self.kill, self.verify, self.wait],
            [50, 20, 12, 4, 3, 5, 3, 3])[0]
        self.log.append(action.__name__)
        found = action()
        if found:
            self.log[-1] += f": {found}"

    def change(self) -> str:
        """The tree changes."""
        return self.tree.change()

    def wait(self) -> None:
        """Time passes."""
        self.clock.advance(self.random.choice((1, 3600, 86400, 10 * 86400)))

    # --- backups

    def _options(self) -> dict:
        options = {"kind": self.random.choice(("scheduled", "scheduled", "manual", "pre-update", "migration"))}
        if self.random.random() < 0.1:
            options["force"] = True
        if self.random.random() < 0.1:
            options["name"] = f"name-{self.clock.now():.0f}"
        if self.random.random() < 0.15:
            options["scope"], self.rig.roots = "workspace", [self.outside]
        elif self.random.random() < 0.15:
            options["scope"], self.rig.roots = "everything", [self.rig.source, self.outside]
        else:
            options["scope"], self.rig.roots = "state", [self.rig.source]
        return options

    def back_up(self) -> str:
        """A backup, then its manifest against the tree."""
        self.clock.advance(60)
        options, facts = self._options(), self._facts()
        made = self.rig.plan(**options)
        result = backup.execute(made, self.rig.context)
        assert not result.omissions and not result.damaged_databases, result
        self.retired += len(made.known.retired)
        self.newest = result.header.id
        if result.changed:
            self.healed += bool(made.known.lost)
            self._note(result.header.id, facts, options["scope"])
        else:
            wrong = differences(self.facts[result.header.id], self._of_scope(facts, options["scope"]))
            assert not wrong, f"it changed, and was called unchanged: {wrong}"
            assert not self.lost.get(result.header.id)
        return f"{options} {'made ' + result.header.id if result.changed else 'unchanged'}"

    def _facts(self) -> dict:
        return {**{f"source/{name}": fact for name, fact in self.tree.facts().items()},
                **{f"outside/{name}": fact for name, fact in history.describe(self.outside).items()}}

    @staticmethod
    def _of_scope(facts: dict, scope: str) -> dict:
        kept = {"everything": ("source/", "outside/"), "state": ("source/",), "workspace": ("outside/",)}[scope]
        return {name: fact for name, fact in facts.items() if name.startswith(kept)}

    def _note(self, snapshot_id: str, facts: dict, scope: str) -> None:
        self.made += 1
        self.facts[snapshot_id] = self._of_scope(facts, scope)
        lines = self.rig.entries(snapshot_id)
        for path, entry in lines.items():
            if entry.type == "file" and entry.database is None:
                assert entry.digest == _digest(path), path

    def kill(self) -> str:
        """A backup that dies at some request."""
        self.clock.advance(60)
        options, facts, before = self._options(), self._facts(), set(self.rig.snapshot_ids())
        storage = FaultStorage(self.rig.storage, self.random.randrange(1, 25), when=self.random.choice(("before", "after")))
        try:
            self.rig.back_up(storage, **options)
        except Killed:
            pass
        for snapshot_id in set(self.rig.snapshot_ids()) - before:
            self._note(snapshot_id, facts, options["scope"])
        return f"{options} at request {storage.requests}"

    # --- the repository

    def lose_a_pack(self) -> str | None:
        """A stored object disappears, or loses its end."""
        packs = sorted(list_packs(self.rig.storage))
        if not packs:
            return None
        pack, cut = self.random.choice(packs), self.random.random() < 0.3
        hurt = [snapshot_id for snapshot_id in self.facts if pack in {row.pack for row in self.rig.manifest(snapshot_id)[1].tables.packs}]
        name = names.pack_object(pack)
        data, modified = self.rig.storage.objects.pop(name)
        if cut:
            self.rig.storage.objects[name] = (data[:len(data) // 2], modified)
        for snapshot_id in hurt:
            self.lost.setdefault(snapshot_id, set()).add(pack)
        return f"{pack}, needed by {hurt}"

    def prune(self) -> str:
        """Retention at work."""
        self.clock.advance(self.random.choice((0, 86400, 3 * 86400)))
        retention = RetentionOptions(
            max_backups=self.random.choice((0, 2, 5)), max_age_days=self.random.choice((0, 3, 30)), keep_daily=self.random.choice((0, 3)))
        try:
            result = self.rig.prune(retention=retention, max_delete_share=1.0)
        except EngineError as exc:
            assert exc.code == "prune-too-much", exc
            return str(exc)
        for snapshot_id in result.removed:
            del self.facts[snapshot_id]
            self.lost.pop(snapshot_id, None)
        assert set(self.facts) == set(self.rig.snapshot_ids())
        return f"{retention} removed {result.removed} and {result.packs_removed} packs"

    def restore(self) -> str | None:
        """Any snapshot comes back as it was, but for what was in lost packs."""
        if not self.facts:
            return None
        snapshot_id = self.random.choice(sorted(self.facts))
        self.check(snapshot_id)
        return snapshot_id

    def check(self, snapshot_id: str) -> None:
        """Restore a snapshot and compare."""
        failed: set[str] = set()
        try:
            self.rig.restore(snapshot_id)
        except EngineError as exc:
            assert exc.code == "restore-incomplete" and self.lost.get(snapshot_id), exc
            failed = {item["path"] for item in exc.details["failed"]}
            assert failed
        else:
            assert not self.needed(snapshot_id), "packs are lost, and nothing was said to be missing"
        self._compare(snapshot_id, self._restored_to(), failed)
        self.restored += 1
        self.rig.forget_restored()

    def _restored_to(self) -> Path:
        return max(self.rig.directory.glob("restored-*"), key=lambda path: int(path.name[9:]))

    def needed(self, snapshot_id: str) -> bool:
        """Whether a file of this snapshot has a chunk in the lost part of a pack."""
        tables = self.rig.manifest(snapshot_id)[1].tables
        left = {number: len(self.rig.storage.objects.get(names.pack_object(row.pack), (b"",))[0])
                for number, row in enumerate(tables.packs) if row.pack in self.lost.get(snapshot_id, ())}
        gone = {frame for frame, pack in enumerate(tables.frame_pack)
                if tables.frame_offset[frame] + tables.frame_stored[frame] > left.get(pack, 1 << 40)}
        used = {chunk for entry in self.rig.entries(snapshot_id).values() for first, count, step in entry.runs
                for chunk in range(first, first + (count if step else 1))}
        return any(tables.chunk_frame[chunk] in gone for chunk in used)

    def _compare(self, snapshot_id: str, target: Path, failed: set[str]) -> None:
        expected = {name: _without_set_id(fact) for name, fact in self.facts[snapshot_id].items()}
        base = below(target, self.rig.directory)
        missing = {os.path.relpath(path, self.rig.directory) for path in failed}
        missing |= {name[:-4] for name in missing if name.endswith("-wal")}
        found = {}
        for root in ("source", "outside"):
            if (base / root).exists():
                inner = {name[len(root) + 1:]: fact for name, fact in expected.items() if name.startswith(root) and name not in missing}
                found.update({f"{root}/{name}": fact for name, fact in history.restored_facts(base / root, inner).items()})
        if failed:  # times of directories and the first names of hard links may differ where files are missing
            expected = {name: fact for name, fact in expected.items()
                        if name not in missing and fact[0] != "directory" and fact[-1] == name.partition("/")[2]}
            found = {name: fact for name, fact in found.items() if name in expected}
        wrong = differences(expected, found)
        assert not wrong, "\n".join(wrong[:20])

    def verify(self) -> str | None:
        """What a verification says is what the model knows."""
        if not self.facts:
            return None
        repository = self.rig.open()
        try:
            verify.execute(verify.plan(repository, verify.VerifyOptions("data", "all"), self.rig.context), self.rig.context)
            hurt = set()
        except EngineError as exc:
            assert exc.code == "verification-failed", exc
            hurt = {problem["snapshot"] for problem in exc.details["problems"]}
        assert hurt == set(self.lost)
        return f"hurt: {sorted(hurt)}"


def _without_set_id(fact: tuple) -> tuple:
    """Files that would run as somebody else are restored as ordinary ones, and the restore says so."""
    return (fact[0], fact[1] & 0o1777, *fact[2:]) if fact[0] == "file" else fact


def _digest(path: str) -> str:
    import blake3
    return blake3.blake3(Path(path).read_bytes()).hexdigest()


@pytest.mark.parametrize("seed", SEEDS)
def test_every_snapshot_restores_to_what_there_was(tmp_path, monkeypatch, seed):
    """Packs are small here, so that there are many, and snapshots soon use little of the older ones."""
    monkeypatch.setattr(writer, "FRAME_BYTES", 32 << 10)
    monkeypatch.setattr(writer, "PACK_BYTES", 256 << 10)
    monkeypatch.setattr(backup, "COMPACTION_BUDGET", 200 << 10)
    world = World(tmp_path, seed)
    try:
        for _step in range(STEPS):
            world.step()
        world.back_up()
        for snapshot_id in list(world.facts)[-40:]:
            world.check(snapshot_id)
        assert not world.lost.get(world.newest), "a new snapshot is whole, whatever was lost before it"
    except BaseException:
        print(f"seed {seed}:", *world.log, sep="\n")
        raise
    finally:
        world.tree.close()
        shutil.rmtree(tmp_path, ignore_errors=True)
    print(f"seed {seed}: {len(world.log)} steps, {world.made} snapshots, {len(world.facts)} at the end, {world.restored} restored, "
          f"{world.retired} packs retired, {world.healed} losses healed")
