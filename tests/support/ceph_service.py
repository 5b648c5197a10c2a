# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Buckets, users and policies of a Ceph gateway, as tests ask them of any S3 server."""
from __future__ import annotations

from .ceph import CephGateway
from .s3_server import S3Service, User


class CephService(S3Service):
    """A running gateway with an account whose root makes users and buckets."""

    def __init__(self, gateway: CephGateway) -> None:
        self.gateway = gateway
        self.endpoint = gateway.endpoint
        self.port = gateway.port
        self.root = User("AKROOT", "rootsecret")
        gateway.admin("radosgw-admin", "account", "create", "--account-name=tests", "--account-id=RGW00000000000000001")
        gateway.admin("radosgw-admin", "user", "create", "--account-id=RGW00000000000000001", "--account-root", "--uid=root",
                      "--display-name=root", f"--access-key={self.root.key_id}", f"--secret-key={self.root.secret}")
