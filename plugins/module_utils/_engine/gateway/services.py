# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The ways in which a host runs a gateway, each with the same few questions and orders.

Orders return once they are accepted; control.py waits for what they bring about.
"""
from __future__ import annotations

import json
import os
from dataclasses import dataclass

from ..capture.accounts import Account, current_user_id
from ..capture.units import SYSTEM_DIRECTORIES, USER_DIRECTORIES, drop_in_name
from ..errors import EngineError
from ..ports import CommandResult, Context

RUNNING, STARTING, STOPPING, STOPPED, FAILED, UNKNOWN = "running", "starting", "stopping", "stopped", "failed", "unknown"
_TIMEOUT = 60.0  # seconds that a service manager may take to accept an order
_STATES = {"active": RUNNING, "reloading": RUNNING, "activating": STARTING, "deactivating": STOPPING, "inactive": STOPPED, "failed": FAILED}
# Their words: the directory, the file's name, its text. It is whole or not there, also after a power cut.
_PUT_FILE = 'set -e; umask 022; mkdir -p "$1"; printf %s "$3" > "$1/$2.new"; sync "$1/$2.new"; mv -f "$1/$2.new" "$1/$2"; sync "$1"'
_REMOVE_FILE = 'test -d "$1" || exit 0; set -e; rm -f "$1/$2" "$1/$2.new"; sync "$1"; rmdir "$1" 2>/dev/null || true'


@dataclass(frozen=True)
class Status:
    """state: one of the above. pid: of its main process on this host. enabled: whether it starts with the host, None if unknown.

    obstacle: why it could not be started again, "" if nothing is in the way.
    """

    state: str
    pid: int | None = None
    enabled: bool | None = None
    obstacle: str = ""

    @property
    def up(self) -> bool:
        """It runs, or is about to."""
        return self.state in (RUNNING, STARTING)


class Service:
    """What runs a gateway. kind: systemd-user, systemd-system, container, custom or none. name: for people.

    Raises EngineError "gateway-not-controllable" where the service manager refuses.
    """

    kind = "none"
    name = ""

    def __init__(self, context: Context) -> None:
        self._context = context

    def status(self) -> Status:
        """How it is now."""
        return Status(UNKNOWN, obstacle="nothing on this host is known to run it")

    def start_command(self) -> list[str]:
        """The words of the command that starts it, for any process of this user."""
        raise self._refusal("there is no service that could be started")

    def start(self) -> None:
        """Order its start."""
        self._order(self.start_command())

    def stop(self, timeout: float) -> None:
        """Order its stop. timeout: seconds that it may take."""
        raise self._refusal("there is no service that could be stopped")

    def remembered(self) -> dict:
        """What release() has to know of how it is now, JSON-native. Ask before hold()."""
        return {}

    def can_disable(self) -> bool:
        """Whether it starts with the host, and disable() changes that."""
        return False

    def disable(self) -> None:
        """Do not start it with the host."""

    def enable(self) -> None:
        """Start it with the host."""

    def sees(self, path: str) -> bool:
        """Whether the file is there for its manager."""
        return os.path.exists(path)

    def hold(self, purpose: str, marker: str, reason: str) -> str:  # pylint: disable=unused-argument
        """Keep it from starting while the marker exists. What can start it all the same, "" if nothing of the host's can."""
        return "whatever starts it, since no service of this host is known to"

    def release(self, purpose: str, remembered: dict) -> None:
        """Undo hold(), also where that was done in part or not at all."""

    def _run(self, argv: list[str], timeout: float = _TIMEOUT) -> CommandResult:
        if self._context.run is None:
            raise self._refusal("commands cannot be run from here")
        return self._context.run(argv, timeout)

    def _order(self, argv: list[str], timeout: float = _TIMEOUT) -> CommandResult:
        """Run what must succeed."""
        done = self._run(argv, timeout)
        if done.code:
            raise self._refusal(_last_line(done))
        return done

    def _refusal(self, reason: str) -> EngineError:
        return EngineError(
            "gateway-not-controllable", f"The gateway ({self.kind}{' ' + self.name if self.name else ''}) cannot be controlled: {reason}",
            "Run this as root or as the gateway's own user, and name its unit, container or commands in the option gateway "
            "if it was not found.")


def _last_line(done: CommandResult) -> str:
    lines = (done.error.strip() or done.output.strip()).splitlines()
    return lines[-1][:300] if lines else f"exit code {done.code}"


