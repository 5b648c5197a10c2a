# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory as a storage: what survives a crash, what is never followed or made, and what errors say."""
from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError, ObjectMissing
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.directory_sync import DirectorySync
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.file import FileStorage
from support.clock import ManualClock

DAY = 24 * 3600


@pytest.fixture
def root(tmp_path):
    return tmp_path / "disk" / "agent"


@pytest.fixture
def storage(root):
    opened = FileStorage(str(root), Context(), initialise=True)
    yield opened
    opened.close()


def everything_below(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def code_of(request) -> str:
    with pytest.raises(EngineError) as caught:
        request()
    assert caught.value.hint and "\n" not in str(caught.value)
    return caught.value.code


# --- roots and mount points

def test_an_absent_root_is_not_made_unless_asked(root):
    storage = FileStorage(str(root), Context())
    assert code_of(lambda: storage.create("a", [b"1"])) == "storage-root-missing"
    assert not root.parent.exists()


def test_reading_never_makes_a_root(root):
    storage = FileStorage(str(root), Context(), initialise=True)
    list(storage.list(""))
    storage.delete(["a"])
    storage.now()
    with pytest.raises(ObjectMissing):
        storage.get("a")
    assert not root.parent.exists()


def test_a_root_that_vanished_is_not_made_again(root, storage):
    storage.create("a", [b"1"])
    reopened = FileStorage(str(root), Context())
    assert reopened.get("a") == b"1"
    root.rename(root.with_name("unmounted"))
    root.mkdir()  # the empty mount point below
    reopened.create("b", [b"2"])
    assert everything_below(root) == []
    (root.with_name("unmounted") / "b").unlink()


def test_files_and_directories_are_for_their_owner_only(root, storage):
    storage.create("packs/ab/1", [b"1"])
    modes = {name: (root / name).stat().st_mode & 0o777 for name in [*everything_below(root), "."]}
    assert modes == {".": 0o700, "packs": 0o700, "packs/ab": 0o700, "packs/ab/1": 0o600}
    assert root.parent.stat().st_mode & 0o777 == 0o700


# --- durability

class Trace:
    """Records what is synced, linked and removed, in order."""

    def __init__(self, monkeypatch) -> None:
        self.events: list[tuple[str, str]] = []
        self._fsync, self._link = os.fsync, os.link
        monkeypatch.setattr(os, "fsync", self.fsync)
        monkeypatch.setattr(os, "link", self.link)

    def fsync(self, descriptor: int) -> None:
        name = os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))
        self.events.append(("sync", "temporary" if name.startswith(".new-") else name))
        self._fsync(descriptor)

    def link(self, source, target, **options) -> None:
        self.events.append(("link", target))
        self._link(source, target, **options)


def test_content_is_durable_before_its_name_and_the_name_before_create_returns(storage, monkeypatch):
    trace = Trace(monkeypatch)
    storage.create("packs/ab/one", [b"1"])
    assert trace.events[-3:] == [("sync", "temporary"), ("link", "one"), ("sync", "ab")]
    # Each new directory's own name too, the root's and that of its parents included.
    assert trace.events[:-3] == [("sync", storage.url.split("/")[-3]), ("sync", "disk"), ("sync", "agent"), ("sync", "packs")]


def test_a_directory_that_another_process_made_is_synced_before_it_is_used(root, storage, monkeypatch):
    storage.create("first", [b"1"])
    (root / "packs" / "ab").mkdir(parents=True)
    trace = Trace(monkeypatch)
    storage.create("packs/ab/one", [b"1"])
    assert trace.events[:2] == [("sync", "agent"), ("sync", "packs")]
    storage.create("packs/ab/two", [b"2"])
    assert trace.events[5:] == [("sync", "temporary"), ("link", "two"), ("sync", "ab")]


