# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tree that changes at random as people and programs change theirs: files, links, metadata, databases in use."""
from __future__ import annotations

import hashlib
import os
import random
import shutil
import sqlite3
from pathlib import Path

from support.sql_process import SqlProcess
from support.trees import describe

NAMES = (
    "a", "b", "c.md", "notes", "Über", "U\u0308ber", "UPPER", "upper", "with space", "line\nbreak", "back\\slash", "-dash", "x.sqlite-wal",
    os.fsdecode(b"\xff\xfe"), "z" * 255)
SIZES = (0, 1, 100, 4096, 16383, 16384, 16385, 40_000, 262_143, 262_144, 262_145, 600_000)
SIDECARS = ("-wal", "-shm", "-journal")


class Tree:
    """Some directories below one; tree is for files, db for databases. change() does one random thing and says what."""

    def __init__(self, base: Path, source: random.Random) -> None:
        self.base, self._random = base, source
        self._files, self._databases = base / "tree", base / "db"
        for directory in (self._files, self._databases):
            directory.mkdir(parents=True)
        self._open: dict[Path, SqlProcess] = {}
        self._made = 0

    def close(self) -> None:
        """End all processes."""
        for process in self._open.values():
            process.__exit__()
        self._open.clear()

    # --- what there is

    def facts(self) -> dict:
        """All of it, as trees.describe(); databases by their rows."""
        found = describe(self.base)
        for path in self.databases():
            name = str(path.relative_to(self.base))
            for suffix in SIDECARS:
                found.pop(name + suffix, None)
            with_rows = self._open.get(path)
            rows = with_rows("SELECT n, x FROM t ORDER BY n") if with_rows else _rows(path)
            found[name] = as_database(found[name], rows)
        return found

    def databases(self) -> list[Path]:
        """All databases."""
        return sorted(path for path in self._databases.iterdir() if not path.name.endswith(SIDECARS))

    def _pick(self, kind) -> Path | None:
        found = sorted(path for path in self._files.rglob("*") if kind(path))
        return self._random.choice(found) if found else None

    def _file(self) -> Path | None:
        return self._pick(lambda path: path.is_file() and not path.is_symlink())

    def _directory(self) -> Path:
        return self._pick(lambda path: path.is_dir() and not path.is_symlink()) or self._files

    def _new(self) -> Path:
        directory = self._directory() if self._random.random() < 0.7 else self._files
        path = directory / self._random.choice(NAMES)
        while os.path.lexists(path):
            self._made += 1
            path = directory / f"new-{self._made}"
        return path

    def _bytes(self, size: int) -> bytes:
        kind = self._random.random()
        if kind < 0.2:
            return bytes(size)
        if kind < 0.5:
            return (b"the same words again and again, " * (size // 32 + 1))[:size]
        return self._random.randbytes(size)

    # --- what changes

    def change(self) -> str:
        """One random change."""
        actions = [name for name in dir(self) if name.startswith("_do_")]
        while True:
            name = self._random.choice(actions)
            done = getattr(self, name)()
            if done is not None:
                return f"{name[4:]} {done}"

    def _do_create(self):
        path = self._new()
        path.write_bytes(self._bytes(self._random.choice(SIZES)))
        return path.relative_to(self.base)

    def _do_create_many(self):
        directory = self._new()
        directory.mkdir()
        for number in range(self._random.randrange(2, 30)):
            (directory / f"{number}.json").write_bytes(self._bytes(self._random.randrange(3000)))
        return directory.relative_to(self.base)

    def _do_append(self):
        path = self._file()
        if path is not None:
            with path.open("ab") as stream:
                stream.write(self._bytes(self._random.choice(SIZES)))
        return path

    def _do_edit(self):
        path = self._file()
        if path is None or not path.stat().st_size:
            return None
        with path.open("r+b") as stream:
            stream.seek(self._random.randrange(path.stat().st_size))
            stream.write(self._bytes(self._random.randrange(1, 2000)))
        return path

    def _do_edit_and_hide_it(self):
        """Same size, same time of change as before."""
        path = self._file()
        if path is None or not path.stat().st_size:
            return None
        before = path.stat()
        with path.open("r+b") as stream:
            stream.write(self._random.randbytes(1))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        return path

    def _do_truncate(self):
        path = self._file()
        if path is not None:
            os.truncate(path, self._random.choice((0, path.stat().st_size // 2, path.stat().st_size + 300_000)))
        return path

    def _do_copy(self):
        path = self._file()
        if path is not None:
            shutil.copy2(path, self._new())
        return path

    def _do_replace(self):
        """As editors save: a new file is given the name of the old one."""
        path, other = self._file(), self._new()
        if path is not None:
            other.write_bytes(self._bytes(self._random.choice(SIZES)))
            os.replace(other, path)
        return path

    def _do_delete(self):
        path = self._pick(lambda path: True)
        if path is None or self._random.random() < 0.5:
            return None
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        return path

    def _do_rename(self):
        path = self._pick(lambda path: True)
        target = self._new()
        if path is None or path in target.parents or path == target:
            return None
        path.rename(target)
        return f"{path} to {target}"

    def _do_replace_by_another_kind(self):
        path = self._file()
        if path is not None:
            path.unlink()
            if self._random.random() < 0.5:
                path.mkdir()
                (path / "inside").write_bytes(b"now a directory")
            else:
                path.symlink_to("somewhere")
        return path

    def _do_link(self):
        path = self._new()
        path.symlink_to(self._random.choice(("..", "a", "/etc/passwd", "not there", str(self._directory()))))
        return path

    def _do_hard_link(self):
        path = self._file()
        if path is not None:
            os.link(path, self._new())
        return path

    def _do_mode(self):
        path = self._pick(lambda path: not path.is_symlink())
        if path is not None:
            path.chmod(self._random.choice((0o600, 0o644, 0o400, 0o000, 0o4755) if path.is_file() else (0o700, 0o755, 0o2770, 0o1777)))
        return path

    def _do_owner(self):
        path = self._pick(lambda path: True)
        if path is None or os.geteuid() != 0:
            return None
        os.chown(path, self._random.choice((0, 1000, 65534)), self._random.choice((0, 1000, 65534)), follow_symlinks=False)
        return path

    def _do_times(self):
        path = self._pick(lambda path: True)
        if path is not None:
            when = self._random.choice((-1, 0, 1, 10**9 + 1, 1_700_000_000_123_456_789, 4_102_444_800_000_000_001))
            os.utime(path, ns=(when, when), follow_symlinks=False)
        return path

    def _do_attribute(self):
        path = self._pick(lambda path: not path.is_symlink())
        if path is None:
            return None
        try:
            if "user.note" in os.listxattr(path) and self._random.random() < 0.5:
                os.removexattr(path, "user.note")
            else:
                os.setxattr(path, "user.note", self._random.randbytes(20))
        except OSError:
            return None  # the file system has none
        return path

    # --- databases

    def _database(self) -> tuple[Path, SqlProcess] | None:
        found = self.databases()
        if not found:
            return None
        path = self._random.choice(found)
        if path not in self._open:
            self._open[path] = SqlProcess(path)
        return path, self._open[path]

    def _do_new_database(self):
        if len(self.databases()) > 4:
            return None
        self._made += 1
        path = self._databases / f"{self._made}.{self._random.choice(('sqlite', 'db', 'sqlite-a', 'txt'))}"
        process = self._open[path] = SqlProcess(path)
        process(f"PRAGMA page_size = {self._random.choice((512, 1024, 4096, 65536))}",
                f"PRAGMA journal_mode = {self._random.choice(('wal', 'delete'))}",
                f"PRAGMA wal_autocheckpoint = {self._random.choice((0, 10, 1000))}", "CREATE TABLE t (n INTEGER PRIMARY KEY, x)")
        self._grow(process)
        return path

    def _grow(self, process: SqlProcess) -> None:
        for _row in range(self._random.randrange(1, 15)):
            process(f"INSERT INTO t (x) VALUES ('{self._random.randbytes(self._random.choice((10, 500, 5000))).hex()}')")

    def _do_rows(self):
        chosen = self._database()
        if chosen is not None:
            self._grow(chosen[1])
        return chosen and chosen[0]

    def _do_more_rows(self):
        return self._do_rows()

    def _do_change_rows(self):
        chosen = self._database()
        if chosen is not None:
            chosen[1](f"UPDATE t SET x = '{self._random.randbytes(300).hex()}' WHERE n % 5 = 1", "DELETE FROM t WHERE n % 7 = 3")
        return chosen and chosen[0]

    def _do_checkpoint(self):
        chosen = self._database()
        if chosen is not None:
            chosen[1](f"PRAGMA wal_checkpoint({self._random.choice(('PASSIVE', 'TRUNCATE', 'RESTART'))})")
        return chosen and chosen[0]

    def _do_vacuum(self):
        chosen = self._database()
        if chosen is not None:
            chosen[1]("VACUUM")
        return chosen and chosen[0]

    def _do_close(self):
        if not self._open:
            return None
        path = self._random.choice(sorted(self._open))
        process = self._open.pop(path)
        if self._random.random() < 0.4:
            process.kill()
            return f"{path}, by a kill"
        process.__exit__()
        return path

    def _do_drop(self):
        found = [path for path in self.databases() if path not in self._open]
        if not found or self._random.random() < 0.5:
            return None
        for suffix in ("", *SIDECARS):
            Path(f"{found[0]}{suffix}").unlink(missing_ok=True)
        return found[0]


def as_database(fact: tuple, rows: list) -> tuple:
    """The fact of a file, with its rows in place of its size and content."""
    return (*fact[:-3], hashlib.sha256(repr([tuple(row) for row in rows]).encode()).hexdigest())


def _rows(path: Path) -> list:
    """The rows of a database that nobody has open, read from a copy: to look must not change it."""
    copy = path.parents[2] / "look"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for suffix in ("", *SIDECARS):
        if os.path.exists(f"{path}{suffix}"):
            shutil.copyfile(f"{path}{suffix}", copy / f"database{suffix}")
    return rows_of(copy / "database")


def rows_of(path: Path) -> list:
    """The rows of a database, which must be sound."""
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)], path
        return connection.execute("SELECT n, x FROM t ORDER BY n").fetchall()
    finally:
        connection.close()


def restored_facts(base: Path, expected: dict) -> dict:
    """What a restored tree holds, in the form of Tree.facts()."""
    found = describe(base)
    for name, fact in expected.items():
        if name.startswith("db/") and name in found and fact[0] == "file" and len(fact) < len(found[name]):
            found[name] = as_database(found[name], rows_of(base / name))
    return found
