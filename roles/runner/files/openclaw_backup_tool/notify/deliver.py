# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells events through every channel that is set. A channel that fails takes nothing away from the others, nor from a backup."""
from __future__ import annotations

import time
from typing import Callable

from openclaw_backup_engine.errors import EngineError

from ..text import iso
from . import local, told, web
from .events import BAD, Event


def channels(session) -> dict[str, Callable[[Event], None]]:
    """The channels of an instance's settings, by name."""
    notify, found = session.settings.notify, {}
    if notify.openclaw_event:
        found["openclaw_event"] = lambda event: local.agent(session, event)
    if notify.webhook_url_file:
        found["webhook"] = lambda event: web.webhook(address(session, notify.webhook_url_file), event.to_dict())
    if notify.mail_to:
        found["mail"] = lambda event: local.mail(notify.mail_to, event)
    if notify.command:
        found["command"] = lambda event: local.command(notify.command, event)
    return found


def address(session, setting: str) -> str:
    """The address in a file or credential. ChannelFailed."""
    try:
        return web.read_address(session.credentials.path(setting) or "")
    except EngineError as exc:
        raise web.ChannelFailed(exc.message) from exc


def tell(event: Event, through: dict[str, Callable[[Event], None]]) -> tuple[list[str], list[tuple[str, str]]]:
    """(names of channels that took it, (name, why not) of the others)."""
    took, failed = [], []
    for name, send in through.items():
        try:
            send(event)
            took.append(name)
        except web.ChannelFailed as exc:
            failed.append((name, str(exc)))
        except Exception as exc:  # pylint: disable=broad-exception-caught
            failed.append((name, f"a fault in openclaw-backup: {type(exc).__name__}"))  # its text might hold an address
    return took, failed


def tell_all(directory: str, found: list[Event], through: dict[str, Callable[[Event], None]]) -> tuple[list[str], list[tuple[str, str]]]:
    """Tell events, and remember in the state directory what was told: (titles of what some channel took, channels that failed)."""
    before = told.read(directory)
    after, told_now, failed = dict(before), [], []
    for event in found:
        took, not_taken = tell(event, through)
        failed += not_taken
        if not took and through:
            continue  # told at the next look
        told_now.append(event.title)
        for key in event.keys:
            if event.kind in BAD:
                after[key] = {"time": iso(time.time()), "channels": took}
            else:
                after.pop(key, None)
    if after != before:
        try:
            told.write(directory, after)
        except OSError as exc:
            failed.append((told.NAME, f"it cannot be written: {exc.strerror}"))
    return told_now, failed


def heartbeat(session, state: str, text: str = "") -> list[tuple[str, str]]:
    """Tell the service that waits for a sign of life, if there is one: [("heartbeat", why not)] where that fails."""
    setting = session.settings.notify.heartbeat_url_file
    if not setting:
        return []
    try:
        web.heartbeat(address(session, setting), state, text)
    except web.ChannelFailed as exc:
        return [("heartbeat", str(exc))]
    return []
