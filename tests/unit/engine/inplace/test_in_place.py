# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restore over the live state brings back what the snapshot holds, all of it and only it, and says so beforehand."""
from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import restore_write
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture import default_exclusions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.inplace import aside, ground, journal
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import IncludeOptions
from support.fake_host import database, write
from support.picture import differences, picture


def files(seen: dict) -> dict:
    """Without directories: those that stay have another time afterwards."""
    return {path: what for path, what in seen.items() if not what[0].startswith("0o4")}


def unlike_then(host) -> list[str]:
    """What differs from the moment of the backup, but for what backups leave out."""
    left_out = ("/logs/gateway.log", "/cache/", "/tmp/", "-lock.sqlite", "-writer.sqlite", "/node_modules/")
    return [word for word in differences(files(host.then), files(host.picture())) if not any(part in word for part in left_out)]


def test_everything_comes_back_and_only_it(host):
    log = (host.state.path / "logs/gateway.log").read_text()
    made = host.plan_in_place().to_dict()
    result = host.restore_in_place().to_dict()
    assert result["changed"] and result["plan"]["swapped"] == made["swapped"]
    assert not unlike_then(host)
    assert not (host.state.path / "workspace/new").exists() and not (host.outside / "later.md").exists()
    assert (host.state.path / "logs/gateway.log").read_text() == log, "what a backup leaves out, a restore leaves alone"
    assert (host.state.path / "npm/projects/discord-1a2b/node_modules/discord.js/index.js").exists()
    assert not (host.state.path / "tmp").exists(), "what belonged to processes that have ended goes"


def test_the_plan_is_what_happens(host):
    made = host.plan_in_place()
    before = files(host.picture())
    said = {name: set(getattr(made, name)) for name in ("created", "replaced", "deleted")}
    host.restore_in_place()
    after = files(host.picture())
    assert said["created"] == after.keys() - before.keys()
    assert said["deleted"] == before.keys() - after.keys()
    happened = {path for path in before.keys() & after.keys() if before[path] != after[path]}
    assert happened <= said["replaced"]
    assert {path for path in said["replaced"] if path not in happened} <= set(made.swapped), "nothing more than was said"


def test_a_plan_changes_nothing(host):
    before = picture(host.home, host.outside)
    host.plan_in_place()
    assert not differences(before, picture(host.home, host.outside))


def test_the_second_time_there_is_nothing_to_do(host):
    assert host.restore_in_place().changed
    before = picture(host.home, host.outside)
    again = host.restore_in_place()
    assert not again.changed and not again.to_dict()["plan"]["changed"]
    assert not differences(before, picture(host.home, host.outside))
    assert host.restore_in_place(force=True).changed
    write(host.state.path / "workspace/SOUL.md", "changed again\n", 0o644)
    assert host.plan_in_place().replaced == [str(host.state.path / "workspace/SOUL.md")]


def test_what_a_running_gateway_notes_all_the_time_is_no_change(host):
    host.restore_in_place()
    database(host.state.path / "state/openclaw.sqlite", "CREATE TABLE gateway_boot_lifecycle (x)")
    assert not host.plan_in_place().changed
    database(host.state.path / "agents/main/agent/openclaw-agent.sqlite", "INSERT INTO session_nodes VALUES ('talk')")
    assert host.plan_in_place().changed


def test_the_old_state_is_kept_and_then_removed(host):
    before = files(host.picture())
    result = host.restore_in_place(keep_aside="2h")
    kept = Path(result.aside[0])
    old = kept / str(host.state.path / "workspace/MEMORY.md").lstrip("/")
    assert old.read_text() == "other\n" and before[str(host.state.path / "workspace/MEMORY.md")][3] == old.stat().st_mtime_ns
    assert kept.stat().st_mode & 0o77 == 0
    directory = journal.directory_of(str(host.state.path))
    assert [one["directories"] for one in aside.list_kept(directory)] == [result.aside]
    assert not host.recover()["changed"] and kept.exists()
    now = host.context.clock.now()
    host.context.clock.now = lambda: now + 7201
    assert host.recover()["asides_removed"] == result.aside
    assert not kept.exists() and not aside.list_kept(directory)


