# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""From options to a storage: the one place that knows which kinds there are."""
from __future__ import annotations

import os

from ..errors import EngineError
from ..options import StorageOptions
from ..ports import Context
from .base import Storage
from .file import FileStorage
from .file_errors import from_os_error
from .location import Location, check_instance, parse_url

_MARKER = "repository.json"  # what makes a directory a repository (docs/format.md)


def open_storage(options: StorageOptions, instance: str, context: Context, initialise: bool = False) -> Storage:
    """The storage of one instance: the objects below <storage>/<instance>/. Opens and sends nothing yet; for S3 a client
    is made in the background meanwhile.

    initialise: a directory that does not exist may be made (see FileStorage). Raises EngineError "storage-url-invalid",
    "instance-name-invalid", and what S3Storage says of its options.
    """
    location = parse_url(options.url)
    check_instance(instance)
    if location.scheme == "file":
        return FileStorage(location.path + "/" + instance, context, options.url.rstrip("/") + "/" + instance, initialise)
    from .s3 import S3Storage  # a directory needs none of what it brings along
    storage = S3Storage(options, location.bucket, "/".join(filter(None, (location.prefix, instance))), context)
    storage.prepare()
    return storage


def open_root(options: StorageOptions, context: Context) -> Storage:
    """The objects of all repositories of a storage, each below its instance's name. Raises EngineError as open_storage() does."""
    location = parse_url(options.url)
    if location.scheme == "file":
        return FileStorage(location.path, context, options.url.rstrip("/"))
    from .s3 import S3Storage
    return S3Storage(options, location.bucket, location.prefix, context)


def children(storage: Storage) -> list[str]:
    """The names below a storage of open_root() that could be instances, sorted. One request per thousand."""
    return sorted(name for name in storage.list_children() if _is_instance(name))


def list_instances(options: StorageOptions, context: Context) -> list[str]:
    """The names of the repositories directly below a storage, sorted. An absent directory holds none."""
    location = parse_url(options.url)
    if location.scheme == "file":
        return _list_directories(location, options.url)
    from .s3 import S3Storage
    storage = S3Storage(options, location.bucket, location.prefix, context)
    try:
        return sorted(name for name in storage.list_children() if _is_instance(name) and storage.exists(name + "/" + _MARKER))
    finally:
        storage.close()


def _list_directories(location: Location, url: str) -> list[str]:
    try:
        names = os.listdir(location.path)
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise from_os_error(exc, url, "list repositories") from exc
    return sorted(name for name in names if _is_instance(name) and os.path.isfile(os.path.join(location.path, name, _MARKER)))


def _is_instance(name: str) -> bool:
    try:
        check_instance(name)
    except EngineError:
        return False
    return True