def test_threads_share_directory_syncs_and_none_returns_too_early(tmp_path, monkeypatch):
    calls = []

    def slow_fsync(_descriptor):
        begun = len(changes)
        time.sleep(0.02)
        calls.append(begun)

    monkeypatch.setattr(os, "fsync", slow_fsync)
    directories, changes, lock = DirectorySync(), [], threading.Lock()
    descriptor = os.open(tmp_path, os.O_RDONLY)

    def change():
        with lock:
            changes.append(None)
            mine = len(changes)
        directories.sync(descriptor)
        assert any(begun >= mine for begun in list(calls))

    failures = []
    threads = [threading.Thread(target=lambda: failures.append(_failure(change))) for _number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.close(descriptor)
    assert failures == [None] * 20
    assert len(calls) < 10


def _failure(work):
    try:
        work()
    except BaseException as exc:
        return exc
    return None


KILLED = """
import sys
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.file import FileStorage
storage = FileStorage(sys.argv[1], Context(), initialise=True)
print("ready", flush=True)
for number in range(100000):
    storage.create(f"packs/{number % 3:02}/{sys.argv[2]}-{number}", [b"x" * 100_000, b"end"])
    print(f"packs/{number % 3:02}/{sys.argv[2]}-{number}", flush=True)
"""


@pytest.mark.parametrize("links", [True, False])
def test_after_a_kill_every_object_is_whole_and_everything_confirmed_is_there(root, storage, links):
    start = "import os, sys; sys.path[:0] = sys.argv.pop().split(':'); import conftest\n"
    if not links:
        start += "def link(*a, **o): raise OSError(1, 'no links')\nos.link = link\n"
    checkout = Path(__file__).resolve().parents[4]
    for turn in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", start + KILLED, str(root), str(turn), f"{checkout}/tests/unit"], stdout=subprocess.PIPE, text=True,
        )
        assert process.stdout.readline() == "ready\n"
        time.sleep(random.Random(turn).uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        confirmed = process.communicate()[0].split()
        found = {item.name: item.size for item in storage.list("")}
        assert set(found.values()) <= {100_003}
        assert set(confirmed) <= set(found)
        assert all(storage.get(name).endswith(b"end") for name in found)


def test_leftovers_of_torn_creates_are_invisible_and_go_when_they_are_old(root):
    clock = ManualClock(time.time())
    storage = FileStorage(str(root), Context(clock=clock), initialise=True)
    storage.create("packs/ab/1", [b"1"])
    for name, age in (("old", 2 * DAY), ("young", 600)):
        leftover = root / "packs" / "ab" / f".new-77-{name}"
        leftover.write_bytes(b"half a pack")
        os.utime(leftover, (clock.now() - age,) * 2)
    assert [item.name for item in storage.list("")] == ["packs/ab/1"]
    assert len(everything_below(root)) == 5, "listing removes nothing"
    storage.create("x", [b"2"])
    assert everything_below(root) == ["packs", "packs/ab", "packs/ab/.new-77-young", "packs/ab/1", "x"]


def test_a_lost_answer_of_nfs_to_a_link_is_not_taken_for_another_writer(storage, monkeypatch):
    real = os.link

    def link(*arguments, **options):
        real(*arguments, **options)
        raise FileExistsError(errno.EEXIST, "it is there already")

    monkeypatch.setattr(os, "link", link)
    storage.create("a", [b"1"])
    assert storage.get("a") == b"1"


def test_short_writes_are_continued(storage, monkeypatch):
    real = os.writev
    monkeypatch.setattr(os, "writev", lambda descriptor, parts: real(descriptor, [bytes(parts[0][:7])]))
    storage.create("a", [b"0123456789", b"", b"abcdefgh"])
    assert storage.get("a") == b"0123456789abcdefgh"


# --- what the file system refuses

@pytest.mark.parametrize("number, code", [
    (errno.ENOSPC, "storage-full"), (errno.EDQUOT, "storage-quota-exceeded"), (errno.EROFS, "storage-read-only"),
    (errno.EACCES, "storage-no-permission"), (errno.EIO, "storage-io-error"), (errno.ESTALE, "storage-unreachable"),
    (errno.ETIMEDOUT, "storage-timeout"), (errno.EMFILE, "storage-io-error"),
])
@pytest.mark.parametrize("call", ["writev", "fsync", "close", "link"])
def test_an_error_while_writing_is_told_in_words_and_leaves_nothing(root, storage, monkeypatch, call, number, code):
    storage.create("packs/ab/before", [b"1"])
    real = getattr(os, call)

    def failing(*arguments, **options):
        if call in ("fsync", "close") and not os.readlink(f"/proc/self/fd/{arguments[0]}").rpartition("/")[2].startswith(".new-"):
            return real(*arguments, **options)
        if call == "close":
            real(*arguments)
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, call, failing)
        if call == "link":  # some of these mean that there are no hard links; then renaming tells the truth
            patched.setattr(os, "rename", failing)
        assert code_of(lambda: storage.create("packs/ab/one", [b"1" * 100])) == code
    assert [name for name in everything_below(root) if name != ".lock"] == ["packs", "packs/ab", "packs/ab/before"]
    storage.create("packs/ab/one", [b"2"])


def test_a_failed_directory_sync_takes_the_object_back(root, storage, monkeypatch):
    storage.create("packs/ab/before", [b"1"])
    real = os.fsync

    def failing(descriptor):
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith("/ab"):
            raise OSError(errno.EIO, "the disk is gone")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    assert code_of(lambda: storage.create("packs/ab/one", [b"1"])) == "storage-io-error"
    assert everything_below(root) == ["packs", "packs/ab", "packs/ab/before"]


def test_file_systems_that_cannot_sync_directories_are_fit_for_use(storage, monkeypatch):
    real = os.fsync

    def failing(descriptor):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EINVAL, "not for directories")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    storage.create("packs/ab/one", [b"1"])
    assert storage.get("packs/ab/one") == b"1"


def test_what_cannot_be_deleted_is_listed_with_the_reason(storage, monkeypatch):
    for name in ("a", "b", "c"):
        storage.create(name, [b"1"])
    real = os.unlink

    def failing(name, **options):
        if name == "b":
            raise PermissionError(errno.EPERM, "immutable")
        real(name, **options)

    monkeypatch.setattr(os, "unlink", failing)
    deletion = storage.delete(["a", "b", "c"])
    assert deletion.deleted == ["a", "c"]
    [(name, reason)] = deletion.failed
    assert name == "b" and "storage-no-permission" in reason


