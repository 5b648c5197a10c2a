# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Full disks, read-only places, missing rights, little memory: told in words, nothing is half done, and it goes on afterwards."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.file import FileStorage
from support.nobody import NOBODY
from support.rig import Rig, below
from support.trees import assert_same, describe

TESTS = Path(__file__).resolve().parents[1]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@contextmanager
def mounted(path: Path, *options: str):
    """A file system in memory at this path; skips the test where mounting is not allowed."""
    path.mkdir(exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(path)], capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def remount(path: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(path)], check=True)


def on_disk(rig_directory: Path, place: Path) -> Rig:
    """A rig whose repository is in a directory."""
    return Rig(rig_directory, FileStorage(str(place), Context(), initialise=True))


# --- full and read-only

@as_root
def test_a_storage_that_is_full_fails_the_backup_in_words_and_keeps_the_older_ones(tmp_path):
    with mounted(tmp_path / "disk", "size=24m") as disk:
        rig = on_disk(tmp_path, disk / "repository")
        (rig.source / "small").write_bytes(os.urandom(100_000))
        rig.back_up()
        first = describe(rig.source)
        for number in range(50):
            (rig.source / f"{number}").write_bytes(os.urandom(1 << 20))
        with pytest.raises(EngineError) as caught:
            rig.back_up()
        assert caught.value.code == "storage-full" and caught.value.hint
        assert_same(first, rig.restored_source())
        remount(disk, "size=128m")
        result = rig.back_up()
        assert result.changed
        chunks = rig.stored_chunks()
        assert len(chunks) == len(set(chunks)), "what fitted on the full disk is used"
        assert_same(rig.source, rig.restored_source())


@as_root
def test_a_storage_that_fills_up_at_the_snapshot_itself_leaves_no_half_snapshot(tmp_path):
    """Every free block but a few is taken, fewer each time, so that the last objects are the ones that do not fit."""
    with mounted(tmp_path / "disk", "size=8m") as disk:
        rig = on_disk(tmp_path, disk / "repository")
        committed, failures = {}, 0
        for blocks in (30, 24, 20, 16, 14, 12, 10, 8, 6, 5, 4, 3, 2, 1):
            (rig.source / "file").write_bytes(os.urandom(3000))
            for number in range(30):
                (rig.source / f"name-{blocks}-{number}").touch()
            room = os.statvfs(disk)
            with open(disk / "ballast", "wb") as stream:
                stream.write(bytes(max(0, room.f_bavail - blocks) * room.f_frsize))
            try:
                rig.back_up()
            except EngineError as exc:
                failures += 1
                assert exc.code == "storage-full"
            (disk / "ballast").unlink()
            for snapshot_id in set(rig.snapshot_ids()) - set(committed):
                committed[snapshot_id] = describe(rig.source)
        assert failures > 2 and committed
        for snapshot_id, expected in committed.items():
            assert_same(expected, rig.restored_source(snapshot_id))
        rig.back_up()
        assert_same(rig.source, rig.restored_source())


@as_root
def test_a_storage_that_is_read_only_is_told(tmp_path):
    with mounted(tmp_path / "disk", "size=16m") as disk:
        rig = on_disk(tmp_path, disk / "repository")
        (rig.source / "file").write_text("one")
        rig.back_up()
        first = describe(rig.source)
        remount(disk, "ro")
        assert_same(first, rig.restored_source())
        (rig.source / "file").write_text("two")
        with pytest.raises(EngineError) as caught:
            rig.back_up()
        assert caught.value.code == "storage-read-only"
        remount(disk, "rw")
        assert rig.back_up().changed


@as_root
def test_a_target_without_room_is_told_before_and_during_the_restore(tmp_path, monkeypatch):
    with mounted(tmp_path / "disk", "size=4m") as disk:
        rig = Rig(tmp_path)
        (rig.source / "file").write_bytes(os.urandom(6 << 20))
        rig.back_up()
        rig.directory = disk
        with pytest.raises(EngineError) as caught:
            rig.restore()
        assert caught.value.code == "target-full" and not list(disk.iterdir())
        room = os.statvfs
        monkeypatch.setattr(os, "statvfs", lambda path: room("/"))  # somebody else takes the room meanwhile
        with pytest.raises(EngineError) as caught:
            rig.restore()
        assert caught.value.code == "target-full"


