# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trying again and slowing down, by a clock that the tests hold."""
from __future__ import annotations

import threading

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Clock
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.rate import RateLimit
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.retry import Retry, RetryPolicy, Verdict
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.s3_body import PartsBody
from hypothesis import given
from hypothesis import strategies as st
from support.clock import ManualClock


def failing(times: int, then: str = "done"):
    """An attempt that fails so often, then returns."""
    left = [times]

    def attempt():
        if left[0]:
            left[0] -= 1
            raise ConnectionError("cut")
        return then

    return attempt


def verdict(retry=True, **more):
    return lambda exc: Verdict(EngineError("storage-busy", "busy"), retry=retry, **more)


def test_pauses_grow_and_are_half_random():
    policy = RetryPolicy(base=1, longest=10)
    least, most = Retry(ManualClock(), policy, jitter=lambda: 0.0), Retry(ManualClock(), policy, jitter=lambda: 1.0)
    assert [least.pause(tries) for tries in range(1, 7)] == [0.5, 1, 2, 4, 5, 5]
    assert [most.pause(tries) for tries in range(1, 7)] == [1, 2, 4, 8, 10, 10]


def test_the_storage_may_ask_for_a_longer_pause_but_not_for_any_length():
    retry = Retry(ManualClock(), RetryPolicy(base=1, longest=10), jitter=lambda: 0.0)
    assert retry.pause(1, after=3) == 3
    assert retry.pause(1, after=86400) == 10


def test_an_outage_of_half_a_minute_is_outlived():
    clock = ManualClock()
    retry = Retry(clock)
    retry.call(lambda: None, verdict())
    begun = clock.elapsed()

    def attempt():
        if clock.elapsed() - begun < 30:
            raise ConnectionError("down")
        return "back"

    assert retry.call(attempt, verdict(answered=False)) == "back"


def test_an_address_that_never_answered_is_given_up_soon():
    clock = ManualClock()
    with pytest.raises(EngineError):
        Retry(clock).call(failing(99), verdict(answered=False))
    assert len(clock.slept) == 2 and sum(clock.slept) < 2


def test_attempts_are_limited_and_the_last_error_is_told():
    clock, count = ManualClock(), []
    retry = Retry(clock, RetryPolicy(attempts=4), on_retry=lambda: count.append(1))
    with pytest.raises(EngineError) as caught:
        retry.call(failing(99), verdict())
    assert caught.value.code == "storage-busy" and isinstance(caught.value.__cause__, ConnectionError)
    assert len(count) == len(clock.slept) == 3


def test_progress_starts_the_count_anew():
    done = []

    def attempt():
        done.append(1)
        if len(done) < 12:
            raise ConnectionError("cut")
        return "whole"

    assert Retry(ManualClock(), RetryPolicy(attempts=2)).call(attempt, verdict(), progress=lambda: len(done)) == "whole"


def test_the_budget_is_shared_and_success_refills_it():
    retry = Retry(ManualClock(), RetryPolicy(attempts=100, budget=5))
    assert retry.call(failing(5), verdict()) == "done"
    with pytest.raises(EngineError):
        retry.call(failing(1), verdict())
    for _request in range(10):
        retry.call(failing(0), verdict())
    assert retry.call(failing(1), verdict()) == "done"


def test_what_cannot_get_better_is_not_repeated():
    clock = ManualClock()
    with pytest.raises(EngineError):
        Retry(clock).call(failing(1), verdict(retry=False))
    with pytest.raises(ConnectionError):
        Retry(clock).call(failing(1), lambda exc: None)
    assert clock.slept == []


def test_the_rate_is_kept_over_time():
    clock = ManualClock()
    limit, begun = RateLimit(1_000_000, clock), clock.elapsed()
    for _piece in range(100):
        limit.take(100_000)
    assert 9.5 < clock.elapsed() - begun <= 10


def test_idle_time_is_not_saved_up_beyond_a_quarter_second():
    clock = ManualClock()
    limit = RateLimit(1_000_000, clock)
    clock.advance(3600)
    limit.take(250_000)
    assert clock.slept == []
    limit.take(1_000_000)
    assert sum(clock.slept) == pytest.approx(1.0)


def test_threads_share_one_rate():
    clock = Clock()
    limit, begun = RateLimit(2_000_000, clock), clock.elapsed()
    threads = [threading.Thread(target=lambda: [limit.take(20_000) for _piece in range(10)]) for _number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.elapsed() - begun > 0.2, "1 MB at 2 MB/s, less the reserve"


@given(st.lists(st.binary(max_size=40), max_size=8), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 99)), max_size=12))
def test_a_body_of_parts_reads_like_one_file(parts, steps):
    whole, body, position = b"".join(parts), PartsBody(parts), 0
    assert len(body) == len(whole)
    for step, amount in steps:
        if step == 0:
            position = min(amount, len(whole))
            assert body.seek(amount) == position or amount > len(whole)
        elif step == 1:
            piece = bytes(body.read(amount))
            assert piece == whole[position:position + len(piece)]
            assert (len(piece) > 0) == (amount > 0 and position < len(whole)) and len(piece) <= amount
            position += len(piece)
        else:
            assert body.tell() == position
    body.seek(0)
    assert b"".join(iter(lambda: bytes(body.read(7)), b"")) == whole
    body.seek(0)
    assert body.read() == whole


def test_reading_to_hash_is_not_slowed_down_and_reading_to_send_is():
    clock = ManualClock()
    body = PartsBody([b"x" * 1_000_000], RateLimit(1_000_000, clock))
    while body.read(65536):
        pass
    assert clock.slept == []
    body.seek(0)
    body.sending()
    while body.read(16384):
        pass
    assert 0.7 < sum(clock.slept) <= 1.0