def test_nothing_is_kept_if_nothing_is_to_be(host):
    result = host.restore_in_place(keep_aside="0")
    assert result.aside == [] and host.leftovers() == ["home/.openclaw.restore"]
    assert sorted(os.listdir(host.home / ".openclaw.restore")) == ["in-place.json", "lock"]


def test_a_snapshot_of_the_live_state_is_made_first(host):
    result = host.restore_in_place(pre_restore=True)
    assert result.pre_restore
    found = next(ref for ref in host.repository().snapshots() if ref.id == result.pre_restore)
    assert host.repository().load(found)[0].kind == "pre-restore"
    memory = host.restored(host.state.path / "workspace/MEMORY.md", host.restore(snapshot=result.pre_restore))
    assert memory.read_text() == "other\n"


def test_a_host_that_has_no_state_yet(host):
    shutil.rmtree(host.state.path)
    shutil.rmtree(host.outside.parent)
    made = host.plan_in_place(host.where(state_dir=str(host.state.path)))
    assert made.instance is None and not made.replaced and not made.deleted
    result = host.restore_in_place(pre_restore=True)
    assert not unlike_then(host)
    assert host.outside.stat().st_uid == os.geteuid()
    assert (result.aside, result.aside_until) == ([], None) and host.leftovers() == ["home/.openclaw.restore"], "there was nothing to keep"


def test_only_a_path(host):
    untouched = {path: seen for path, seen in files(host.picture()).items() if "/workspace/" not in path}
    result = host.restore_in_place(paths=("workspace/SOUL.md",))
    workspace = host.state.path / "workspace"
    assert result.plan["swapped"] == [str(workspace / "SOUL.md")]
    assert (workspace / "SOUL.md").exists() and (workspace / "MEMORY.md").read_text() == "other\n"
    assert not differences(untouched, {path: seen for path, seen in files(host.picture()).items() if "/workspace/" not in path})


def test_a_path_that_the_snapshot_has_not_is_not_taken_for_an_order_to_remove_it(host):
    with pytest.raises(EngineError) as caught:
        host.plan_in_place(paths=("workspace/MEMORY.md",))
    assert caught.value.code == "nothing-selected"


def test_only_a_component(host):
    host.restore_in_place(components=("memory",))
    assert (host.outside / "memory/2026-11-20.md").exists()
    assert not (host.state.path / "workspace/MEMORY.md").exists(), "the memory is what it was: this note came later"
    assert not (host.state.path / "workspace/SOUL.md").exists() and (host.outside / "later.md").exists()


def test_a_database_comes_without_the_log_of_the_one_before(host):
    path = host.state.path / "agents/main/agent/openclaw-agent.sqlite"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("INSERT INTO session_nodes VALUES ('in the log')")
    assert Path(f"{path}-wal").stat().st_size
    host.restore_in_place(paths=("agents/main/agent/openclaw-agent.sqlite",))
    writer.close()
    assert not Path(f"{path}-wal").exists()
    reader = sqlite3.connect(path)
    assert reader.execute("SELECT count(*) FROM session_nodes").fetchone() == (0,)
    reader.close()


def test_another_profiles_workspace_stays(host):
    """OpenClaw keeps the workspaces of all profiles in the directory of the default one."""
    other = host.home / ".openclaw-rescue"
    theirs = host.state.path / "workspace-rescue"
    write(other / "openclaw.json", '{"agents": {"defaults": {"workspace": "%s"}}}' % theirs)
    write(theirs / "AGENTS.md", "rescue\n")
    inode = theirs.stat().st_ino
    made = host.plan_in_place()
    assert made.live.kept[str(theirs)] == "another-instance"
    host.restore_in_place()
    assert theirs.stat().st_ino == inode and (theirs / "AGENTS.md").read_text() == "rescue\n"
    assert not unlike_then(host)[1:] or all("rescue" in word for word in unlike_then(host))


def test_what_the_users_patterns_leave_out_stays(host):
    write(host.state.path / "workspace/models/big.bin", "x" * 1000)
    host.restore_in_place(exclude=("models/",))
    assert (host.state.path / "workspace/models/big.bin").exists() and (host.state.path / "workspace/SOUL.md").exists()