@as_root
def test_a_sparse_file_needs_only_the_room_of_what_is_in_it(tmp_path):
    with mounted(tmp_path / "disk", "size=16m") as disk:
        rig = Rig(tmp_path)
        (rig.source / "sparse").touch()
        os.truncate(rig.source / "sparse", 1 << 30)
        rig.back_up()
        rig.directory = disk
        rig.restore()
        assert below(disk / "restored-1", rig.source / "sparse").stat().st_size == 1 << 30


@as_root
def test_a_target_that_is_read_only_is_told(tmp_path):
    with mounted(tmp_path / "disk", "size=4m") as disk:
        rig = Rig(tmp_path)
        (rig.source / "file").write_text("x")
        rig.back_up()
        remount(disk, "ro")
        rig.directory = disk
        with pytest.raises(EngineError) as caught:
            rig.restore()
        assert caught.value.code == "target-read-only"


def test_a_limit_on_the_size_of_files_is_an_error_in_words(tmp_path):
    """In a process of its own, since the limit cannot be lifted again."""
    answer = in_a_process(tmp_path, """
import os, resource, signal
(rig.source / "file").write_bytes(os.urandom(3 << 20))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    rig.back_up()
except EngineError as exc:
    answer(code=exc.code, message=exc.message)
""", storage="directory")
    assert answer["code"].startswith("storage-") and "File too large" in answer["message"]


# --- other users

PROGRAM = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
import runpy
from pathlib import Path
runpy.run_path(sys.argv[1] + "/unit/conftest.py")
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.file import FileStorage
from support.nobody import become_nobody
from support.rig import Rig, below
from support.trees import assert_same, describe
directory = Path(sys.argv[2])
storage = FileStorage(str(directory / "storage"), Context(), initialise=True) if sys.argv[3] == "directory" else None
rig = Rig(directory, storage)
def answer(**values):
    print("answer:" + json.dumps(values), flush=True)
"""


def in_a_process(directory: Path, program: str, storage: str = "memory") -> dict:
    """What a program answered that finds a rig ready."""
    command = [sys.executable, "-c", PROGRAM + program, str(TESTS), str(directory), storage]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.rpartition("answer:")[2])


@pytest.fixture
def open_directory(tmp_path):
    """A directory of nobody's that nobody can reach."""
    for parent in [tmp_path, *tmp_path.parents][:-1]:
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    os.chown(tmp_path, NOBODY, NOBODY)
    return tmp_path


@as_root
def test_what_may_not_be_read_is_named_and_everything_else_is_there(open_directory):
    found = in_a_process(open_directory, """
(rig.source / "mine").write_text("mine")
os.chown(rig.source / "mine", 65534, 65534)
(rig.source / "secret").write_text("not mine")
(rig.source / "secret").chmod(0o600)
(rig.source / "closed/inner").mkdir(parents=True)
(rig.source / "closed/inner/file").write_text("x")
(rig.source / "closed").chmod(0o700)
(rig.source / "list only").mkdir()
(rig.source / "list only/file").write_text("x")
(rig.source / "list only").chmod(0o744)
(rig.source / "unlisted").mkdir()
(rig.source / "unlisted").chmod(0o711)
become_nobody()
first, second = rig.back_up(), rig.back_up()
rig.restore()
answer(missing={os.path.relpath(path, rig.source): reason for path, reason in first.omissions}, changed=second.changed,
       again=len(second.omissions), complete=first.header.complete, mine=(below(directory / "restored-1", rig.source) / "mine").read_text())
""")
    assert found["missing"] == dict.fromkeys(("secret", "closed", "list only", "unlisted"), "no-permission")
    assert found["mine"] == "mine" and not found["complete"]
    assert not found["changed"] and found["again"] == 4, "they are named each time"


