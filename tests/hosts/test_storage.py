# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The S3 server of the lab: hosts reach it, and policies hold."""
from __future__ import annotations

import botocore.exceptions
import pytest


def test_hosts_reach_it(each_host, s3):
    answer = each_host.ssh(f"curl --silent --max-time 10 --output /dev/null --write-out '%{{http_code}}' {s3.endpoint}")
    assert answer.stdout == "200"


def test_a_user_may_do_what_was_allowed_and_nothing_else(s3):
    bucket = s3.add_bucket()
    client = s3.client(user=s3.add_user("s3:PutObject", bucket=bucket))
    client.put_object(Bucket=bucket, Key="one", Body=b"kept")
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        client.delete_object(Bucket=bucket, Key="one")
    assert s3.client().get_object(Bucket=bucket, Key="one")["Body"].read() == b"kept"
