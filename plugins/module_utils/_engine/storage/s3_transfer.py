# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""One object's way down or up, over as many attempts as it takes.

Both classes hold what attempts achieved so far; Retry calls attempt() until one returns.
"""
from __future__ import annotations

import re
from typing import Sequence

from ..errors import ObjectExists
from .rate import RateLimit
from .s3_body import PartsBody
from .s3_errors import ShortAnswer, is_lost, is_missing, is_not_implemented, is_taken, not_s3, status_of

_PIECE = 64 << 10  # bytes; what is lost at most when a connection breaks
_READ_BACK = 1 << 20  # bytes up to which an unconditional write is read back whole
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)\Z")


class Download:
    """Bytes of an object: length of them from offset (None: all), resumed where a connection broke off."""

    def __init__(self, client, bucket: str, key: str, offset: int, length: int | None) -> None:
        """length: above 0 or None."""
        self._client = client
        self._object = {"Bucket": bucket, "Key": key}
        self._offset = offset
        self._length = length
        self.data = bytearray()

    def attempt(self) -> bytes:
        """The bytes, fewer only where the object ends. Raises what botocore raises, ShortAnswer, EngineError."""
        start = self._offset + len(self.data)
        asked = {}
        if start or self._length is not None:
            last = "" if self._length is None else self._offset + self._length - 1
            asked["Range"] = f"bytes={start}-{last}"
        try:
            answer = self._client.get_object(**self._object, **asked)
        except Exception as exc:
            if status_of(exc) == 416 and asked:  # nothing there: the object ends before
                return bytes(self.data)
            raise
        body = answer["Body"]
        try:
            self._read(body, *self._bounds(answer, start))
        finally:
            body.close()
        return bytes(self.data)

    def _bounds(self, answer: dict, start: int) -> tuple[int, int]:
        """(bytes of the body to skip, bytes to take). A range may be ignored, or answered with 200 (rclone does)."""
        size = int(answer.get("ContentLength") or 0)
        found = _CONTENT_RANGE.match(answer.get("ContentRange") or "")
        if not found:
            take = max(0, size - start)
            skip = min(start, size)
        elif int(found[1]) != start:
            raise not_s3(self._object["Key"], f"{found[0]} for bytes from {start}")
        else:
            skip, take = 0, int(found[2]) + 1 - start
        if self._length is not None:
            take = min(take, self._length - len(self.data))
        return skip, take

    def _read(self, body, skip: int, take: int) -> None:
        while skip + take:
            piece = body.read(min(_PIECE, skip + take))
            if not piece:
                raise ShortAnswer()
            skipped = min(skip, len(piece))
            skip -= skipped
            taken = min(take, len(piece) - skipped)
            self.data += piece[skipped:skipped + taken]
            take -= taken


class Upload:
    """A new object, never over another one, also where an answer is lost and the write is repeated.

    conditional: the service honours If-None-Match. Turns false when it says that it does not; then the object is looked
    for, written, and looked at again, which another writer in the same moment could get between.
    """

    def __init__(self, client, bucket: str, key: str, parts: Sequence[bytes], conditional: bool, limit: RateLimit | None) -> None:
        self._client = client
        self._object = {"Bucket": bucket, "Key": key}
        self._parts = parts
        self._size = sum(len(part) for part in parts)
        self._limit = limit
        self._unsure = False  # an earlier attempt may have stored the object
        self._lost = False  # ... and gave no answer at all
        self.conditional = conditional

    def attempt(self) -> None:
        """Store the object. Raises ObjectExists, and what botocore raises."""
        unsure = self._unsure
        if self._lost and self._look_for_own():
            return
        try:
            self._put()
        except ObjectExists:
            if not (unsure and self._is_stored()):
                raise
        except Exception as exc:
            self._unsure = True
            self._lost = is_lost(exc)
            raise

    def _look_for_own(self) -> bool:
        try:
            return self._is_stored()
        except Exception as exc:
            if status_of(exc) == 403:  # may write but not read: the write itself will tell
                return False
            raise

    def _is_stored(self) -> bool:
        """Whether the object is there with this content. ObjectExists if with another one."""
        size = self._stored_size()[0]
        if size is None:
            return False
        if size != self._size or Download(self._client, **_download(self._object)).attempt() != b"".join(self._parts):
            raise self._taken()
        return True

    def _stored_size(self) -> tuple[int | None, str]:
        try:
            answer = self._client.head_object(**self._object)
        except Exception as exc:
            if is_missing(exc):
                return None, ""
            raise
        return int(answer.get("ContentLength") or 0), str(answer.get("ETag") or "")

    def _put(self) -> None:
        if self.conditional:
            try:
                self._send(IfNoneMatch="*")
                return
            except Exception as exc:
                if is_taken(exc):
                    raise self._taken() from exc
                if not is_not_implemented(exc):
                    raise
            self.conditional = False
        self._put_unconditionally()

    def _put_unconditionally(self) -> None:
        if self._stored_size()[0] is not None:
            raise self._taken()
        tag = self._send()
        if self._size <= _READ_BACK:
            if not self._is_stored():
                raise ShortAnswer()
        elif self._stored_size() != (self._size, tag):
            raise self._taken()

    def _send(self, **condition: str) -> str:
        """Write; the entity tag. A service that really stored something states one, a proxy's login page does not."""
        tag = self._client.put_object(**self._object, Body=PartsBody(self._parts, self._limit), **condition).get("ETag")
        if not tag:
            raise not_s3(self._object["Key"], "what came for the upload")
        return str(tag)

    def _taken(self) -> ObjectExists:
        return ObjectExists(self._object["Key"], "s3://" + self._object["Bucket"])


def _download(target: dict) -> dict:
    return {"bucket": target["Bucket"], "key": target["Key"], "offset": 0, "length": None}