@as_root
def test_somebody_else_restores_all_content_without_the_owners(open_directory):
    found = in_a_process(open_directory, """
for name, owner, mode in (("a", 0, 0o600), ("b", 1000, 0o640), ("c", 65534, 0o400), ("d", 0, 0o000)):
    (rig.source / name).write_text(name * 1000)
    os.chown(rig.source / name, owner, owner)
    (rig.source / name).chmod(mode)
os.link(rig.source / "b", rig.source / "b2")
(rig.source / "shared").mkdir()
(rig.source / "shared").chmod(0o2555)
(rig.source / "shared/inner").write_text("x")
os.symlink("x", rig.source / "link")
os.chown(rig.source / "link", 1000, 1000, follow_symlinks=False)
rig.back_up()
before = describe(rig.source)
files = [name for name in before if before[name][0] == "file"]
become_nobody()
rig.restore()
copy = below(directory / "restored-1", rig.source)
os.chmod(copy / "d", 0o400)
after = describe(copy)
answer(names=sorted(after) == sorted(before), owners={copy.joinpath(name).lstat().st_uid for name in after} == {65534},
       content=(copy / "d").read_text() == "d" * 1000, times=all(before[name][4] == after[name][4] for name in files),
       kept=rig.restored.ownership_kept, linked=(copy / "b").samefile(copy / "b2"), mode=oct((copy / "shared").stat().st_mode & 0o7777))
""")
    assert found == {"names": True, "owners": True, "content": True, "times": True, "kept": False, "linked": True, "mode": "0o555"}


@as_root
def test_a_target_that_may_not_be_written_is_told(open_directory):
    found = in_a_process(open_directory, """
(rig.source / "file").write_text("x")
rig.back_up()
os.chown(directory, 0, 0)
become_nobody()
try:
    rig.restore()
except EngineError as exc:
    answer(code=exc.code)
""")
    assert found["code"] == "target-no-permission"


@as_root
def test_a_storage_that_may_not_be_written_is_told(open_directory):
    found = in_a_process(open_directory, """
(rig.source / "file").write_text("x")
rig.back_up()
(rig.source / "file").write_text("y")
for path in [directory / "storage", *(directory / "storage").rglob("*")]:
    path.chmod(0o755 if path.is_dir() else 0o644)
become_nobody()
try:
    rig.back_up(context=rig.new_context("another"))
except EngineError as exc:
    answer(code=exc.code)
""", storage="directory")
    assert found["code"] == "storage-no-permission"


# --- memory

MEASURE = """
import resource
size = {size} << 20
with open(rig.source / "file", "wb") as stream:
    if {kind!r} == "random":
        for _part in range(size >> 20):
            stream.write(os.urandom(1 << 20))
    else:
        os.truncate(stream.fileno(), size)
        os.pwrite(stream.fileno(), b"end", size - 3)
if os.fork():
    os.wait()
else:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rig.back_up()
    backed_up = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rig.restore()
    answer(backup=backed_up - before, both=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    os._exit(0)
"""


@pytest.mark.parametrize("kind", ["random", "sparse"])
def test_the_memory_that_is_needed_does_not_grow_with_the_size_of_a_file(tmp_path, kind, full):
    """Both sizes fill every pack that may be in flight; how many are, of four at most, depends on how the threads run."""
    measured = {}
    for size in (256, 4096 if full else 1024 if kind == "random" else 2048):
        directory = tmp_path / str(size)
        directory.mkdir()
        measured[size] = in_a_process(directory, MEASURE.format(size=size, kind=kind), storage="directory")
        subprocess.run(["rm", "-rf", str(directory)], check=True)
    print(kind, {f"{size} MiB": {what: f"{kilobytes >> 10} MiB" for what, kilobytes in found.items()} for size, found in measured.items()})
    small, large = measured.values()
    for what in ("backup", "both"):
        assert large[what] <= small[what] + (64 << 10), measured
        assert large[what] < 200 << 10
