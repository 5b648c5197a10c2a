# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""A storage in a directory: a local disk, a mounted disk, a NAS."""
from __future__ import annotations

import os
import secrets
import threading
from contextlib import contextmanager
from typing import Iterable, Iterator, Sequence

from ..errors import EngineError, ObjectExists, ObjectMissing
from ..ports import Context
from .base import Capabilities, Deletion, ObjectInfo, Storage, Traffic
from .directory_sync import DirectorySync
from .file_io import TEMPORARY, read_range, write_new
from .file_errors import from_os_error, root_missing
from .location import check_object_name, check_prefix, is_component

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_ABSENT = (FileNotFoundError, NotADirectoryError)  # a file or link where a directory would be: nothing of ours is below it
_LEFTOVER_AGE = 24 * 3600.0  # seconds: no create takes that long, by any clock


class FileStorage(Storage):
    """The objects of one repository as files below a directory, named as they are, mode 0600 in directories of 0700.

    The root is made only with initialise=True, so that a disk that is not mounted never turns into a new repository; it
    is then held open, so that one that is unmounted meanwhile is not replaced by the directory below it. Links inside
    the root are not followed. Every error of the operating system comes out as EngineError (see file_errors).
    """

    def __init__(self, root: str, context: Context, url: str = "", initialise: bool = False) -> None:
        """root: absolute path. url: what people call it; the default is made of root."""
        self.url = url or "file://" + root
        self.traffic = Traffic()
        self._path = root
        self._clock = context.clock
        self._initialise = initialise
        self._lock = threading.RLock()
        self._root: int | None = None
        self._directories = DirectorySync()
        self._durable: set[str] = set()  # directories whose names are known to be on the disk
        self._leftovers: set[tuple[str, str]] = set()
        self._seen: tuple[float, float] | None = None  # (the file system's time, our stopwatch) of one moment

    # --- the contract (see Storage)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        return self.list_after(prefix, "")

    def list_after(self, prefix: str, after: str) -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        self._count("list")
        directory = prefix.rpartition("/")[0]
        with self._errors(f"list {prefix or 'objects'}"):
            try:
                descriptor = self._open(directory)
            except _ABSENT:
                return
            yield from self._walk(descriptor, directory + "/" if directory else "", prefix, after)

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        check_object_name(name)
        self._count("get")
        directory, _slash, leaf = name.rpartition("/")
        with self._errors(f"read {name}"):
            try:
                with self._opened(directory) as parent:
                    descriptor = os.open(leaf, _FILE, dir_fd=parent)
                try:
                    data = read_range(descriptor, offset, length)
                finally:
                    os.close(descriptor)
            except _ABSENT:
                raise ObjectMissing(name, self.url) from None
        with self._lock:
            self.traffic.bytes_received += len(data)
        return data

    def create(self, name: str, parts: Sequence[bytes]) -> None:
        check_object_name(name)
        self._count("put")
        directory, _slash, leaf = name.rpartition("/")
        with self._errors(f"write {name}"):
            self._sweep()
            try:
                status = self._create(directory, leaf, parts)
            except FileExistsError:
                raise ObjectExists(name, self.url) from None
        with self._lock:
            self.traffic.bytes_sent += status.st_size
            self._seen = (status.st_mtime, self._clock.elapsed())

    def delete(self, names: Iterable[str]) -> Deletion:
        by_directory: dict[str, list[str]] = {}
        for name in names:
            check_object_name(name)
            by_directory.setdefault(name.rpartition("/")[0], []).append(name)
        result = Deletion([], [])
        for directory, group in by_directory.items():
            self._count("delete")
            with self._errors(f"delete in {directory or 'the root'}"):
                self._delete(directory, group, result)
        with self._errors("remove temporary files"):
            self._sweep()
        return result

    def now(self) -> float:
        """By the file system's clock (of the file server, where it is a network mount), seen at the latest write.

        Before any write it is asked by making and removing a hidden file; where that cannot be, this host's clock.
        """
        if self._seen is None:
            try:
                self._look_at_clock()
            except OSError:
                return self._clock.now()
        with self._lock:
            then, moment = self._seen
        return then + (self._clock.elapsed() - moment)

    def probe(self) -> Capabilities:
        name = "probes/" + secrets.token_hex(16)
        self.create(name, [b"first"])
        try:
            self.create(name, [b"second"])
            create_only = False
        except ObjectExists:
            create_only = self.get(name) == b"first"
        return Capabilities(create_only=create_only, can_delete=not self.delete([name]).failed)

    def parallel_transfers(self) -> int:
        return 4

    def close(self) -> None:
        with self._lock:
            if self._root is not None:
                os.close(self._root)
                self._root = None

    # --- beyond the contract

    def list_children(self) -> list[str]:
        """The names of the directories right below the root, as far as they could begin an object name. Without a root, none."""
        self._count("list")
        with self._errors("list directories"):
            try:
                with self._opened("") as descriptor, os.scandir(descriptor) as entries:
                    return sorted(entry.name for entry in entries if is_component(entry.name) and entry.is_dir(follow_symlinks=False))
            except _ABSENT:
                return []

    # --- directories

    def _open(self, directory: str, create: bool = False) -> int:
        """A descriptor of a directory below the root, the caller's to close. FileNotFoundError if absent, OSError."""
        current, path = os.dup(self._root_descriptor(create)), ""
        try:
            for component in directory.split("/") if directory else ():
                path = f"{path}/{component}"
                child = self._open_child(current, component, path, create)
                os.close(current)
                current = child
        except BaseException:
            os.close(current)
            raise
        return current

    def _open_child(self, parent: int, name: str, path: str, create: bool) -> int:
        """One component of _open. What is created in a directory is only as durable as the directory's own name: so a
        directory is used for creating after its parent was synced once, also where somebody else has just made it."""
        try:
            child = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        except FileNotFoundError:
            if not create:
                raise
            try:
                os.mkdir(name, 0o700, dir_fd=parent)
            except FileExistsError:
                pass  # another thread was quicker
            self._durable.discard(path)
            child = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        if create and path not in self._durable:
            try:
                self._directories.sync(parent)
            except OSError:
                os.close(child)
                raise
            self._durable.add(path)
        return child

    @contextmanager
    def _opened(self, directory: str, create: bool = False) -> Iterator[int]:
        descriptor = self._open(directory, create)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _root_descriptor(self, create: bool) -> int:
        with self._lock:
            if self._root is not None and os.fstat(self._root).st_nlink == 0:  # removed since
                self.close()
            if self._root is None:
                try:
                    self._root = os.open(self._path, _DIRECTORY)
                except FileNotFoundError:
                    if not create:
                        raise
                    if not self._initialise:
                        raise root_missing(self.url) from None
                    self._make_root()
                    self._root = os.open(self._path, _DIRECTORY)
            return self._root

    def _make_root(self) -> None:
        path = "/"
        for name in self._path.strip("/").split("/"):
            parent, path = path, os.path.join(path, name)
            if not os.path.isdir(path):
                os.mkdir(path, 0o700)
                descriptor = os.open(parent, _DIRECTORY)
                try:
                    self._directories.sync(descriptor)
                finally:
                    os.close(descriptor)

    # --- listing

    def _walk(self, descriptor: int, base: str, prefix: str, after: str) -> Iterator[ObjectInfo]:
        """The objects in one directory and those below. Takes over the descriptor."""
        try:
            entries = self._scan(descriptor, base, prefix, after)
            for path, status in entries:
                if not path.endswith("/"):
                    yield ObjectInfo(path, status.st_size, status.st_mtime)
                    continue
                try:
                    child = os.open(path[len(base):-1], _DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
                except _ABSENT:
                    continue  # emptied and removed since
                yield from self._walk(child, path, prefix, after)
        finally:
            os.close(descriptor)

    def _scan(self, descriptor: int, base: str, prefix: str, after: str) -> list[tuple[str, os.stat_result]]:
        """What a listing looks at in one directory, in name order; directories end in a slash, as they sort."""
        found = []
        with os.scandir(descriptor) as entries:
            for entry in entries:
                is_directory = entry.is_dir(follow_symlinks=False)
                path = base + entry.name + ("/" if is_directory else "")
                wanted = path.startswith(prefix) or is_directory and prefix.startswith(path)
                wanted = wanted and (path > after or is_directory and after.startswith(path))
                try:
                    if entry.name.startswith(TEMPORARY):
                        self._note_leftover(base, entry)
                    elif wanted and is_component(entry.name) and (is_directory or entry.is_file(follow_symlinks=False)):
                        found.append((path, entry.stat(follow_symlinks=False)))
                except FileNotFoundError:
                    pass  # deleted since
        found.sort(key=lambda item: item[0])
        return found

    def _note_leftover(self, base: str, entry: os.DirEntry) -> None:
        now = self._clock.now() if self._seen is None else self.now()
        if now - entry.stat(follow_symlinks=False).st_mtime > _LEFTOVER_AGE:
            with self._lock:
                self._leftovers.add((base.rstrip("/"), entry.name))

    # --- changing

    def _create(self, directory: str, leaf: str, parts: Sequence[bytes]) -> os.stat_result:
        for attempt in range(10):
            try:
                with self._opened(directory, create=True) as parent:
                    return write_new(parent, leaf, parts, self._directories, self._root_descriptor(create=False))
            except FileNotFoundError:
                if attempt == 9:
                    raise
                # a deletion emptied and removed the directory meanwhile: make it again
        raise FileNotFoundError(directory)

    def _delete(self, directory: str, names: list[str], result: Deletion) -> None:
        try:
            descriptor = self._open(directory)
        except _ABSENT:
            result.deleted.extend(names)
            return
        try:
            changed = False
            for name in names:
                try:
                    os.unlink(name.rpartition("/")[2], dir_fd=descriptor)
                    changed = True
                except FileNotFoundError:
                    pass
                except OSError as exc:
                    result.failed.append((name, str(from_os_error(exc, self.url, f"delete {name}"))))
                    continue
                result.deleted.append(name)
            if changed:
                self._directories.sync(descriptor)
        finally:
            os.close(descriptor)
        self._remove_if_empty(directory)

    def _remove_if_empty(self, directory: str) -> None:
        above, slash, name = directory.rpartition("/")
        if not slash:
            return  # the few directories right below the root stay
        try:
            with self._opened(above) as parent:
                os.rmdir(name, dir_fd=parent)
            self._durable.discard("/" + directory)
        except OSError:
            pass  # not empty, or in use: no harm

    def _sweep(self) -> None:
        """Remove old temporary files that listings met: creates that a crash tore."""
        with self._lock:
            leftovers, self._leftovers = self._leftovers, set()
        for directory, name in leftovers:
            try:
                with self._opened(directory) as parent:
                    os.unlink(name, dir_fd=parent)
            except OSError:
                pass  # invisible and harmless

    # --- odds and ends

    def _look_at_clock(self) -> None:
        name = f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}"
        with self._opened("") as parent:
            descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=parent)
            try:
                status = os.fstat(descriptor)
            finally:
                os.close(descriptor)
                os.unlink(name, dir_fd=parent)
        with self._lock:
            self._seen = (status.st_mtime, self._clock.elapsed())

    def _count(self, verb: str) -> None:
        with self._lock:
            self.traffic.requests[verb] = self.traffic.requests.get(verb, 0) + 1

    @contextmanager
    def _errors(self, action: str) -> Iterator[None]:
        try:
            yield
        except EngineError:
            raise
        except OSError as exc:
            raise from_os_error(exc, self.url, action) from exc
