# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A gateway holds still by its own call, goes on whatever happens, and its secret stays where it is."""
from __future__ import annotations

import contextlib
import json
import socket
import threading

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway import quiesce
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway.calls import GatewayCalls
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway.endpoint import Endpoint, find_endpoint, find_port
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from support.fake_gateway import TOKEN


def methods(lab) -> list[str]:
    """What the gateway was asked, the introduction apart."""
    return [method.rpartition(".")[2] for method, dummy in lab.gateway.calls if method != "connect"]


def test_an_idle_gateway_holds_still_and_goes_on(lab):
    with lab.open().suspension() as held:
        assert lab.gateway.suspension and lab.open().health().word == "draining"
        assert not lab.open().health().sick
        assert held.end() is True
    assert lab.gateway.suspension is None and lab.open().health().word == "healthy"
    assert methods(lab) == ["prepare", "resume"]


def test_running_work_may_end_first(lab):
    lab.gateway.work = 5
    with lab.open().suspension() as held:
        assert lab.gateway.work == 0 and held.drain_seconds >= 5 * 0.2
    assert methods(lab) == ["prepare", *["status"] * 5, "resume"]


def test_a_gateway_whose_work_does_not_end_takes_new_work_again(lab):
    lab.gateway.work = None
    with pytest.raises(EngineError, match="still at work after 5 s: embedded-run") as caught:
        lab.open(drain_timeout=5).suspension().begin()
    assert caught.value.code == "gateway-busy" and lab.gateway.suspension is None


def test_the_lease_is_renewed_during_a_long_drain(lab):
    lab.gateway.work = 500
    with lab.open(drain_timeout=200).suspension():
        pass
    assert methods(lab).count("prepare") >= 3
    assert len({parameters["requestId"] for method, parameters in lab.gateway.calls if method.endswith("prepare")}) == 1


def test_the_lease_is_renewed_while_it_is_needed(lab, monkeypatch):
    monkeypatch.setattr(quiesce, "_RENEW_EVERY", 0.01)
    asked, original = threading.Event(), lab.gateway.answer

    def answer(method, parameters):
        found = original(method, parameters)
        if methods(lab).count("prepare") >= 4:
            asked.set()
        return found
    lab.gateway.answer = answer
    with lab.open().suspension() as held:
        assert asked.wait(10)
        assert held.end() is True


def test_a_lease_that_ended_in_between_is_noticed(lab):
    held = lab.open().suspension()
    held.begin()
    lab.gateway.lease_ends = True
    assert held.end() is False


def test_a_gateway_that_dies_meanwhile_is_noticed_and_nothing_is_raised(lab):
    held = lab.open().suspension()
    held.begin()
    held._calls._socket._connection.shutdown(socket.SHUT_RDWR)
    lab.gateway.stop()
    assert held.end() is False


def test_a_connection_that_breaks_does_not_leave_the_gateway_suspended(lab):
    held = lab.open().suspension()
    held.begin()
    held._calls._socket._connection.shutdown(socket.SHUT_RDWR)
    assert held.end() is True and lab.gateway.suspension is None


def test_the_gateway_goes_on_after_an_error_of_ours(lab):
    with pytest.raises(RuntimeError):
        with lab.open().suspension():
            raise RuntimeError
    assert lab.gateway.suspension is None


def test_a_release_without_this_interface_is_told_apart(lab):
    lab.gateway.unknown_methods = True
    with pytest.raises(EngineError) as caught:
        lab.open().suspension().begin()
    assert caught.value.code == "gateway-cannot-suspend"


def test_a_gateway_that_is_down_is_told(lab):
    gateway = lab.open()
    lab.gateway.stop()
    with pytest.raises(EngineError) as caught:
        gateway.suspension().begin()
    assert caught.value.code == "gateway-unreachable"


def test_what_listens_on_the_port_of_a_stopped_gateway_gets_no_secret(lab):
    lab.gateway.stop()
    impostor = type(lab.gateway)(lab.home, lab.gateway.port)
    impostor.start()
    try:
        with pytest.raises(EngineError) as caught:
            lab.open().suspension().begin()
        found = lab.open().report()
    finally:
        impostor.stop()
    assert caught.value.code == "gateway-unreachable" and not impostor.calls
    assert found.health.word == "down"