TMPFS = """
import sys
sys.path.insert(0, sys.argv[2])
import conftest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.file import FileStorage
storage = FileStorage(sys.argv[1] + "/agent", Context(), initialise=True)
try:
    for number in range(100):
        storage.create(f"packs/{number:02}", [b"x" * 300_000])
except EngineError as exc:
    print(exc.code, number, [item.size for item in storage.list("")] == [300_000] * number)
"""


def _mounted(where: Path, options: str, command: list[str], then: str = "true"):
    """Run a command in a mount namespace of its own with a tmpfs at where; skip where the kernel does not permit that."""
    script = f'mount -t tmpfs -o {options} tmpfs "$0" && {then} && exec "$@"'
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", script, str(where), *command], capture_output=True, text=True, check=False)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no private mounts here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_disk_that_really_is_full_keeps_what_it_has(tmp_path):
    checkout = Path(__file__).resolve().parents[4]
    said = _mounted(tmp_path, "size=1m", [sys.executable, "-c", TMPFS, str(tmp_path), f"{checkout}/tests/unit"])
    assert said == "storage-full 3 True\n"


def test_a_disk_that_really_is_read_only_is_said_to_be(tmp_path):
    checkout = Path(__file__).resolve().parents[4]
    command = [sys.executable, "-c", TMPFS, str(tmp_path), f"{checkout}/tests/unit"]
    assert _mounted(tmp_path, "size=1m", command, 'mkdir "$0/agent" && mount -o remount,ro "$0"') == "storage-read-only 0 True\n"


# --- what is not ours

def test_links_inside_a_repository_are_not_followed(root, storage, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"not yours")
    storage.create("packs/ab/1", [b"1"])
    (root / "packs" / "cd").symlink_to(outside)
    (root / "packs" / "ab" / "link").symlink_to(outside / "precious")
    assert [item.name for item in storage.list("")] == ["packs/ab/1"]
    for name in ("packs/cd/precious", "packs/ab/link"):
        with pytest.raises(EngineError):
            storage.get(name)
    assert code_of(lambda: storage.create("packs/cd/new", [b"x"])) == "storage-not-a-directory"
    storage.delete(["packs/cd/precious"])
    assert everything_below(outside) == ["precious"]


def test_strangers_in_the_directory_are_overlooked(root, storage):
    storage.create("packs/ab/1", [b"1"])
    os.mkfifo(root / "packs" / "pipe")
    for name in ("lost+found", "@eaDir", ".Trash"):
        (root / name).mkdir()
        (root / name / "x").write_bytes(b"x")
    (root / "Thumbs db").write_bytes(b"x")
    assert [item.name for item in storage.list("")] == ["packs/ab/1"]
    with pytest.raises(ObjectMissing):
        storage.get("packs/pipe")
    with pytest.raises(ObjectMissing):
        storage.get("packs")


def test_a_listing_looks_only_where_the_prefix_leads(storage, monkeypatch):
    for name in ("packs/00/1", "packs/01/1", "packs/10/1", "snapshots/1", "runs/1"):
        storage.create(name, [b"1"])
    looked, real = [], os.scandir

    def scandir(descriptor):
        looked.append(os.readlink(f"/proc/self/fd/{descriptor}").rpartition("agent")[2])
        return real(descriptor)

    monkeypatch.setattr(os, "scandir", scandir)
    assert len(list(storage.list("packs/0"))) == 2
    assert looked == ["/packs", "/packs/00", "/packs/01"]
    looked.clear()
    assert len(list(storage.list("snapshots/"))) == 1
    assert looked == ["/snapshots"]


def test_the_storage_keeps_its_own_time_when_the_host_clock_jumps(root):
    clock = ManualClock(time.time())
    storage = FileStorage(str(root), Context(clock=clock), initialise=True)
    storage.create("a", [b"1"])
    clock.jump(-5 * DAY)
    assert abs(storage.now() - time.time()) < 60
    clock.advance(3600)
    assert abs(storage.now() - time.time() - 3600) < 60


def test_deleting_and_creating_in_one_directory_at_once_loses_nothing(storage):
    """A deletion removes a directory that it empties, which a creation may be about to use."""
    stop, failures = threading.Event(), []

    def churn():
        while not stop.is_set():
            storage.create("verifications/snapshot/old", [b"1"])
            storage.delete(["verifications/snapshot/old"])

    thread = threading.Thread(target=lambda: failures.append(_failure(churn)))
    thread.start()
    for number in range(200):
        storage.create(f"verifications/snapshot/{number}", [b"1"])
        if number % 2:
            storage.delete([f"verifications/snapshot/{number}", f"verifications/snapshot/{number - 1}"])
    stop.set()
    thread.join()
    assert failures == [None]
    assert list(storage.list("")) == []