def test_a_root_that_is_mounted_is_swapped_by_its_content(host, monkeypatch):
    monkeypatch.setattr(ground, "mounts", lambda: [("/", "ext4"), (str(host.outside), "ext4")])
    inode = host.outside.stat().st_ino
    made = host.plan_in_place()
    assert f"{host.outside}/.openclaw-restore-{made.attempt}" in made.parts
    result = host.restore_in_place()
    assert host.outside.stat().st_ino == inode and not unlike_then(host)
    staging = next(path for path in result.aside if path.startswith(str(host.outside)))
    assert not host.plan_in_place().changed, "what is kept aside in it is not part of it"
    assert host.back_up()["changed"]
    assert not any(staging in entry.path for entry in host.repository().load(host.repository().snapshots()[-1])[1].entries())


def test_a_workspace_in_the_default_instances_state_is_not_staged_there(tmp_path):
    """Where OpenClaw puts the workspace of a profile."""
    state, workspace = tmp_path / ".openclaw-rescue", tmp_path / ".openclaw/workspace-rescue"
    for directory in (state, workspace):
        directory.mkdir(parents=True)
    found = ground.Ground({str(workspace): True, str(state): True}, "1f0c2ab4", str(state))
    assert [found.staging_of(str(path)) for path in (workspace, workspace / "SOUL.md", state)] == [f"{tmp_path}/.openclaw-restore-1f0c2ab4"] * 3


def test_a_state_directory_that_was_moved_to_another_disk_stays_there(host, tmp_path):
    elsewhere = tmp_path / "disk" / "openclaw"
    elsewhere.parent.mkdir()
    shutil.move(host.state.path, elsewhere)
    host.state.path.symlink_to(elsewhere)
    host.restore_in_place()
    assert host.state.path.is_symlink() and (elsewhere / "workspace/SOUL.md").exists()
    assert not (elsewhere / "workspace/new").exists()


def test_a_home_among_the_roots_is_never_swapped(host, monkeypatch):
    monkeypatch.setattr(default_exclusions, "NEVER", ("/proc",))  # /tmp, where this test's home is, would be refused
    write(host.home / "private/diary.txt", "mine\n")
    write(host.state.path / "workspace/SOUL.md", "then\n")
    host.back_up(include=IncludeOptions(extra_paths=(str(host.home),)))
    host.change()
    write(host.home / "private/diary.txt", "newer\n")
    made = host.plan_in_place().to_dict()
    assert [one["path"] for one in made["left_out"]] == [str(host.home)]
    host.restore_in_place()
    assert (host.home / "private/diary.txt").read_text() == "newer\n" and (host.state.path / "workspace/SOUL.md").exists()


def test_a_stranger_in_the_place_is_not_renamed_away(host):
    """Between the look and the rename somebody puts something else there."""
    workspace = host.state.path / "workspace"

    def meddle(name: str) -> None:
        if name == "swapping":
            shutil.move(workspace, host.home / "moved-away")
            workspace.mkdir()
    with pytest.raises(EngineError) as caught:
        host.restore_in_place(meddle)
    assert caught.value.code == "restore-undo-incomplete"
    workspace.rmdir()
    shutil.move(host.home / "moved-away", workspace)
    assert host.recover()["changed"] and (workspace / "MEMORY.md").read_text() == "other\n"


def test_a_full_disk_while_staging(host, monkeypatch):
    def full(*_given):
        raise OSError(28, "No space left on device")
    before = host.picture()
    monkeypatch.setattr(restore_write, "_write_all", full)
    with pytest.raises(EngineError) as caught:
        host.restore_in_place()
    assert caught.value.code == "target-full"
    assert not differences(before, host.picture()) and host.leftovers() == ["home/.openclaw.restore"]


def test_a_damaged_pack_is_found_before_anything_stops(host):
    for pack in host.repository_directory.rglob("packs/*/*"):
        pack.chmod(0o600)
        data = bytearray(pack.read_bytes())
        for place in range(0, len(data), 64):
            data[place] ^= 1
        pack.write_bytes(bytes(data))
    before, seen = host.picture(), []
    with pytest.raises(EngineError):
        host.restore_in_place(seen.append)
    assert "stopped" not in seen and not differences(before, host.picture())


def test_a_journal_that_somebody_else_may_have_written_is_not_used(host):
    directory = Path(journal.directory_of(str(host.state.path)))
    write(directory / "journal.json", "{}", 0o666)
    with pytest.raises(EngineError) as caught:
        host.recover()
    assert caught.value.code == "restore-journal-unusable"
