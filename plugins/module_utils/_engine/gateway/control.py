# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""One instance's gateway: how it is, and its stop and start, seen through to their end."""
from __future__ import annotations

from dataclasses import dataclass

from ..capture.locate import Location
from ..capture.model import Instance
from ..errors import EngineError
from ..options import GatewayOptions
from ..ports import Context
from . import gate, health, ownership
from .detect import detect, location_of
from .endpoint import LOOPBACK, Endpoint, config_is_sound, find_endpoint, find_port
from .health import Health
from .quiesce import Suspension
from .services import FAILED, RUNNING, STARTING, STOPPED, STOPPING, UNKNOWN, ContainerService, Service, Status

_POLL_EVERY = 0.1  # seconds
_ASK_SERVICE_EVERY = 1.0  # seconds, while it starts
_HOPELESS = 10.0  # seconds for which a gateway says that it will not use a database, until that is believed


@dataclass(frozen=True)
class Report:
    """What is known of a gateway at one moment. owner: the process that holds its state, if it is one of this host."""

    location: Location
    service: Service
    status: Status
    health: Health
    owner: ownership.Owner | None

    def to_dict(self) -> dict:
        """In the words of the modules' RETURN."""
        return {
            "user": self.location.account.name, "profile": self.location.profile, "kind": self.service.kind,
            "unit": self.service.name or None, "state": self.status.state, "enabled": self.status.enabled,
            "pid": self.status.pid or (self.owner.pid if self.owner else None), "version": self.health.version,
            "health": self.health.to_dict()}


class Gateway:
    """The gateway of an instance. Raises EngineError, with those codes that the methods name and "gateway-not-controllable"."""

    def __init__(self, location: Location, service: Service, options: GatewayOptions, context: Context) -> None:
        self.location, self.service, self.clock = location, service, context.clock
        self._options, self._context = options, context

    def report(self) -> Report:
        """How it is now."""
        status, owner = self.status(), ownership.find_owner(self.location.state_dir)
        down = status.state in (STOPPED, FAILED) and owner is None  # whoever listens on its port then is another one
        return Report(self.location, self.service, status, Health() if down else self.health(), owner)

    def status(self) -> Status:
        """The service's own word; where it has none, whether a process holds the state or answers."""
        status = self.service.status()
        if status.state != UNKNOWN:
            return status
        owner = ownership.find_owner(self.location.state_dir)
        runs = owner is not None or self.health().live
        return Status(RUNNING if runs else STOPPED, owner.pid if owner else None, status.enabled, status.obstacle)

    def health(self) -> Health:
        """What its health addresses say."""
        return health.check(self._probed(), self._context)

    def suspension(self) -> Suspension:
        """A suspension that can begin. EngineError "gateway-secret-unknown", "gateway-unreachable"."""
        if not self.seen_running():
            raise EngineError(
                "gateway-unreachable", "The gateway does not run, and whatever listens on its port is not told its secret",
                "Start it, or choose consistency: live.")
        found = find_endpoint(self.location)
        probed = self._probed()
        return Suspension(
            Endpoint(probed.host, probed.port, found.tls, found.secret, found.secret_kind), self._context, self._options.drain_timeout)

    def fully_stopped(self, strangers: frozenset[int] = frozenset()) -> bool:
        """Its service is down, nothing of it holds the state any more, and no process has one of its databases open.

        strangers: processes that do not count, since they do not belong to the gateway.
        """
        if self.status().state not in (STOPPED, FAILED):
            return False
        if isinstance(self.service, ContainerService):
            return True  # a container that does not run has no processes
        state_dir = self.location.state_dir
        return ownership.find_owner(state_dir) is None and not set(ownership.users_of_databases(state_dir)) - strangers

    def require_startable(self) -> None:
        """EngineError "gateway-not-startable", "gateway-gate-closed" if it could not be started again after a stop."""
        self.require_open_gate()
        obstacle = self.service.status().obstacle
        if not obstacle and not config_is_sound(self.location):
            obstacle = f"its config {self.location.config_path} has errors, with which it would not start"
        if obstacle:
            raise EngineError(
                "gateway-not-startable", f"The gateway was not stopped, since it could not be started again: {obstacle}",
                "Repair that first; nothing was changed.")

    def require_stoppable(self) -> None:
        """EngineError "gateway-not-controllable" where nothing is known by which it could be stopped."""
        if self.service.kind == "none":
            self.service.stop(0.0)  # which says so

    def stop(self) -> None:
        """Stop it and see it fully stopped. EngineError "gateway-stop-timeout"; it may then still be on its way down."""
        clock, options = self._context.clock, self._options
        deadline = clock.elapsed() + options.stop_timeout
        strangers = self._strangers()
        self.service.stop(options.stop_timeout)
        while not self.fully_stopped(strangers):
            if clock.elapsed() >= deadline:
                raise EngineError(
                    "gateway-stop-timeout", f"The gateway was not fully stopped after {options.stop_timeout:.0f} s: {self._remaining()}",
                    "It may be waiting for work to end, for up to five minutes: raise stop_timeout, or choose a quieter time.")
            clock.sleep(_POLL_EVERY)

    def start(self) -> Health:
        """Start it and wait until it is healthy. EngineError "gateway-start-failed"."""
        self.order_start()
        return self.wait_until_healthy()

    def order_start(self) -> None:
        """Let its service manager start it. EngineError "gateway-gate-closed"."""
        self.require_open_gate()
        self.service.start()

    def require_open_gate(self) -> None:
        """EngineError "gateway-gate-closed" where it is kept from starting: its service manager would do nothing, and say nothing."""
        reason = gate.why_closed(self.location.state_dir)
        if reason:
            raise EngineError(
                "gateway-gate-closed", f"The gateway may not start: {reason}",
                "After a restore that was cut short, run openclaw-backup recover; a fence is taken away by openclaw-backup unfence.")

    def wait_until_healthy(self) -> Health:
        """Wait for the end of a start; accounts of channels do not count. EngineError "gateway-start-failed"."""
        clock, options = self._context.clock, self._options
        began = hopeful = clock.elapsed()
        ask_service = 0.0  # that takes a process, which a gateway that starts on one core has to wait for
        while True:
            found, status, now = self.health(), Status(STARTING), clock.elapsed()
            hopeful = hopeful if found.hopeless else now
            fit = found.live and found.started and not found.sick
            late = now >= min(began + options.start_timeout, hopeful + _HOPELESS)
            if fit or late or now >= ask_service:
                status, ask_service = self.status(), clock.elapsed() + _ASK_SERVICE_EVERY
            if fit and status.up:
                return found
            if status.state == FAILED or late:
                what = "its service failed" if status.state == FAILED else f"it was not healthy after {now - began:.0f} s"
                more = f" ({', '.join(found.own_failures)})" if found.own_failures else ""
                raise EngineError(
                    "gateway-start-failed", f"The gateway ({self.service.kind} {self.service.name}) did not start: {what}{more}",
                    f"Look into its log ({self._log()}), and start it by hand.", {"health": found.to_dict(), "state": status.state})
            clock.sleep(_POLL_EVERY)

    def settled(self) -> Status:
        """Its status, once a stop or start that somebody else ordered is over, or has taken as long as one of ours may."""
        deadline = self._context.clock.elapsed() + self._options.stop_timeout
        while True:
            status = self.status()
            if status.state not in (STOPPING, STARTING) or self._context.clock.elapsed() >= deadline:
                return status
            self._context.clock.sleep(_POLL_EVERY)

    def seen_running(self) -> bool:
        """Whether it runs, by its lock or by its service: releases before 2026.9 have the lock elsewhere."""
        return ownership.find_owner(self.location.state_dir) is not None or self.status().up

    def _probed(self) -> Endpoint:
        port, tls = find_port(self.location)
        if isinstance(self.service, ContainerService):
            port = self.service.host_port(port) or port
        return Endpoint(LOOPBACK, port, tls)

    def _strangers(self) -> frozenset[int]:
        """Processes that have a database open and run elsewhere than the gateway's unit: a person's shell, say."""
        if not self.service.kind.startswith("systemd"):
            return frozenset()
        users = ownership.users_of_databases(self.location.state_dir)
        return frozenset(pid for pid in users if ownership.place_of(pid).unit != self.service.name)

    def _remaining(self) -> str:
        owner = ownership.find_owner(self.location.state_dir)
        users = ownership.users_of_databases(self.location.state_dir)
        if owner:
            return f"process {owner.pid} holds its lock"
        return f"processes {users[:5]} have its databases open" if users else f"its service is {self.service.status().state}"

    def _log(self) -> str:
        if self.service.kind == "container":
            return f"the container {self.service.name}"
        if self.service.kind.startswith("systemd"):
            return f"journalctl {'--user ' if self.service.kind == 'systemd-user' else ''}-u {self.service.name}"
        return "of the gateway"


