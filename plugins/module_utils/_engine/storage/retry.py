# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Trying again: with growing, jittered pauses, a limit per request, and a budget for all requests together."""
from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from typing import Callable, TypeVar

from ..errors import EngineError
from ..ports import Clock

T = TypeVar("T")


@dataclass(frozen=True)
class Verdict:
    """What a failed attempt means.

    error: what the caller gets if it stays at that. retry: another attempt may succeed. answered: the storage gave an
    answer at all. after: seconds that the storage asked to wait.
    """

    error: EngineError
    retry: bool = False
    answered: bool = True
    after: float | None = None


@dataclass(frozen=True)
class RetryPolicy:
    """Limits. The pauses of ten attempts add up to about a minute: a restarted server or a lost route is outlived.

    attempts: per request. first_attempts: per request while the storage has never answered, so that a wrong address is
    reported soon. base, longest: seconds of the first and of the longest pause. budget: attempts that all requests of
    one storage may repeat; each success gives back one tenth of one.
    """

    attempts: int = 10
    first_attempts: int = 3
    base: float = 0.25
    longest: float = 20.0
    budget: float = 100.0


class Retry:
    """Runs attempts under one policy. Thread-safe; all requests of one storage share one, and thereby its budget."""

    def __init__(self, clock: Clock, policy: RetryPolicy | None = None, jitter: Callable[[], float] = random.random,
                 on_retry: Callable[[], None] = lambda: None) -> None:
        """jitter: gives numbers from 0 to below 1. on_retry: called before each repeated attempt."""
        self._clock = clock
        self._policy = policy or RetryPolicy()
        self._jitter = jitter
        self._on_retry = on_retry
        self._lock = threading.Lock()
        self._left = self._policy.budget
        self._answered = False

    def call(self, attempt: Callable[[], T], judge: Callable[[Exception], Verdict | None],
             progress: Callable[[], int] = lambda: 0) -> T:
        """The result of the first attempt that succeeds.

        judge: what an exception means; None passes it on unchanged. progress: grows when an attempt achieved something
        before it failed; then the limit per request starts anew. Raises EngineError.
        """
        tries, reached = 0, progress()
        while True:
            tries += 1
            try:
                result = attempt()
            except EngineError:
                raise
            except Exception as exc:
                verdict = judge(exc)
                if verdict is None:
                    raise
                if progress() > reached:
                    tries, reached = 1, progress()
                if not self._may_repeat(verdict, tries):
                    raise verdict.error from exc
                self._clock.sleep(self.pause(tries, verdict.after))
                self._on_retry()
            else:
                self._note_success()
                return result

    def pause(self, tries: int, after: float | None = None) -> float:
        """Seconds to wait after that many failed tries: half fixed, half random, at least what the storage asked for."""
        full = min(self._policy.longest, self._policy.base * 2 ** (tries - 1))
        return max(full / 2 + full / 2 * self._jitter(), min(after or 0.0, self._policy.longest))

    def _may_repeat(self, verdict: Verdict, tries: int) -> bool:
        with self._lock:
            self._answered = self._answered or verdict.answered
            limit = self._policy.attempts if self._answered else self._policy.first_attempts
            if not verdict.retry or tries >= limit or self._left < 1:
                return False
            self._left -= 1
            return True

    def _note_success(self) -> None:
        with self._lock:
            self._answered = True
            self._left = min(self._policy.budget, self._left + 0.1)
