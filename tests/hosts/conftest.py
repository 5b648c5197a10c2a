# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real hosts, a real gateway and a real S3 server for tests. They need a lab around them: `make hosts`, or
tools/test-hosts run -- .venv-test/bin/python -m pytest tests/hosts

The fixtures are shared by all tests of a session: a test that switches something off switches it on again.
"""
from __future__ import annotations

import os
import runpy
from pathlib import Path

import pytest
import testinfra

from hosts.lab import lifecycle, places
from hosts.lab.commands import LabError
from hosts.lab.gateway import HostedGateway
from hosts.lab.host import Host
from hosts.lab.places import CONTROLLER, Lab
from hosts.lab.suites import USUAL_HOSTS, find_suite
from support import ceph
from support.ceph_service import CephService
from support.openclaw.model_server import ModelServer

RESCUE_PORT = 19789
AGENTS = {"default": ("main", "ada", "ben", "cleo", "dan"), "rescue": ("main", "eve", "finn", "gwen")}  # nine in all

runpy.run_path(str(Path(__file__).resolve().parents[1] / "unit" / "conftest.py"))  # makes the collection importable


def pytest_collection_modifyitems(items) -> None:
    """Everything here needs real hosts."""
    for item in items:
        if Path(__file__).parent in Path(str(item.path)).parents:
            item.add_marker(pytest.mark.hosts)


@pytest.fixture(scope="session")
def lab() -> Lab:
    """The lab that this session runs in. Without one its tests fail: hosts that were not tried prove nothing."""
    if not os.environ.get(places.LAB_VARIABLE) and os.environ.get(places.SKIP_VARIABLE) == "1":
        pytest.skip(f"{places.SKIP_VARIABLE} is set")
    try:
        return Lab.current()
    except LabError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def hosts(lab) -> dict[str, Host]:
    """Two running hosts: debian12 and debian13."""
    return {host.name: host for host in lifecycle.bring_up(lab, USUAL_HOSTS)}


@pytest.fixture(scope="session")
def debian12(hosts) -> Host:
    """The host with Debian 12."""
    return hosts["debian12"]


@pytest.fixture(scope="session")
def debian13(hosts) -> Host:
    """The host with Debian 13."""
    return hosts["debian13"]


@pytest.fixture(scope="session", params=USUAL_HOSTS)
def each_host(hosts, request) -> Host:
    """Each of the two in turn."""
    return hosts[request.param]


@pytest.fixture
def spare_host(lab):
    """spare_host("debian13"): one more host, as bare as on its first day, for this test alone."""
    made = []

    def make(system: str) -> Host:
        name = f"{system}-spare{len(made) or ''}"
        made.extend(lifecycle.bring_up(lab, {name: find_suite(system)}))
        return made[-1]

    yield make
    for host in made:
        if host in Host.all(lab):
            lifecycle.remove(host)


@pytest.fixture(scope="session")
def look(lab):
    """look(host): testinfra's view of a host, over SSH, as root by sudo."""
    def connect(host: Host) -> testinfra.host.Host:
        return testinfra.get_host(f"ssh://{host.name}", ssh_config=str(lab.ssh_config), sudo=True)
    return connect


@pytest.fixture(scope="session")
def s3(lab):
    """A real S3 server, Ceph's gateway, that hosts reach; tests make buckets, users and policies with it."""
    gateway = ceph.CephGateway(ceph.installed(places.default_cache()), str(lab.directory / "ceph"), address=CONTROLLER)
    with gateway:
        yield CephService(gateway)


@pytest.fixture(scope="session")
def models(lab):
    """A model server that hosts reach, so that agents answer."""
    with ModelServer(CONTROLLER) as server:
        yield server


@pytest.fixture(scope="session")
def gateways(debian12, models) -> dict[str, HostedGateway]:
    """Two gateways of one user on debian12 with nine agents, ready: "default", and the profile "rescue" beside it."""
    both = {"default": HostedGateway(debian12, models=models.url, agents=AGENTS["default"]),
            "rescue": HostedGateway(debian12, profile="rescue", port=RESCUE_PORT, models=models.url, agents=AGENTS["rescue"])}
    for gateway in both.values():
        gateway.install()
    for gateway in both.values():
        gateway.wait_until_ready()
    return both
