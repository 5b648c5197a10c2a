# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""A storage in an S3 bucket."""
from __future__ import annotations

import base64
import hashlib
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import Callable, Iterable, Iterator, Sequence, TypeVar

from ..errors import EngineError, ObjectExists
from ..options import StorageOptions
from ..ports import Context
from .base import Capabilities, Deletion, ObjectInfo, Storage, Traffic
from .location import check_object_name, check_prefix, is_component, is_object_name
from .rate import RateLimit
from .retry import Retry, RetryPolicy
from .s3_body import PartsBody
from .s3_client import choose_endpoint, make_client
from .s3_errors import Action, code_of, is_missing, is_not_implemented, is_taken, judge, not_s3
from .s3_transfer import Download, Upload

T = TypeVar("T")
_TRANSFERS = 5
_CONNECTIONS = 16  # as many as ever run at once: transfers, and listings beside them
_PER_DELETION = 1000  # S3's limit
_VERBS = {
    "ListObjectsV2": "list", "GetObject": "get", "PutObject": "put", "HeadObject": "head", "HeadBucket": "head",
    "DeleteObject": "delete", "DeleteObjects": "delete",
}
# Refusals of DeleteObjects by services that lack it, or want it otherwise than botocore sends it.
_NO_BULK = {
    "NotImplemented", "MethodNotAllowed", "MissingContentMD5", "InvalidRequest", "MalformedXML", "MissingContentLength", "InvalidDigest",
}


