# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""How the moment of a backup is held still: not at all, by the gateway's own suspension, or by a stop.

Only the pins of the databases and the walk over the files need the moment; content is read and stored afterwards. On every
path out, errors included, the gateway is what it was before.
"""
from __future__ import annotations

from dataclasses import dataclass

from .capture.model import Instance
from .errors import EngineError
from .gateway.control import Gateway, open_gateway
from .gateway.dead_man import DeadMan
from .gateway.quiesce import Suspension
from .gateway.services import FAILED, STOPPED
from .options import BackupOptions
from .ports import Context, ProgressState

LIVE, SUSPEND, STOP, FAIL = "live", "suspend", "stop", "fail"


@dataclass
class Outcome:
    """What became of a hold. used: the level that was reached, and why it is not the one that was asked for. Times in seconds.

    downtime: in which the gateway took no new work; of that, drain until running work had ended, stop and start. failure: why
    the gateway does not run as before.
    """

    requested: str = LIVE
    used: str = LIVE
    reason: str | None = None
    downtime: float = 0.0
    drain: float = 0.0
    stop: float = 0.0
    start: float = 0.0
    failure: EngineError | None = None

    def to_dict(self) -> dict:
        """In the words of the modules' RETURN."""
        return {
            "consistency": self.used, "consistency_reason": self.reason, "downtime_s": round(self.downtime, 3),
            "drain_s": round(self.drain, 3), "stop_s": round(self.stop, 3), "start_s": round(self.start, 3)}


class Hold:
    """A context manager: inside, the gateway holds still as far as outcome.used says. outcome is complete after it.

    Entering raises EngineError (those of the gateway, "gateway-busy" among them) where options.on_busy does not say what to
    do instead; the gateway then goes on as before. Leaving raises nothing: see outcome.failure.
    """

    def __init__(self, instance: Instance, options: BackupOptions, context: Context) -> None:
        self._instance, self._options, self._context = instance, options, context
        self._gateway: Gateway | None = None
        self._suspension: Suspension | None = None
        self._dead_man: DeadMan | None = None
        self._stopped_at: float | None = None
        self.outcome = Outcome(options.consistency)

    @property
    def still(self) -> bool:
        """Whether the gateway holds still now."""
        return self.outcome.used != LIVE

    @property
    def ends(self) -> bool:
        """Whether the gateway will work again after it."""
        return self._suspension is not None or self._stopped_at is not None

    @property
    def restarts(self) -> bool:
        """Whether it will be started then."""
        return self._stopped_at is not None

    def __enter__(self) -> Hold:
        if self._options.consistency == LIVE:
            return self
        self._gateway = open_gateway(self._instance, self._options.gateway, self._context)
        if self._is_down():
            self.outcome.used, self.outcome.reason = STOP, "the gateway was not running"
        elif self._options.consistency == SUSPEND:
            self._suspend()
        else:
            self._stop()
        return self

    def __exit__(self, *_exception) -> None:
        if self._suspension is not None:
            self._resume()
        elif self._stopped_at is not None:
            self._check_still_stopped()
            self._start_again()
        elif self.outcome.used == STOP:
            self._check_still_stopped()

    def _is_down(self) -> bool:
        try:
            return self._gateway.settled().state in (STOPPED, FAILED) and self._gateway.fully_stopped()
        except EngineError:
            if self._options.consistency == STOP:
                raise
            return False  # a suspension needs no service manager

    def _suspend(self) -> None:
        self._tell("waiting for the gateway's work to end")
        try:
            suspension = self._gateway.suspension()
            suspension.begin()
        except EngineError as exc:
            if self._options.on_busy == FAIL:
                raise
            self.outcome.reason = exc.message
            if self._options.on_busy == STOP:
                self._stop()
            return
        self._suspension, self.outcome.used, self.outcome.drain = suspension, SUSPEND, suspension.drain_seconds

    def _resume(self) -> None:
        unbroken = self._suspension.end()
        self.outcome.downtime = self._suspension.closed_seconds
        if not unbroken:
            self.outcome.used, self.outcome.reason = LIVE, "the gateway took new work before the databases were pinned"

    def _stop(self) -> None:
        options, clock = self._options.gateway, self._context.clock
        self._gateway.require_startable()
        if options.dead_man_timeout > 0:
            self._dead_man = DeadMan(self._gateway.service, self._context)
            self._dead_man.arm(options.stop_timeout + options.dead_man_timeout)
        self._tell("stopping the gateway")
        self._stopped_at = clock.elapsed()
        try:
            self._gateway.stop()
            if self._dead_man is not None:
                self._dead_man.arm(options.dead_man_timeout)
        except BaseException as exc:
            self._start_again()
            self._stopped_at = None
            if self.outcome.failure is not None:
                raise self.outcome.failure from exc
            if not isinstance(exc, EngineError) or exc.code != "gateway-stop-timeout" or self._options.on_busy != LIVE:
                raise
            self.outcome.reason = exc.message
            return
        self.outcome.used, self.outcome.stop = STOP, clock.elapsed() - self._stopped_at

    def _check_still_stopped(self) -> None:
        if self._gateway.seen_running():
            self.outcome.used, self.outcome.reason = LIVE, "something else started the gateway before the databases were pinned"

    def _start_again(self) -> None:
        """Start it, once more if its service fails at once, and see it healthy."""
        clock, began = self._context.clock, self._context.clock.elapsed()
        self._tell("starting the gateway")
        for _attempt in range(2):
            try:
                self._gateway.order_start()
                if self._dead_man is not None:
                    self._dead_man.disarm()
                self._gateway.wait_until_healthy()
                self.outcome.failure = None
                break
            except EngineError as exc:
                self.outcome.failure = exc
                if exc.details.get("state") not in (None, FAILED):
                    break
        self.outcome.start, self.outcome.downtime = clock.elapsed() - began, clock.elapsed() - self._stopped_at

    def _tell(self, phase: str) -> None:
        self._context.progress.report(ProgressState(phase))