def test_a_wrong_secret_is_told_without_naming_it(lab):
    lab.gateway.secret = "another"
    with pytest.raises(EngineError) as caught:
        lab.open().suspension().begin()
    assert caught.value.code == "gateway-refused"
    assert TOKEN not in str(caught.value) + caught.value.hint + json.dumps(caught.value.details)


def test_the_secret_is_in_no_command_and_no_text(lab):
    gateway = lab.open()
    with gateway.suspension():
        pass
    gateway.stop()
    gateway.start()
    assert TOKEN not in str(lab.manager.commands) + repr(find_endpoint(gateway.location)) + json.dumps(gateway.report().to_dict())


@pytest.mark.parametrize("auth, environment, expected", [
    ({"token": "${MY_TOKEN}"}, {"MY_TOKEN": "a"}, ("token", "a")), ({"token": "$MY_TOKEN"}, {"MY_TOKEN": "a"}, ("token", "a")),
    ({"token": {"source": "env", "provider": "default", "id": "MY_TOKEN"}}, {"MY_TOKEN": "a"}, ("token", "a")),
    ({}, {"OPENCLAW_GATEWAY_TOKEN": "b"}, ("token", "b")), ({"mode": "password", "password": "c"}, {}, ("password", "c")),
    ({"token": {"source": "exec", "id": "x"}}, {"OPENCLAW_GATEWAY_TOKEN": "b"}, ("token", "b")), ({"mode": "none"}, {}, ("token", "")),
])
def test_the_secret_is_found_where_openclaw_finds_it(lab, auth, environment, expected):
    lab.configure(gateway={"auth": auth})
    lab.user_unit("openclaw-gateway.service", *(f"Environment={name}={value}" for name, value in environment.items()))
    found = find_endpoint(lab.open().location)
    assert (found.secret_kind, found.secret) == expected


@pytest.mark.parametrize("auth", [{}, {"token": "${UNSET}"}, {"token": {"source": "exec", "id": "x"}}, {"token": 5}])
def test_a_secret_that_only_the_gateway_can_look_up_is_told(lab, auth):
    lab.configure(gateway={"auth": auth})
    with pytest.raises(EngineError) as caught:
        lab.open().suspension()
    assert caught.value.code == "gateway-secret-unknown"


def test_a_running_gateways_own_port_counts_most_then_its_command_its_environment_its_config(lab):
    lab.configure(gateway={"port": 5})
    assert find_port(lab.open().location) == (lab.gateway.port, False)
    lab.gateway.stop()
    assert find_port(lab.open().location)[0] == 18789, "the unit's command says so"
    start = "ExecStart=/usr/bin/node /x/openclaw/dist/index.js gateway"
    lab.user_unit("openclaw-gateway.service", start, "Environment=OPENCLAW_GATEWAY_PORT=7")
    assert find_port(lab.open().location)[0] == 7
    lab.user_unit("openclaw-gateway.service", start)
    assert find_port(lab.open().location)[0] == 5


HELLO = b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: wrong\r\n\r\n"


@pytest.mark.parametrize("answer", [
    b"", b"HTTP/1.1 200 OK\r\n\r\n<html>", HELLO, b"x" * 100_000, b"\r\n\r\n", b"HTTP/1.1 101\r\n\r\n\xff\xff\xff", b"\0" * 1000])
def test_whatever_else_listens_on_that_port_is_told_and_gets_no_secret(answer):
    server = socket.create_server(("127.0.0.1", 0))
    received = []

    def serve():
        connection = server.accept()[0]
        with connection, contextlib.suppress(OSError):  # the client hangs up as soon as it is sure
            received.append(connection.recv(4096))
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)
            received.append(connection.recv(4096))
    thread = threading.Thread(target=serve)
    thread.start()
    with pytest.raises(EngineError) as caught:
        GatewayCalls(Endpoint("127.0.0.1", server.getsockname()[1], False, TOKEN), Context())
    thread.join()
    server.close()
    assert caught.value.code == "gateway-unreachable"
    assert TOKEN.encode() not in b"".join(received)
