# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An S3 server for tests: ministack, on loopback, with signatures, users and policies that are really enforced.

It lives in a virtual environment of its own (make venv-s3). A test that wants it fails where it is missing: an S3 test
that was skipped proves nothing.
"""
from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import botocore.config
import botocore.session

from .certificates import make_certificates

START_SECONDS = 60.0
ROOT_KEY_ID, ROOT_SECRET = "AKADMIN", "adminsecret"
# What a host needs that may add to a repository but not take away.
CREATE_ONLY = ("s3:PutObject", "s3:GetObject", "s3:ListBucket")


@dataclass(frozen=True)
class User:
    """An access key. name: of the user who has it."""

    key_id: str
    secret: str
    name: str = ""


def find_ministack() -> str:
    """The path of the server's command: OPENCLAW_OPS_MINISTACK, the checkout's .venv-s3, or what the PATH has."""
    checkout = Path(__file__).resolve().parents[2]
    for place in (os.environ.get("OPENCLAW_OPS_MINISTACK"), checkout / ".venv-s3/bin/ministack", Path(sys.executable).with_name("ministack"),
                  shutil.which("ministack")):
        if place and os.access(place, os.X_OK):
            return str(place)
    raise FileNotFoundError("no ministack found: run make venv-s3, or name its command in OPENCLAW_OPS_MINISTACK")


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class S3Service:
    """What tests ask of any S3 server: buckets, users, clients. root: an access key that may do everything."""

    endpoint: str
    ca_bundle: str | None = None
    root: User

    def client(self, service: str = "s3", user: User | None = None):
        """A botocore client of the root, or of a user."""
        user = user or self.root
        return botocore.session.Session().create_client(
            service, region_name="us-east-1", endpoint_url=self.endpoint, verify=self.ca_bundle,
            aws_access_key_id=user.key_id, aws_secret_access_key=user.secret,
            config=botocore.config.Config(s3={"addressing_style": "path"}),
        )

    def add_bucket(self, **options) -> str:
        """A new bucket's name. options: of CreateBucket."""
        name = "bucket-" + uuid.uuid4().hex[:12]
        self.client().create_bucket(Bucket=name, **options)
        return name

    def add_user(self, *actions: str, bucket: str = "*") -> User:
        """A new user who may do these actions ("s3:PutObject") in a bucket, and nothing else."""
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}
        return self.add_user_with({"Version": "2012-10-17", "Statement": [statement]})

    def add_user_with(self, policy: dict) -> User:
        """A new user who may do what a policy permits."""
        name = "user-" + uuid.uuid4().hex[:12]
        identity = self.client("iam")
        identity.create_user(UserName=name)
        key = identity.create_access_key(UserName=name)["AccessKey"]
        identity.put_user_policy(UserName=name, PolicyName="allowed", PolicyDocument=json.dumps(policy))
        return User(key["AccessKeyId"], key["SecretAccessKey"], name)

    def switch_key(self, user: User, active: bool) -> None:
        """Let an access key be refused, or work again."""
        self.client("iam").update_access_key(UserName=user.name, AccessKeyId=user.key_id, Status="Active" if active else "Inactive")


class S3Server(S3Service):
    """A running ministack. tls: it speaks HTTPS with a certificate of the authority in ca_bundle.

    The root key is not checked against its secret: tests of credentials use add_user().
    """

    def __init__(self, directory: Path, tls: bool = False) -> None:
        """directory: exists, is empty, and belongs to this server."""
        self.port = free_port()
        self.directory = directory
        self.ca_bundle = str(directory / "ca.crt") if tls else None
        self.endpoint = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.root = User(ROOT_KEY_ID, ROOT_SECRET)
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = find_ministack()
        environment = {
            "PATH": os.environ.get("PATH", ""), "HOME": str(self.directory), "TMPDIR": str(self.directory),
            "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port), "SERVICES": "s3,sts,iam", "AUTH": "true",
            "AWS_ACCESS_KEY_ID": ROOT_KEY_ID, "AWS_SECRET_ACCESS_KEY": ROOT_SECRET, "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
        }
        if self.ca_bundle:
            make_certificates(self.directory)
            environment.update(
                USE_SSL="1", MINISTACK_SSL_CERT=str(self.directory / "server.crt"), MINISTACK_SSL_KEY=str(self.directory / "server.key"),
            )
        with open(self.directory / "log", "wb") as log:
            self._process = subprocess.Popen([command], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._wait()

    def stop(self) -> None:
        """Stop it."""
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def __enter__(self) -> S3Server:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_exception) -> None:
        self.stop()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    log = (self.directory / "log").read_text(errors="replace")
                    raise RuntimeError(f"the S3 server did not start: {log[-2000:]}") from None
            time.sleep(0.02)
