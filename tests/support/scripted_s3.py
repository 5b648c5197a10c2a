# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An S3 service that can be told to be weak, odd or broken: what real ones were met doing, without waiting for it.

Signatures are not checked: ministack and Ceph are there for that. Objects live in memory.
"""
from __future__ import annotations

import email.utils
import hashlib
import http.server
import re
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from xml.sax.saxutils import escape


@dataclass(frozen=True)
class Answer:
    """A canned answer. body None: an S3 error document of code and message. lost: close the connection instead.

    act: do what was asked for first, then answer this.
    """

    status: int = 500
    code: str = "InternalError"
    message: str = ""
    headers: dict = field(default_factory=dict)
    body: bytes | None = None
    lost: bool = False
    act: bool = False
    extra: str = ""  # more XML in the error document


@dataclass
class Behaviour:
    """What the service does not do as S3 does.

    conditional: "honoured", "ignored" or "refused" (501). ranges: "partial" (206), "whole" (200, right Content-Range)
    or "ignored". bulk: DeleteObjects exists. page: objects per listing. server: its Server header. date: a time for the
    Date header, or None for now.
    """

    conditional: str = "honoured"
    ranges: str = "partial"
    bulk: bool = True
    page: int = 1000
    server: str = "scripted"
    date: float | None = None


class ScriptedS3:
    """The service, on loopback. Use as a context manager.

    script: canned answers by HTTP method; each is used once, in order; after that requests are served.
    requests: (method, path with query, headers) of each, in order.
    """

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.behaviour = behaviour or Behaviour()
        self.objects: dict[str, tuple[bytes, float]] = {}
        self.script: dict[str, list[Answer]] = {}
        self.requests: list[tuple[str, str, dict]] = []
        self.lock = threading.RLock()
        service = self

        class Handler(_Handler):
            s3 = service

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> ScriptedS3:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_exception) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, *answers: Answer) -> None:
        """Answer the next requests of a method so."""
        with self.lock:
            self.script.setdefault(method, []).extend(answers)

    def count(self, method: str) -> int:
        """How many requests of a method there were."""
        with self.lock:
            return sum(1 for item in self.requests if item[0] == method)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    s3: ScriptedS3

    def log_message(self, *_arguments) -> None:
        pass

    def version_string(self) -> str:
        return self.s3.behaviour.server

    def date_time_string(self, timestamp=None) -> str:
        date = self.s3.behaviour.date
        return email.utils.formatdate(time.time() if date is None else date, usegmt=True)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.s3.lock:
            self.s3.requests.append((self.command, self.path, dict(self.headers)))
            waiting = self.s3.script.get(self.command)
            canned = waiting.pop(0) if waiting else None
            answer = None
            if canned is None or canned.act:
                answer = self._act(body)
        if canned is not None and canned.lost:
            self.close_connection = True
            return
        self._send(canned or answer)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _serve

    def _send(self, answer: Answer) -> None:
        body = answer.body
        if body is None:
            body = (f"<?xml version='1.0'?><Error><Code>{answer.code}</Code><Message>{escape(answer.message)}</Message>"
                    f"{answer.extra}</Error>").encode()
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD" and answer.status != 204:
            self.wfile.write(body)

    # --- S3, as far as the storage uses it

    def _act(self, body: bytes) -> Answer:
        path, _mark, query = self.path.partition("?")
        _bucket, _slash, key = urllib.parse.unquote(path.lstrip("/")).partition("/")
        asked = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        if not key:
            return self._delete_many(body) if "delete" in asked else self._list(asked)
        if self.command == "PUT":
            return self._put(key, body)
        if self.command == "DELETE":
            self.s3.objects.pop(key, None)
            return Answer(204, body=b"")
        if key not in self.s3.objects:
            return Answer(404, "NoSuchKey", body=b"" if self.command == "HEAD" else None)
        return self._get(self.s3.objects[key][0])

    def _put(self, key: str, body: bytes) -> Answer:
        behaviour = self.s3.behaviour
        if self.headers.get("If-None-Match") and behaviour.conditional != "ignored":
            if behaviour.conditional == "refused":
                return Answer(501, "NotImplemented", "A header you provided implies functionality that is not implemented")
            if key in self.s3.objects:
                return Answer(412, "PreconditionFailed")
        self.s3.objects[key] = (body, time.time())
        return Answer(200, headers={"ETag": _tag(body)}, body=b"")

    def _get(self, data: bytes) -> Answer:
        headers = {"ETag": _tag(data), "Content-Length": str(len(data))}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if asked and self.s3.behaviour.ranges != "ignored" and self.command == "GET":
            first, last = int(asked[1]), min(int(asked[2] or len(data)), len(data) - 1)
            if first >= len(data):
                return Answer(416, "InvalidRange")
            headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
            data = data[first:last + 1]
            headers["Content-Length"] = str(len(data))
            return Answer(206 if self.s3.behaviour.ranges == "partial" else 200, headers=headers, body=data)
        return Answer(200, headers=headers, body=data)

    def _list(self, asked: dict) -> Answer:
        prefix, page = asked.get("prefix", ""), min(int(asked.get("max-keys") or 1000), self.s3.behaviour.page)
        keys = sorted(key for key in self.s3.objects if key.startswith(prefix) and key > asked.get("continuation-token", ""))
        more = len(keys) > page
        text = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.s3.objects[key][0])}</Size>"
            f"<LastModified>{time.strftime('%Y-%m-%dT%H:%M:%S.000Z', time.gmtime(self.s3.objects[key][1]))}</LastModified></Contents>"
            for key in keys[:page]
        )
        if more:
            text += f"<NextContinuationToken>{escape(keys[page - 1])}</NextContinuationToken>"
        text = f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{text}</ListBucketResult>"
        return Answer(200, body=text.encode(), headers={"Content-Type": "application/xml"})

    def _delete_many(self, body: bytes) -> Answer:
        if not self.s3.behaviour.bulk:
            return Answer(501, "NotImplemented")
        for key in re.findall(r"<Key>([^<]*)</Key>", body.decode()):
            self.s3.objects.pop(key, None)
        return Answer(200, body=b"<DeleteResult></DeleteResult>", headers={"Content-Type": "application/xml"})


def _tag(data: bytes) -> str:
    return '"' + hashlib.md5(data, usedforsecurity=False).hexdigest() + '"'
