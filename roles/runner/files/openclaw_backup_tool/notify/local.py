# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Channels on this host: mail through sendmail, a command, the agent itself."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
from email.message import EmailMessage

from openclaw_backup_engine.capture.locate import locate
from openclaw_backup_engine.errors import EngineError
from openclaw_backup_engine.gateway.calls import GatewayCalls
from openclaw_backup_engine.gateway.endpoint import find_endpoint

from .events import Event
from .web import ChannelFailed

TIMEOUT = 60.0  # seconds
_SENDMAIL = "/usr/sbin:/usr/lib:/usr/local/sbin:" + os.defpath


def mail(recipients: tuple[str, ...], event: Event) -> None:
    """Send a mail. ChannelFailed."""
    program = shutil.which("sendmail", path=os.environ.get("OPENCLAW_BACKUP_SENDMAIL_PATH") or _SENDMAIL)
    if not program:
        raise ChannelFailed("there is no sendmail on this host")
    message = EmailMessage()
    try:
        message["To"] = ", ".join(recipients)
        message["Subject"] = " ".join(event.title.split())
    except ValueError as exc:
        raise ChannelFailed("mail_to holds what is no address") from exc
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n\n".join(part for part in (event.text, json.dumps(event.to_dict(), indent=1)) if part) + "\n")
    _run([program, "-i", "-t"], message.as_bytes())


def command(argv: tuple[str, ...], event: Event) -> None:
    """Run a command of the operator's, with the event as JSON on its input. ChannelFailed."""
    variables = {"OPENCLAW_BACKUP_EVENT": event.kind, "OPENCLAW_BACKUP_INSTANCE": event.instance}
    _run(list(argv), json.dumps(event.to_dict()).encode(), variables)


def _run(argv: list[str], content: bytes, variables: dict | None = None) -> None:
    try:
        done = subprocess.run(
            argv, input=content, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=TIMEOUT, check=False,
            env={**os.environ, **(variables or {})})
    except subprocess.TimeoutExpired:
        raise ChannelFailed(f"{argv[0]} took longer than {TIMEOUT:.0f} s") from None
    except (OSError, ValueError) as exc:
        raise ChannelFailed(f"{argv[0]} cannot be run: {exc.strerror if isinstance(exc, OSError) else 'an argument holds a NUL'}") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise ChannelFailed(f"{argv[0]} ended with {done.returncode}{': ' + said[-1][:200] if said else ''}")


def agent(session, event: Event) -> None:
    """Wake the instance's main session: what `openclaw system event --mode now` asks of its gateway. ChannelFailed."""
    try:
        location = locate(session.instance_options(), session.context)
        calls = GatewayCalls(find_endpoint(location), session.context)
        try:
            calls.call("wake", mode="now", text=event.text)
        finally:
            calls.close()
    except EngineError as exc:
        raise ChannelFailed(f"{exc.message} [{exc.code}]") from exc