class S3Storage(Storage):
    """The objects of one repository below a prefix of a bucket.

    Nothing is sent before the first request. A bucket in another region than stated is followed there.
    """

    def __init__(self, options: StorageOptions, bucket: str, prefix: str, context: Context, policy: RetryPolicy | None = None) -> None:
        """prefix: without outer slashes; may be empty. Raises EngineError for an endpoint that is none."""
        endpoint = choose_endpoint(options, context.environment)
        self.url = "/".join(filter(None, ("s3:/", bucket, prefix)))
        self.traffic = Traffic()
        self._where = self.url + (f" at {endpoint}" if endpoint else "")
        self._options = options
        self._context = context
        self._bucket = bucket
        self._base = prefix + "/" if prefix else ""
        self._retry = Retry(context.clock, policy, on_retry=self._count_retry)
        self._limit = RateLimit(options.upload_rate_limit, context.clock) if options.upload_rate_limit > 0 else None
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._opened = None
        self._conditional = True  # whether If-None-Match is worth sending
        self._bulk = True  # whether DeleteObjects is
        self._seen: tuple[float, float] | None = None  # (the service's time, our stopwatch) of its latest answer

    # --- the contract (see Storage)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        return self.list_after(prefix, "")

    def list_after(self, prefix: str, after: str) -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        found = []
        for page in self._pages(Prefix=self._base + prefix, **({"StartAfter": self._base + after} if after else {})):
            for item in page.get("Contents") or ():
                name = str(item.get("Key") or "")[len(self._base):]
                if is_object_name(name) and name.startswith(prefix) and name > after:  # not every service heeds StartAfter
                    found.append(ObjectInfo(name, *self._size_and_time(item)))
        found.sort(key=lambda item: item.name)
        yield from found

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        check_object_name(name)
        if length is not None and length <= 0:
            self._call(name, lambda client: client.head_object(Bucket=self._bucket, Key=self._base + name))
            return b""
        download = Download(self._client(name), self._bucket, self._base + name, offset, length)
        data = self._call(name, lambda client: download.attempt(), progress=lambda: len(download.data))
        with self._lock:
            self.traffic.bytes_received += len(data)
        return data

    def create(self, name: str, parts: Sequence[bytes]) -> None:
        check_object_name(name)
        upload = Upload(self._client(name), self._bucket, self._base + name, parts, self._conditional, self._limit)
        try:
            self._call(name, lambda client: upload.attempt())
        except ObjectExists:
            raise ObjectExists(name, self._where) from None
        finally:
            self._conditional = self._conditional and upload.conditional

    def delete(self, names: Iterable[str]) -> Deletion:
        waiting = list(names)
        for name in waiting:
            check_object_name(name)
        result = Deletion([], [])
        while waiting:
            batch, waiting = waiting[:_PER_DELETION], waiting[_PER_DELETION:]
            if len(batch) == 1 or not self._bulk or not self._delete_many(batch, result):
                self._delete_each(batch, result)
        return result

    def now(self) -> float:
        if self._seen is None:
            next(iter(self._pages(Prefix=self._base, MaxKeys=1)))
        with self._lock:
            if self._seen is None:  # the service states no date
                return self._context.clock.now()
            then, moment = self._seen
        return then + (self._context.clock.elapsed() - moment)

    def probe(self) -> Capabilities:
        names = ["probes/" + secrets.token_hex(16) for _round in range(4)]
        self.create(names[0], [b"first"])
        create_only = self._conditional and not self._overwrites(names[0]) and all(self._one_winner(name) for name in names[1:])
        deletion = self.delete(names)
        return Capabilities(create_only=create_only, can_delete=not deletion.failed and not self.exists(names[0]))

    def parallel_transfers(self) -> int:
        return _TRANSFERS

    def close(self) -> None:
        with self._opening:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    # --- beyond the contract

    def prepare(self) -> None:
        """Begin to load botocore and make its client, in a thread: about 0.1 s that the caller can use otherwise.

        What goes wrong there shows at the first request.
        """
        threading.Thread(target=self._prepare, name="s3-client").start()

    def exists(self, name: str) -> bool:
        """Whether there is an object of that name."""
        check_object_name(name)
        return self._call(name, lambda client: self._head(client, name))

    def list_children(self) -> list[str]:
        """The names of the directories right below the root, as far as they could begin an object name."""
        found = []
        for page in self._pages(Prefix=self._base, Delimiter="/"):
            found += [str(item["Prefix"])[len(self._base):].rstrip("/") for item in page.get("CommonPrefixes") or ()]
        return [name for name in found if is_component(name)]

    # --- requests

    def _prepare(self) -> None:
        try:
            self._client("objects")
        except Exception:
            pass  # the first request meets it again, and its caller hears of it

    def _client(self, name: str):
        with self._opening:
            if self._opened is None:
                try:
                    self._opened = make_client(self._options, self._context, _CONNECTIONS)
                except EngineError:
                    raise
                except Exception as exc:
                    verdict = judge(exc, Action(self._where, name), self._context.clock.now())
                    if verdict is None:
                        raise
                    raise verdict.error from exc
                events = self._opened.meta.events
                events.register("before-send.s3", self._before_send)
                events.register("before-sign.s3", self._before_sign)
                events.register("response-received.s3", self._after_answer)
            return self._opened

    def _call(self, name: str, request: Callable[..., T], is_object: bool = True, progress: Callable[[], int] = lambda: 0) -> T:
        """The result of request(client), tried again as often as is worth it. Raises EngineError."""
        client = self._client(name)
        action = Action(self._where, name, is_object)
        return self._retry.call(lambda: request(client), lambda exc: judge(exc, action, self._context.clock.now()), progress)

    def _pages(self, **asked) -> Iterator[dict]:
        following: dict = {}
        while True:
            page = self._call("objects", lambda client: client.list_objects_v2(Bucket=self._bucket, **asked, **following), is_object=False)
            if not {"IsTruncated", "Name", "KeyCount"} & set(page):
                raise not_s3(self._where, "a listing")  # a login page of a proxy would pass for an empty repository
            yield page
            if not page.get("IsTruncated"):
                return
            token = page.get("NextContinuationToken")
            if not token or token == following.get("ContinuationToken"):
                raise not_s3(self._where, "a listing that says that it goes on, but not how,")
            following = {"ContinuationToken": token}

    def _size_and_time(self, item: dict) -> tuple[int, float]:
        try:
            size, modified = int(item["Size"]), item["LastModified"].timestamp()
        except (KeyError, ValueError, OverflowError):
            size = -1
        if not 0 <= size < 1 << 63:
            raise not_s3(self._where, "a listing without sizes and times")
        return size, modified

    def _head(self, client, name: str) -> bool:
        try:
            client.head_object(Bucket=self._bucket, Key=self._base + name)
        except Exception as exc:
            if is_missing(exc):
                return False
            raise
        return True

    # --- deleting

    def _delete_many(self, names: list[str], result: Deletion) -> bool:
        """Delete up to 1,000 objects with one request; false if that is not to be had here."""
        wanted = {"Objects": [{"Key": self._base + name} for name in names], "Quiet": True}
        refused = []

        def attempt(client):
            try:
                return client.delete_objects(Bucket=self._bucket, Delete=wanted)
            except Exception as exc:
                if is_not_implemented(exc) or code_of(exc) in _NO_BULK:
                    refused.append(True)
                elif code_of(exc) != "AccessDenied":  # Ceph denies all for one: ask one by one then
                    raise
                return None

        answer = self._call(f"{len(names)} objects", attempt, is_object=False)
        if answer is None:
            self._bulk = not refused and self._bulk
            return False
        failed = {str(item.get("Key"))[len(self._base):]: item for item in answer.get("Errors") or ()}
        failed = {name: item for name, item in failed.items() if item.get("Code") not in ("NoSuchKey", "NoSuchVersion")}
        result.deleted.extend(name for name in names if name not in failed)
        # Asked again alone: a passing fault gets its retries, and a lasting one its full reason.
        self._delete_each([name for name in names if name in failed], result)
        return True

    def _delete_each(self, names: list[str], result: Deletion) -> None:
        if len(names) < 3:
            reasons = [self._delete_one(name) for name in names]
        else:
            with ThreadPoolExecutor(_TRANSFERS) as pool:
                reasons = list(pool.map(self._delete_one, names))
        for name, reason in zip(names, reasons):
            if reason:
                result.failed.append((name, reason))
            else:
                result.deleted.append(name)

    def _delete_one(self, name: str) -> str:
        """Delete one object; the reason if the service refuses. Raises EngineError where the service is out of reach."""

        def attempt(client):
            try:
                client.delete_object(Bucket=self._bucket, Key=self._base + name)
            except Exception as exc:
                if not is_missing(exc):
                    raise

        try:
            self._call(name, attempt)
        except EngineError as exc:
            if exc.code in ("storage-no-permission", "storage-object-locked", "storage-refused"):
                return str(exc)
            raise
        return ""

    # --- what the service really does

    def _overwrites(self, name: str) -> bool:
        """Whether a conditional write over an existing object goes through."""
        if self._put_if_absent(name, b"second"):
            self._conditional = False
            return True
        return self.get(name) != b"first"

    def _one_winner(self, name: str) -> bool:
        """Whether one of several writers at once wins, and only one."""
        with ThreadPoolExecutor(4) as pool:
            return sum(pool.map(lambda number: self._put_if_absent(name, b"%d" % number), range(4))) == 1

    def _put_if_absent(self, name: str, data: bytes) -> bool:
        def attempt(client):
            try:
                client.put_object(Bucket=self._bucket, Key=self._base + name, Body=PartsBody([data]), IfNoneMatch="*")
            except Exception as exc:
                if is_taken(exc):
                    return False
                raise
            return True

        return self._call(name, attempt)

    # --- what botocore tells

    def _before_send(self, request, event_name: str, **_other) -> None:
        body = request.body
        verb = _VERBS.get(event_name.rpartition(".")[2], "other")
        with self._lock:
            self.traffic.requests[verb] = self.traffic.requests.get(verb, 0) + 1
            self.traffic.bytes_sent += len(body) if isinstance(body, PartsBody) else 0
        if isinstance(body, PartsBody):
            body.sending()

    def _before_sign(self, request, event_name: str, **_other) -> None:
        # A wait for "100 Continue" costs a round trip per upload; a refusal is seen without it, too.
        if "Expect" in request.headers:
            del request.headers["Expect"]
        if event_name.endswith("DeleteObjects"):  # older services insist on it
            digest = hashlib.md5(request.body, usedforsecurity=False).digest()
            request.headers["Content-MD5"] = base64.b64encode(digest).decode()

    def _after_answer(self, response_dict, **_other) -> None:
        if not response_dict:
            return
        headers = response_dict["headers"]
        if str(headers.get("server") or "").lower().startswith("rclone"):
            self._conditional = False  # rclone serve s3 accepts If-None-Match and ignores it
        try:
            date = parsedate_to_datetime(headers.get("date") or "").timestamp()
        except (TypeError, ValueError):
            return
        with self._lock:
            self._seen = (date, self._context.clock.elapsed())

    def _count_retry(self) -> None:
        with self._lock:
            self.traffic.retries += 1
