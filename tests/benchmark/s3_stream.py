# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a shell pipeline at a bucket: s3_stream.py put NAME < data, s3_stream.py get NAME > data.

What `aws s3 cp - s3://...` does: multipart upload in parts of 8 MiB, ten at a time, by the same library. Address and
credentials come from the environment (places.py).
"""
from __future__ import annotations

import os
import sys


def main() -> int:
    """Copy."""
    import boto3
    from botocore.config import Config
    direction, name = sys.argv[1:]
    client = boto3.client("s3", endpoint_url=os.environ["BENCH_ENDPOINT"],
                          config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"))
    if direction == "put":
        client.upload_fileobj(sys.stdin.buffer, os.environ["BENCH_BUCKET"], name)
    else:
        client.download_fileobj(os.environ["BENCH_BUCKET"], name, sys.stdout.buffer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