def as_user(account: Account, argv: list[str]) -> list[str]:
    """The same command, run by that user with the means to reach their service manager. EngineError if that is not allowed."""
    reached = ["env", f"XDG_RUNTIME_DIR=/run/user/{account.uid}", *argv]
    if account.uid == current_user_id():
        return reached
    if current_user_id() != 0:
        raise EngineError(
            "gateway-not-controllable", f"The gateway belongs to {account.name}, and this process may not act for that user",
            f"Run this as root or as {account.name}.")
    return ["runuser", "-u", account.name, "--", *reached]


class SystemdService(Service):
    """A unit of the system's manager, or of a user's. account: whose; None for the system's."""

    def __init__(self, context: Context, unit: str, account: Account | None) -> None:
        super().__init__(context)
        self.name, self._account = unit, account
        self.kind = "systemd-user" if account else "systemd-system"

    def _systemctl(self, *words: str) -> list[str]:
        return as_user(self._account, ["systemctl", "--user", *words]) if self._account else ["systemctl", *words]

    def _show(self, *properties: str) -> dict[str, str]:
        done = self._order(self._systemctl("show", self.name, f"--property={','.join(properties)}"))
        return dict(line.partition("=")[::2] for line in done.output.splitlines())

    def status(self) -> Status:
        found = self._show("LoadState", "ActiveState", "MainPID", "UnitFileState")
        load = found.get("LoadState", "")
        obstacle = "" if load == "loaded" else f"its unit is {load or 'unknown'}"
        pid = int(found.get("MainPID") or 0) if (found.get("MainPID") or "0").isdigit() else 0
        enabled = {"enabled": True, "enabled-runtime": True, "linked": False, "disabled": False}.get(found.get("UnitFileState", ""))
        return Status(_STATES.get(found.get("ActiveState", ""), UNKNOWN), pid or None, enabled, obstacle)

    def start_command(self) -> list[str]:
        return self._systemctl("start", "--no-block", self.name)

    def start(self) -> None:
        if self.status().state == FAILED:
            self._run(self._systemctl("reset-failed", self.name))  # or its limit of starts would refuse this one
        super().start()

    def stop(self, timeout: float) -> None:
        self._order(self._systemctl("stop", "--no-block", self.name))

    def can_disable(self) -> bool:
        """Not so where the unit file is a link to somewhere else: systemd would remove it."""
        found = self._show("UnitFileState", "FragmentPath")
        return found.get("UnitFileState") == "enabled" and not os.path.islink(found.get("FragmentPath", ""))

    def disable(self) -> None:
        self._order(self._systemctl("disable", "--quiet", self.name))

    def enable(self) -> None:
        self._order(self._systemctl("enable", "--quiet", self.name))

    def sees(self, path: str) -> bool:
        return not self._run(self._as_owner('test -e "$1"', path)).code

    def hold(self, purpose: str, marker: str, reason: str) -> str:
        """A drop-in with two conditions: that of the unit is asked before a start that somebody orders or a boot brings about.

        Restart= does without it since systemd 254: the condition of the service is asked before every start, by a command.
        """
        text = "\n".join([
            "# Made by openclaw-backup, which also removes it. " + " ".join(reason.split()),
            "[Unit]", f"ConditionPathExists=!{marker.replace('%', '%%')}",
            "[Service]", f"ExecCondition={'' if self._account else '+'}/bin/sh -c 'test ! -e \"$$1\"' sh {_quoted(marker)}", ""])
        self._order(self._as_owner(_PUT_FILE, self._drop_ins(), drop_in_name(purpose), text))
        self._reload()
        return ""

    def release(self, purpose: str, remembered: dict) -> None:
        self._order(self._as_owner(_REMOVE_FILE, self._drop_ins(), drop_in_name(purpose)))
        self._reload()

    def _drop_ins(self) -> str:
        directory = f"{self._account.home}/{USER_DIRECTORIES[0]}" if self._account else SYSTEM_DIRECTORIES[0]
        return f"{directory}/{self.name}.d"

    def _as_owner(self, script: str, *words: str) -> list[str]:
        """A script with the rights of the unit's owner: root writes nowhere in a home, where links may lead astray."""
        command = ["sh", "-c", script, "sh", *words]
        return as_user(self._account, command) if self._account else command

    def _reload(self) -> None:
        """Let the manager read its units anew. A user's that does not run reads them when it starts."""
        if self._account is None or os.path.lexists(f"/run/user/{self._account.uid}/systemd/private"):
            self._order(self._systemctl("daemon-reload"))


def _quoted(word: str) -> str:
    """A word of a command in a unit file."""
    for mark, written in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        word = word.replace(mark, written)
    return f'"{word}"'


