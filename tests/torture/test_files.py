# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every kind of file system object comes back as it was, with all its metadata, or is named as left out."""
from __future__ import annotations

import os
import shutil
import socket
import stat
import struct
import unicodedata
from pathlib import Path

import pytest
from support.nobody import NOBODY
from support.rig import below
from support.trees import assert_same

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def there_and_back(rig) -> Path:
    """Back up, restore, compare all of it; where the source is now."""
    result = rig.back_up()
    assert not result.omissions
    copy = rig.restored_source()
    assert_same(rig.source, copy)
    assert not rig.plan().changed, "what was just captured is seen as unchanged"
    return copy


# --- names and shapes

NAMES = [
    b"plain", b"with space", b"new\nline", b"tab\there", b"back\\slash", b"-rf", b"*", b"?", b"'quote\"", b"$HOME", b"#hash", b"percent%41",
    b"\xff\xfe not UTF-8", b"latin-1 \xe4", b"broken \xc3", b"\x01control\x7f", "emoji \U0001f980".encode(), "zero\u200bwidth".encode(),
    "right\u202eto left".encode(), "Ünïcode".encode(), unicodedata.normalize("NFD", "Ünïcode").encode(), b"Case", b"case", b"CASE",
    b"x" * 255, b"\xff" * 255, b".hidden", b"...", b"trailing.", b"trailing ", b"CON", b"a:b", b"~", b"report.tmp.md", b"x.sqlite-wal",
]


def test_names_of_any_bytes(rig):
    base = os.fsencode(rig.source)
    for number, name in enumerate(NAMES):
        for place in (base + b"/" + name, base + b"/in " + name[:200] + b"/" + name):
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "wb") as stream:
                stream.write(b"%d" % number)
        os.symlink(name, base + b"/link %d" % number)
    copy = there_and_back(rig)
    assert len(os.listdir(os.fsencode(copy))) == 3 * len(NAMES)


def test_names_that_differ_only_by_case_or_normalisation_stay_apart(rig):
    forms = ["Ärger", unicodedata.normalize("NFD", "Ärger"), "ärger", "ÄRGER"]
    for form in forms:
        (rig.source / form).write_text(form)
    copy = there_and_back(rig)
    assert sorted(os.listdir(copy)) == sorted(forms) and all((copy / form).read_text() == form for form in forms)


def test_three_hundred_levels(rig):
    path = rig.source
    for level in range(300):
        path = path / f"{level}"
        path.mkdir()
        (path / "note").write_text(str(level))
    there_and_back(rig)


