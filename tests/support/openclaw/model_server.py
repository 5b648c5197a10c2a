# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A model server that speaks as much of OpenAI's interface as a gateway asks: chat and embeddings.

Its answers follow from the question alone, so that two runs write the same sessions. A question that holds
"wait N seconds" is answered that much later: an agent turn that lasts.
"""
from __future__ import annotations

import collections
import hashlib
import json
import random
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODEL = "mock-1"
DIMENSIONS = 384
KEPT = 20  # questions
WORDS = ("agent backup canvas chunk deploy gateway index ledger memory metric note plan release restore review session stream "
         "token vector worker").split()


class ModelServer:
    """Serves on a free port until stop(); a context manager. turns: how many chat requests were answered.

    address: loopback, so that nobody else reaches it, unless another is given.
    """

    def __init__(self, address: str = "127.0.0.1") -> None:
        self._server = ThreadingHTTPServer((address, 0), _Handler)
        self._server.turns = 0
        self._server.questions = collections.deque(maxlen=KEPT)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The base that a gateway is configured with."""
        return "http://{}:{}/v1".format(*self._server.server_address)

    @property
    def turns(self) -> int:
        """Chat requests answered so far."""
        return self._server.turns

    def was_asked(self, words: str) -> bool:
        """Whether these words were in one of the last questions."""
        return any(words in json.dumps(question) for question in list(self._server.questions))

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> ModelServer:
        return self

    def __exit__(self, *_exception) -> None:
        self.stop()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer({"object": "list", "data": [{"id": MODEL, "object": "model", "created": 1, "owned_by": "tests"}]})

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
        if self.path.endswith("/embeddings"):
            self._answer(_embeddings(question))
            return
        text = _reply(question)
        self.server.questions.append(question.get("messages"))
        self.server.turns += 1
        if question.get("stream"):
            self._stream(text)
        else:
            self._answer({**_frame("chat.completion"), "usage": _usage(text),
                          "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]})

    def _answer(self, content: dict) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, text: str) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        frame = _frame("chat.completion.chunk")
        for choices in ([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}],
                        [{"index": 0, "delta": {"content": text}, "finish_reason": None}],
                        [{"index": 0, "delta": {}, "finish_reason": "stop"}]):
            self.wfile.write(b"data: " + json.dumps({**frame, "choices": choices}).encode() + b"\n\n")
        self.wfile.write(b"data: " + json.dumps({**frame, "choices": [], "usage": _usage(text)}).encode() + b"\n\ndata: [DONE]\n\n")
        self.close_connection = True


def _reply(question: dict) -> str:
    recent = json.dumps(question.get("messages", [])[-2:])
    wait = re.search(r"wait (\d+) seconds", recent)
    if wait:
        time.sleep(min(int(wait.group(1)), 60))
    source = random.Random(hashlib.sha256(recent.encode()).digest())
    return " ".join(source.choices(WORDS, k=60))


def _embeddings(question: dict) -> dict:
    texts = question.get("input")
    vectors = []
    for index, text in enumerate([texts] if isinstance(texts, str) else texts or []):
        source = random.Random(hashlib.sha256(str(text).encode()).digest())
        vectors.append({"object": "embedding", "index": index, "embedding": [source.gauss(0, 0.05) for _unused in range(DIMENSIONS)]})
    return {"object": "list", "data": vectors, "model": MODEL, "usage": {"prompt_tokens": 1, "total_tokens": 1}}


def _frame(kind: str) -> dict:
    return {"id": "chatcmpl-test", "object": kind, "created": int(time.time()), "model": MODEL}


def _usage(text: str) -> dict:
    words = len(text.split())
    return {"prompt_tokens": 100, "completion_tokens": words, "total_tokens": 100 + words}