@dataclass(frozen=True)
class Change:
    """What brings a gateway into a state. found, wanted: states. stop, start: what that takes. healthy: it has to be so in the end."""

    gateway: Gateway
    found: str
    wanted: str
    stop: bool
    start: bool
    healthy: bool

    def execute(self) -> dict[str, float]:
        """Do it; {"stop_s", "start_s"} of what was done. Raises EngineError; after a stop that is one of a restart, it is started."""
        took = {}
        if self.stop:
            took["stop_s"] = self._timed(self._stop)
        if self.start:
            took["start_s"] = self._timed(self.gateway.start)
        elif self.healthy:
            self.gateway.wait_until_healthy()
        return took

    def _stop(self) -> None:
        if self.start:
            self.gateway.require_startable()
        try:
            self.gateway.stop()
        except EngineError:
            if self.start:
                self.gateway.order_start()
            raise

    def _timed(self, action) -> float:
        clock = self.gateway.clock
        began = clock.elapsed()
        action()
        return round(clock.elapsed() - began, 3)


def plan(gateway: Gateway, wanted: str) -> Change:
    """What "started", "stopped", "restarted" or "status" takes. Looks, and changes nothing. EngineError "gateway-gate-closed"."""
    found = gateway.status()
    up = found.up
    down = found.state in (STOPPED, FAILED)
    stop = wanted == "restarted" and up or wanted == "stopped" and not (down and gateway.fully_stopped())
    start = wanted == "restarted" or wanted == "started" and not up
    if start:
        gateway.require_open_gate()
    after = found.state if wanted == "status" else STOPPED if wanted == "stopped" else RUNNING
    return Change(gateway, found.state, after, stop, start, wanted in ("started", "restarted"))


def open_gateway(instance: Instance, options: GatewayOptions, context: Context, *, root: str = "/") -> Gateway:
    """The gateway of an instance that was discovered. Asks files and processes, and container engines where these say nothing."""
    location = location_of(instance, context, root)
    return Gateway(location, detect(location, options, context), options, context)
