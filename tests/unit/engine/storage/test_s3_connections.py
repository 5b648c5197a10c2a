# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections that are cut, reset, hung or slow on their way to a real S3 server."""
from __future__ import annotations

import random
import time

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from support.clock import ManualClock
from support.fault_proxy import FaultProxy, Weather

pytestmark = pytest.mark.s3

PACK = [random.Random(7).randbytes(1_000_000) for _part in range(4)]
WHOLE = b"".join(PACK)


@pytest.fixture(params=["http", "https"])
def proxied(request, s3_opener):
    """(storage through a proxy, the proxy): pauses between attempts take no time; silence ends after a second."""
    options = {}
    if request.param == "https":
        server = request.getfixturevalue("s3_tls_server")
        options = {"url": f"s3://{server.add_bucket()}", "ca_bundle": server.ca_bundle}
    with FaultProxy(server.port if options else s3_opener.server.port) as proxy:
        storage = s3_opener(endpoint=f"{request.param}://127.0.0.1:{proxy.port}", clock=ManualClock(), timeout=1.0, **options)
        list(storage.list(""))
        yield storage, proxy


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
@pytest.mark.parametrize("cut_after", [0, 300, 100_000, 3_900_000])
def test_an_upload_that_is_cut_is_sent_again_whole(proxied, cut_after, reset):
    storage, proxy = proxied
    proxy.set(Weather("up", cut_after=cut_after, reset=reset, faults=2))
    storage.create("packs/ab/1", PACK)
    assert storage.get("packs/ab/1") == WHOLE
    assert storage.traffic.retries >= 1
    assert [(item.name, item.size) for item in storage.list("")] == [("packs/ab/1", len(WHOLE))]


def test_an_upload_whose_answer_is_cut_is_not_taken_for_somebody_elses(proxied):
    storage, proxy = proxied
    proxy.set(Weather("down", cut_after=0, faults=1))
    storage.create("packs/ab/1", PACK)
    assert storage.traffic.retries == 1 and storage.traffic.requests["put"] == 1
    assert storage.get("packs/ab/1") == WHOLE


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
def test_a_download_that_keeps_being_cut_goes_on_where_it_was(proxied, reset):
    storage, proxy = proxied
    storage.create("packs/ab/1", PACK)
    before = storage.traffic.requests.copy()
    proxy.set(Weather("down", cut_after=400_000, reset=reset))
    assert storage.get("packs/ab/1", 1000, 3_500_000) == WHOLE[1000:3_501_000]
    asked = storage.traffic.requests["get"] - before.get("get", 0)
    assert 9 <= asked <= (90 if reset else 10), "each connection brought its part; what a reset finds unread is lost"


def test_a_slow_connection_is_waited_for_as_long_as_something_comes(s3_opener):
    """Uploads leave this host's buffers (up to 4 MB) long before they arrive: silence is longer than it looks."""
    content = b"x" * 6_000_000
    with FaultProxy(s3_opener.server.port) as proxy:
        storage = s3_opener(endpoint=f"http://127.0.0.1:{proxy.port}", clock=ManualClock(), timeout=2.2)
        for direction, transfer in (("up", lambda: storage.create("slow", [content])), ("down", lambda: storage.get("slow"))):
            proxy.set(Weather(direction, rate=2_000_000))
            begun = time.monotonic()
            transfer()
            assert time.monotonic() - begun > 2.5, "longer than the silence that is allowed"
        assert storage.get("slow", 5_999_990) == b"x" * 10
        assert storage.traffic.retries == 0


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_connection_that_falls_silent_is_given_up_and_made_anew(proxied, direction):
    storage, proxy = proxied
    storage.create("packs/ab/1", PACK)
    proxy.set(Weather(direction, hang_after=100_000 if direction == "down" else 100, faults=1))
    assert storage.get("packs/ab/1") == WHOLE
    assert storage.traffic.retries == 1


def test_a_server_that_refuses_for_a_while_is_waited_for(proxied):
    storage, proxy = proxied
    proxy.set(Weather(refuse=True, faults=5))
    storage.close()
    storage.create("a", [b"1"])
    assert 4 <= storage.traffic.retries <= 6
    assert storage.get("a") == b"1"


def test_a_line_that_stays_dead_is_reported_in_words(proxied):
    storage, proxy = proxied
    proxy.set(Weather(refuse=True))
    storage.close()
    with pytest.raises(EngineError) as caught:
        storage.create("a", [b"1"])
    assert caught.value.code == "storage-connection-lost" and caught.value.hint
    proxy.set(Weather("up", cut_after=50_000))
    with pytest.raises(EngineError) as caught:
        storage.create("packs/ab/1", PACK)
    assert caught.value.code == "storage-connection-lost"
    proxy.set(Weather())
    assert list(storage.list("")) == [], "a torn upload leaves nothing to be seen"