def test_a_path_that_is_too_long_for_the_system_is_named_as_missing(rig):
    """One that exists, since it was made step by step."""
    (rig.source / "note").write_text("x")
    here = os.open(rig.source, os.O_RDONLY)
    for _level in range(25):
        os.mkdir("y" * 200, dir_fd=here)
        inner = os.open("y" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    result = rig.back_up()
    assert [reason for _path, reason in result.omissions] == ["read-error: File name too long"]
    assert not rig.back_up().changed
    rig.restore()
    shutil.rmtree(rig.source / ("y" * 200))


def test_seven_thousand_links(rig):
    for number in range(7000):
        os.symlink(f"../somewhere/{number}" if number % 2 else "." * (number % 3 + 1), rig.source / f"{number}")
    os.symlink("z" * 4000, rig.source / "long")
    (rig.source / "file").write_text("x")
    there_and_back(rig)


def test_links_are_kept_as_links_wherever_they_point(rig):
    (rig.source / "file").write_text("x")
    for name, target in {"dangling": "nothing", "absolute": "/etc/passwd", "up": "../../..", "self": "self", "directory": "."}.items():
        os.symlink(target, rig.source / name)
    copy = there_and_back(rig)
    assert os.readlink(copy / "absolute") == "/etc/passwd"


def test_empty_files_and_directories(rig):
    for number in range(20):
        (rig.source / f"file-{number}").touch()
        (rig.source / f"directory-{number}" / "inner").mkdir(parents=True)
    there_and_back(rig)


@pytest.mark.parametrize("size", [1, 16383, 16384, 16385, 262_143, 262_144, 262_145, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 20])
def test_sizes_around_every_boundary(rig, size):
    (rig.source / "random").write_bytes(os.urandom(size))
    (rig.source / "zeros").write_bytes(bytes(size))
    (rig.source / "same").write_bytes(b"ab" * (size // 2) + b"a" * (size % 2))
    there_and_back(rig)


def test_what_cannot_be_stored_is_listed(rig):
    (rig.source / "file").write_text("x")
    os.mkfifo(rig.source / "fifo")
    server = socket.socket(socket.AF_UNIX)
    server.bind(os.path.relpath(rig.source / "socket"))
    expected = {str(rig.source / "fifo"), str(rig.source / "socket")}
    if os.geteuid() == 0:
        try:
            os.mknod(rig.source / "device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
            expected.add(str(rig.source / "device"))
        except PermissionError:
            pass  # containers may not
    result = rig.back_up()
    server.close()
    assert not result.omissions and result.header.excluded == len(expected)
    assert set(rig.manifest()[1].meta["specials"]) == expected
    assert os.listdir(rig.restored_source()) == ["file"]


# --- sparse and large

def test_a_sparse_file_comes_back_sparse(rig, full):
    """1 GiB in the short form, 10 GiB in the full one."""
    size, marks = (10 if full else 1) << 30, {0: b"start", 300 << 20: os.urandom(700_000), 700 << 20: b"island"}
    with open(rig.source / "sparse", "wb") as stream:
        os.truncate(stream.fileno(), size)
        for place, data in marks.items():
            os.pwrite(stream.fileno(), data, place)
    os.truncate(rig.source / "sparse", size)
    result = rig.back_up()
    assert result.header.bytes == size and result.header.bytes_stored < 2 << 20
    copy = rig.restored_source() / "sparse"
    status = copy.stat()
    assert status.st_size == size and status.st_blocks * 512 < 8 << 20
    assert status.st_mtime_ns == (rig.source / "sparse").stat().st_mtime_ns
    with open(copy, "rb") as stream:
        for place, data in marks.items():
            assert os.pread(stream.fileno(), len(data), place) == data
        assert not any(os.pread(stream.fileno(), 1 << 20, 400 << 20))


def test_holes_in_all_places(rig):
    with open(rig.source / "sparse", "wb") as stream:
        os.truncate(stream.fileno(), 9_500_001)
        for place in (1, 262_144, 3 << 20, 9_500_000):
            os.pwrite(stream.fileno(), b"x", place)
    (rig.source / "all hole").touch()
    os.truncate(rig.source / "all hole", 5_000_003)
    there_and_back(rig)


# --- links between files

def test_hard_links_stay_one_file(rig):
    (rig.source / "deep").mkdir()
    for group in range(5):
        first = rig.source / f"{group}"
        first.write_bytes(os.urandom(1000 * group))
        for name in (f"deep/{group}", f"zz-{group}", f"0-{group}"):
            os.link(first, rig.source / name)
    copy = there_and_back(rig)
    assert (copy / "3").stat().st_nlink == 4
    first = rig.manifest()[0]
    assert first.files == 5 and first.bytes == 10_000


def test_hard_links_across_roots_stay_one_file(rig):
    other = rig.directory / "other root"
    other.mkdir()
    (rig.source / "file").write_text("shared")
    os.link(rig.source / "file", other / "file")
    rig.roots = [rig.source, other]
    rig.back_up()
    target = rig.restore()
    assert below(target, other / "file").samefile(below(target, rig.source / "file"))


def test_a_file_whose_other_name_comes_first_now_stays_one_file(rig):
    """Its directory is renamed: nothing about the file itself changes, and its entry is no longer the first."""
    (rig.source / "z").mkdir()
    (rig.source / "z" / "other").write_text("content")
    (rig.source / "kept").write_bytes(os.urandom(1 << 20))
    os.link(rig.source / "z" / "other", rig.source / "m")
    rig.back_up()
    (rig.source / "z").rename(rig.source / "a")
    rig.back_up()
    source = rig.restored_source()
    assert (source / "m").stat().st_ino == (source / "a" / "other").stat().st_ino
    assert_same(rig.source, source)


def test_hard_links_that_come_and_go(rig):
    """The entry that holds the content may be another one each time."""
    (rig.source / "m").write_bytes(os.urandom(300_000))
    os.link(rig.source / "m", rig.source / "z")
    there_and_back(rig)
    os.link(rig.source / "m", rig.source / "a")
    there_and_back(rig)
    (rig.source / "m").unlink()
    there_and_back(rig)
    (rig.source / "a").unlink()
    there_and_back(rig)
    with open(rig.source / "z", "ab") as stream:
        stream.write(b"more")
    os.link(rig.source / "z", rig.source / "b")
    there_and_back(rig)


def test_a_part_of_a_snapshot_holds_the_content_of_hard_links_too(rig):
    """Whatever path holds it in the snapshot."""
    for name in ("kept", "other"):
        (rig.source / name).mkdir()
    (rig.source / "kept/file").write_bytes(os.urandom(400_000))
    os.link(rig.source / "kept/file", rig.source / "other/one")
    os.link(rig.source / "kept/file", rig.source / "other/two")
    rig.back_up()
    copy = rig.restored_source(paths=("other",))
    assert (copy / "other/one").read_bytes() == (rig.source / "kept/file").read_bytes()
    assert (copy / "other/one").samefile(copy / "other/two") and not (copy / "kept").exists()


# --- metadata

MOMENTS = [0, 1, -1, -(10**9) - 5, 10**9 - 1, 1_700_000_000_123_456_789, 2**31 * 10**9, 4_102_444_800_999_999_999]  # the last is in 2100


def test_times_to_the_nanosecond(rig):
    for number, moment in enumerate(MOMENTS):
        for name in (f"file-{number}", f"directory-{number}", f"link-{number}"):
            path = rig.source / name
            {"f": path.touch, "d": path.mkdir, "l": lambda path=path: path.symlink_to("x")}[name[0]]()
            os.utime(path, ns=(moment, moment), follow_symlinks=False)
    there_and_back(rig)


def test_modes(rig):
    for mode in (0o000, 0o200, 0o400, 0o444, 0o600, 0o640, 0o755, 0o777):
        (rig.source / f"file-{mode:o}").write_text("x")
        (rig.source / f"file-{mode:o}").chmod(mode if os.geteuid() == 0 else mode | 0o400)
        (rig.source / f"directory-{mode:o}").mkdir()
        (rig.source / f"directory-{mode:o}").chmod(mode | 0o500)
    (rig.source / "sticky").mkdir()
    (rig.source / "sticky").chmod(0o1777)
    there_and_back(rig)


@as_root
def test_owners_and_directories_that_pass_on_their_group(rig):
    shared = rig.source / "shared"
    shared.mkdir()
    os.chown(shared, 1000, 2000)
    shared.chmod(0o2775)
    (shared / "file").write_text("x")
    (shared / "inner").mkdir()
    os.chown(shared / "file", 1001, 2001)
    os.symlink("x", shared / "link")
    os.chown(shared / "link", 1002, 2002, follow_symlinks=False)
    for name, (uid, gid) in {"nobody": (NOBODY, NOBODY), "unknown": (3_000_000_000, 4_000_000_000)}.items():
        (rig.source / name).write_text("x")
        os.chown(rig.source / name, uid, gid)
    copy = there_and_back(rig)
    assert stat.S_IMODE((copy / "shared/inner").stat().st_mode) & stat.S_ISGID


@as_root
def test_files_that_would_run_as_somebody_else_do_not_and_it_is_said(rig):
    (rig.source / "program").write_text("x")
    (rig.source / "program").chmod(0o4755)
    rig.back_up()
    copy = rig.restored_source()
    assert stat.S_IMODE((copy / "program").stat().st_mode) == 0o755
    assert str(rig.source / "program") in rig.restored.outcome.refused


def acl(*entries: tuple[int, int, int]) -> bytes:
    """A POSIX ACL as the kernel keeps it: (tag, permissions, id)."""
    packed = [struct.pack("<HHI", tag, permissions, number & 0xFFFFFFFF) for tag, permissions, number in entries]
    return struct.pack("<I", 2) + b"".join(packed)


def test_extended_attributes_and_access_control_lists(rig):
    everybody = acl((0x01, 6, -1), (0x02, 4, 1000), (0x04, 4, -1), (0x10, 4, -1), (0x20, 0, -1))
    for name in ("file", "directory"):
        path = rig.source / name
        path.touch() if name == "file" else path.mkdir()
        try:
            os.setxattr(path, "user.text", "ä".encode())
            os.setxattr(path, "user.empty", b"")
            os.setxattr(path, "user.binary", bytes(range(256)))
            os.setxattr(path, "system.posix_acl_access", everybody)
        except OSError:
            pytest.skip("this file system has no extended attributes or no ACLs")
    os.setxattr(rig.source / "directory", "system.posix_acl_default", everybody)
    (rig.source / "directory" / "inherits").write_text("x")
    copy = there_and_back(rig)
    assert os.getxattr(copy / "directory", "system.posix_acl_default") == everybody
    os.setxattr(rig.source / "directory", "user.text", b"another")
    assert rig.back_up().changed
    assert_same(rig.source, rig.restored_source())
