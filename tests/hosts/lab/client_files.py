# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ssh, Ansible and the hosts themselves need to find the hosts of a lab."""
from __future__ import annotations

import json

from . import identity
from .host import Host
from .places import CONTROLLER, DEPLOY_USER, Lab

GROUP = "openclaw"


def write(lab: Lab) -> None:
    """Bring them up to date. Contents are replaced in place: the address table is mounted in every host."""
    hosts = Host.all(lab)
    lab.address_table.write_text(_address_table(hosts), encoding="ascii")
    lab.known_hosts.write_text(
        "".join(f"{host.name},{host.address},{host.address6} {identity.public_key(host)}\n" for host in hosts), encoding="ascii")
    lab.ssh_config.write_text(_ssh_config(lab, hosts), encoding="ascii")
    lab.inventory.write_text(json.dumps(_inventory(lab, hosts), indent=2), encoding="ascii")


def _address_table(hosts: list[Host]) -> str:
    lines = ["127.0.0.1 localhost", "::1 localhost", f"{CONTROLLER} controller"]
    return "\n".join([*lines, *(f"{address} {host.name}" for host in hosts for address in (host.address, host.address6))]) + "\n"


def _ssh_config(lab: Lab, hosts: list[Host]) -> str:
    known = "".join(f"Host {host.name}\n  HostName {host.address}\n  HostKeyAlias {host.name}\n" for host in hosts)
    settings = {
        "User": DEPLOY_USER, "IdentityFile": lab.key, "IdentitiesOnly": "yes", "UserKnownHostsFile": lab.known_hosts,
        "GlobalKnownHostsFile": "/dev/null", "StrictHostKeyChecking": "yes", "BatchMode": "yes", "ConnectTimeout": 10, "LogLevel": "ERROR"}
    return known + "Host *\n" + "".join(f"  {name} {value}\n" for name, value in settings.items())


def _inventory(lab: Lab, hosts: list[Host]) -> dict:
    variables = {"ansible_ssh_common_args": f"-F {lab.ssh_config}", "ansible_python_interpreter": "/usr/bin/python3"}
    return {GROUP: {"hosts": {host.name: {} for host in hosts}, "vars": variables}}
