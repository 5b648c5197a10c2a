# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the tools store: a directory or a bucket, emptied for every round, and what lies in it."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

ACCESS_KEY, SECRET_KEY, REGION = "BENCHACCESSKEY", "bench-secret-key-of-the-loopback-server", "us-east-1"


@dataclass(frozen=True)
class Contents:
    """The objects of a place: name to (size, what changes when it is rewritten)."""

    objects: dict[str, tuple[int, object]]

    @property
    def size(self) -> int:
        """Bytes of all objects."""
        return sum(size for size, _tag in self.objects.values())

    def written_since(self, earlier: Contents) -> int:
        """Bytes of the objects that are new or were rewritten."""
        return sum(size for name, (size, tag) in self.objects.items() if earlier.objects.get(name) != (size, tag))


class Directory:
    """A directory of this host."""

    label = "directory"

    def __init__(self, path: str) -> None:
        self.path = path
        os.makedirs(path)

    def url(self, name: str) -> str:
        """Where one tool stores."""
        return os.path.join(self.path, name)

    def contents(self, name: str) -> Contents:
        """What one tool has stored."""
        objects = {}
        for folder, _folders, names in os.walk(self.url(name)):
            for each in names:
                path = os.path.join(folder, each)
                status = os.lstat(path)
                objects[os.path.relpath(path, self.path)] = (status.st_size, (status.st_ino, status.st_mtime_ns))
        return Contents(objects)

    def environment(self) -> dict[str, str]:
        """What tools need to know to reach it."""
        return {}

    def take_traffic(self) -> dict | None:
        """Requests are not counted here."""
        return None


class Bucket:
    """A bucket of an S3 server on loopback, reached through the counting and delaying proxy."""

    def __init__(self, endpoint: str, proxy: Proxy, delay: float) -> None:
        import boto3
        from botocore.config import Config
        self.label = f"S3, {delay * 1000:.0f} ms added per request"
        self.bucket, self.proxy = "benchmark", proxy
        self._client = boto3.client(  # past the proxy: what the benchmark itself asks is not counted
            "s3", endpoint_url=endpoint, aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION,
            config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"))
        self._client.create_bucket(Bucket=self.bucket)
        proxy.delay(delay)

    def url(self, name: str) -> str:
        """The prefix of one tool."""
        return name

    def contents(self, name: str) -> Contents:
        """What one tool has stored."""
        objects: dict[str, tuple[int, object]] = {}
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=name + "/"):
            objects.update({each["Key"]: (each["Size"], (each["ETag"], each["LastModified"])) for each in page.get("Contents", ())})
        return Contents(objects)

    def environment(self) -> dict[str, str]:
        """Credentials and the proxy's address, as the usual variables."""
        return {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_DEFAULT_REGION": REGION,
                "AWS_EC2_METADATA_DISABLED": "true", "BENCH_ENDPOINT": self.proxy.endpoint, "BENCH_BUCKET": self.bucket}

    def take_traffic(self) -> dict:
        """What passed the proxy since the last call."""
        return self.proxy.take()


class Proxy:
    """The counting and delaying proxy (proxy.py) as a process."""

    def __init__(self, server: str) -> None:
        """server: host:port that requests are passed on to."""
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "proxy.py")
        self._process = subprocess.Popen([sys.executable, script, server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                         start_new_session=True)
        self.endpoint = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def delay(self, seconds: float) -> None:
        """Hold every request that long."""
        self._ask(f"delay {seconds}")

    def take(self) -> dict:
        """What was counted since the last take."""
        return self._ask("take")

    def stop(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()

    def _ask(self, line: str) -> dict:
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())
