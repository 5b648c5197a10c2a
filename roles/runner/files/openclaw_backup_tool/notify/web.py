# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Channels that speak HTTP: a webhook, and the address of a service that waits for heartbeats. Their addresses are secrets."""
from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from urllib.parse import urlsplit, urlunsplit

TIMEOUT = 15.0  # seconds
_MOST = 1 << 16  # bytes of an address
START, SUCCESS, FAILURE = "start", "", "fail"


class ChannelFailed(Exception):
    """A channel did not take a message. Says why, never where."""


def read_address(path: str) -> str:
    """The address that a file holds. ChannelFailed."""
    try:
        with open(path, encoding="utf-8") as stream:
            address = stream.read(_MOST).strip()
    except (OSError, ValueError) as exc:
        raise ChannelFailed(f"its address cannot be read: {exc.strerror if isinstance(exc, OSError) else 'it is no text'}") from exc
    if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname or any(ord(char) <= 32 for char in address):
        raise ChannelFailed("its address is no http:// or https:// address")
    return address


def webhook(address: str, message: dict) -> None:
    """Post a message as JSON. ChannelFailed."""
    _post(address, json.dumps(message).encode(), "application/json")


def heartbeat(address: str, state: str, text: str = "") -> None:
    """Tell a service that waits for a sign of life: the address itself after a success, .../start before, .../fail after a failure."""
    parts = urlsplit(address)
    path = parts.path.rstrip("/") + "/" + state if state else parts.path
    _post(urlunsplit(parts._replace(path=path)), text[:10_000].encode(), "text/plain; charset=utf-8")


def _post(address: str, body: bytes, kind: str) -> None:
    request = urllib.request.Request(address, body, {"Content-Type": kind, "User-Agent": "openclaw-backup"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            answer.read(_MOST)
    except urllib.error.HTTPError as exc:
        raise ChannelFailed(f"it answers {exc.code}") from None
    except urllib.error.URLError as exc:
        raise ChannelFailed(f"it cannot be reached: {type(exc.reason).__name__}") from None
    except (OSError, http.client.HTTPException, ValueError) as exc:
        raise ChannelFailed(f"it cannot be talked to: {type(exc).__name__}") from None
