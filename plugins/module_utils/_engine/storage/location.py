# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Names and addresses: which object, instance and storage names are accepted, and what a storage URL means.

Everything here is a decision about text; nothing is opened. What is refused here can never reach a path or a request.
"""
from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from ..errors import EngineError

_COMPONENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}\Z")
_INSTANCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]\Z")
_MAX_NAME = 900  # bytes; S3 allows 1,024 for a key, which also holds the storage's prefix and the instance


@dataclass(frozen=True)
class Location:
    """A parsed storage URL. scheme "file": path is absolute. scheme "s3": bucket, and prefix without outer slashes."""

    scheme: str
    path: str = ""
    bucket: str = ""
    prefix: str = ""


def is_component(text: str) -> bool:
    """Whether text may stand between two slashes of an object name: never hidden, never "." or ".."."""
    return bool(_COMPONENT.match(text))


def is_object_name(name: str) -> bool:
    """Whether name is one that this engine would have given to an object."""
    return len(name) <= _MAX_NAME and all(is_component(part) for part in name.split("/"))


def check_object_name(name: str) -> None:
    """Raise EngineError "storage-name-invalid" unless name is an object name: no traversal, no hidden parts."""
    if not is_object_name(name):
        raise EngineError(
            "storage-name-invalid", f"{name[:80]!r} is not an object name",
            "Object names consist of letters, digits, dots, hyphens and underscores, joined by slashes.",
        )


def check_prefix(prefix: str) -> None:
    """Raise EngineError "storage-name-invalid" unless prefix can begin an object name. Empty means everything."""
    directory, _slash, rest = prefix.rpartition("/")
    if directory and not is_object_name(directory) or rest and not is_component(rest) or prefix.startswith("/"):
        raise EngineError(
            "storage-name-invalid", f"{prefix[:80]!r} cannot begin an object name",
            "Prefixes consist of letters, digits, dots, hyphens and underscores, joined by slashes.",
        )


def check_instance(instance: str) -> None:
    """Raise EngineError "instance-name-invalid" unless instance can name a repository."""
    if not _INSTANCE.match(instance) or ".." in instance:
        raise EngineError(
            "instance-name-invalid", f"{instance[:80]!r} cannot name an instance",
            "Use 1 to 128 letters, digits, dots, hyphens and underscores, beginning with a letter or digit, without two dots in a row.",
        )


def _invalid(url: str, why: str) -> EngineError:
    shown = re.sub(r"//[^/@]*@", "//***@", url.split("?")[0].split("#")[0])[:120]
    return EngineError("storage-url-invalid", f"Storage URL {shown!r} {why}", "Use file:///directory or s3://bucket/prefix.")


def parse_url(url: str) -> Location:
    """The Location that a storage URL names. Raises EngineError "storage-url-invalid"; a message never repeats a secret."""
    if not url:
        raise EngineError("storage-url-invalid", "No storage URL is given", "Set storage.url to file:///directory or s3://bucket/prefix.")
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in url):
        raise _invalid(re.sub(r"[\x00-\x1f\x7f]", "?", url), "holds control characters")
    try:
        parts = urlsplit(url)
    except ValueError as exc:
        raise _invalid(url, "cannot be parsed") from exc
    if "@" in parts.netloc:
        raise _invalid(url, "holds credentials: give them by files, a profile or the environment")
    if "?" in url or "#" in url:
        raise _invalid(url, "holds a query or a fragment, which storage URLs do not have")
    if parts.scheme == "file":
        return _parse_file(url, parts.netloc, parts.path)
    if parts.scheme == "s3":
        return _parse_s3(url, parts.netloc, parts.path)
    raise _invalid(url, "does not begin with file:// or s3://")


def _parse_file(url: str, host: str, raw_path: str) -> Location:
    if host not in ("", "localhost") or not url.startswith("file://"):
        raise _invalid(url, "is not absolute: a file URL has three slashes before the path")
    path = unquote(raw_path)
    names = [name for name in path.split("/") if name]
    if not path.startswith("/") or not names:
        raise _invalid(url, "names no directory below /")
    if any(name in (".", "..") or "\x00" in name for name in names):
        raise _invalid(url, "holds . or .. in its path")
    return Location("file", path="/" + "/".join(names))


def _parse_s3(url: str, bucket: str, raw_path: str) -> Location:
    if not _BUCKET.match(bucket) or ".." in bucket:
        raise _invalid(url, "does not name a bucket of 3 to 63 letters, digits, dots and hyphens")
    prefix = raw_path.strip("/")
    if prefix and not is_object_name(prefix):
        raise _invalid(url, "has a prefix with other characters than letters, digits, dots, hyphens, underscores and slashes")
    return Location("s3", bucket=bucket, prefix=prefix)


def check_endpoint(endpoint: str) -> None:
    """Raise EngineError "storage-url-invalid" unless endpoint is http(s)://host[:port] and nothing more."""
    try:
        parts = urlsplit(endpoint)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_fine = None, False
    if parts is None or not port_is_fine or parts.scheme not in ("http", "https") or not parts.hostname \
            or parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment:
        shown = re.sub(r"//[^/@]*@", "//***@", endpoint.split("?")[0])[:120]
        raise EngineError(
            "storage-url-invalid", f"S3 endpoint {shown!r} is not an address of the form https://host or https://host:port",
            "Give the service's address without a bucket, a path or credentials.",
        )