class ContainerService(Service):
    """A container of Docker or Podman. account: whose container engine; None for root's or the host's."""

    kind = "container"

    def __init__(self, context: Context, engine: str, container: str, account: Account | None = None) -> None:
        super().__init__(context)
        self.name, self._engine, self._account = container, engine, account

    def _engine_command(self, *words: str) -> list[str]:
        command = [self._engine, *words]
        return as_user(self._account, command) if self._account else command

    def inspect(self) -> dict:
        """What the engine says of it, {} where there is none."""
        done = self._run(self._engine_command("container", "inspect", self.name))
        try:
            found = json.loads(done.output) if done.code == 0 else []
        except ValueError:
            found = []
        return found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else {}

    def status(self) -> Status:
        found = self.inspect()
        state = _object(found.get("State"))
        if not state:
            return Status(UNKNOWN, obstacle=f"{self._engine} has no container of that name")
        word = state.get("Status")
        running = STARTING if word == "restarting" else RUNNING if state.get("Running") else STOPPED
        host = _object(found.get("HostConfig"))
        policy = _object(host.get("RestartPolicy")).get("Name")
        obstacle = "it is removed when it stops" if host.get("AutoRemove") else ""
        pid = state.get("Pid") if isinstance(state.get("Pid"), int) and state.get("Pid") else None
        return Status(running, pid, policy in ("always", "unless-stopped"), obstacle)

    def host_port(self, inner: int) -> int | None:
        """The port of this host that leads to one of the container's."""
        ports = _object(_object(self.inspect().get("NetworkSettings")).get("Ports"))
        for place in ports.get(f"{inner}/tcp") or ():
            text = str(_object(place).get("HostPort") or "")
            if text.isdigit():
                return int(text)
        return None

    def remembered(self) -> dict:
        policy = _object(_object(self.inspect().get("HostConfig")).get("RestartPolicy"))
        name, count = str(policy.get("Name") or "no"), policy.get("MaximumRetryCount")
        return {"restart_policy": f"{name}:{count}" if name == "on-failure" and count else name}

    def hold(self, purpose: str, marker: str, reason: str) -> str:
        """No restart policy: then only an explicit order starts it."""
        left = f"an explicit start of the container {self.name}, by a person or a compose project"
        if self.remembered()["restart_policy"] != "no" and self._run(self._engine_command("update", "--restart=no", self.name)).code:
            return f"{left}, and its restart policy, which this {self._engine} cannot change"  # Podman before 5
        return left

    def release(self, purpose: str, remembered: dict) -> None:
        policy = str(remembered.get("restart_policy") or "no")
        if policy != "no" and self.inspect() and self.remembered()["restart_policy"] != policy:
            self._order(self._engine_command("update", f"--restart={policy}", self.name))

    def start_command(self) -> list[str]:
        return self._engine_command("start", self.name)

    def stop(self, timeout: float) -> None:
        self._order(self._engine_command("stop", "-t", str(int(timeout)), self.name), timeout + _TIMEOUT)


class CustomService(Service):
    """Commands that somebody gave. Without a status command, control.py judges by the gateway's lock alone."""

    kind = "custom"

    def __init__(self, context: Context, start: tuple[str, ...], stop: tuple[str, ...], status: tuple[str, ...]) -> None:
        super().__init__(context)
        self._start, self._stop, self._status = list(start), list(stop), list(status)
        self.name = " ".join(start[:1])

    def status(self) -> Status:
        obstacle = "" if self._start else "there is no start_command"
        if not self._status:
            return Status(UNKNOWN, obstacle=obstacle)
        return Status(STOPPED if self._run(self._status).code else RUNNING, obstacle=obstacle)

    def start_command(self) -> list[str]:
        return list(self._start) if self._start else super().start_command()

    def stop(self, timeout: float) -> None:
        if not self._stop:
            super().stop(timeout)
        self._order(list(self._stop), timeout + _TIMEOUT)


def containers_with(context: Context, engine: str, account: Account | None, directory: str) -> list[str]:
    """The names of the containers of an engine, running or not, that mount a directory of the host."""
    if context.run is None:
        return []

    def ask(*words: str) -> CommandResult:
        command = [engine, *words]
        return context.run(as_user(account, command) if account else command, _TIMEOUT)

    listed = ask("ps", "--all", "--quiet", "--no-trunc")
    ids = listed.output.split() if listed.code == 0 else []
    done = ask("container", "inspect", *ids) if ids else None
    try:
        found = json.loads(done.output) if done and done.code == 0 else []
    except ValueError:
        return []
    wanted = os.path.realpath(directory)
    names = []
    for item in found if isinstance(found, list) else ():
        mounts = _object(item).get("Mounts") or ()
        if any(os.path.realpath(str(_object(mount).get("Source") or "/")) == wanted for mount in mounts):
            names.append(str(_object(item).get("Name") or "").lstrip("/"))
    return [name for name in names if name]


def _object(value) -> dict:
    return value if isinstance(value, dict) else {}
