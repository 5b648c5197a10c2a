# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Making a botocore client for one bucket: address, region, addressing style, credentials, and a quick start.

botocore is the part of boto3 that talks to S3; boto3's own layer (resources, the transfer manager) is not used, which
saves its import. Checksums are sent and checked only where S3 demands them: the default of newer versions is refused
over HTTPS by Ceph 16 and rclone. Instead the payload is signed (SHA-256), also over HTTPS.
"""
from __future__ import annotations

import gzip
import json
import os
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Mapping
from urllib.parse import urlsplit

from .. import dependencies
from ..errors import EngineError
from ..options import StorageOptions
from ..ports import Context
from .location import check_endpoint
from .s3_errors import ca_bundle_missing

_CONNECT_TIMEOUT = 10.0  # seconds
_AUTO = (None, "", "auto")
# Services whose host names tell the region to sign for, from their documentation.
_REGION_IN_HOST = (
    re.compile(r"s3[.-](?:dualstack\.)?([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\Z"),
    re.compile(r"s3\.([a-z0-9-]+)\.backblazeb2\.com\Z"),
    re.compile(r"s3\.([a-z0-9-]+)\.(?:wasabisys\.com|scw\.cloud|[a-z]+\.ovh\.net|io\.cloud\.ovh\.net)\Z"),
    re.compile(r"([a-z0-9-]+)\.digitaloceanspaces\.com\Z"),
)
_AUTO_IN_HOST = (".r2.cloudflarestorage.com", ".fly.storage.tigris.dev")  # these are signed for the region "auto"
_VIRTUAL_ONLY = (".amazonaws.com", ".amazonaws.com.cn", ".aliyuncs.com", ".myqcloud.com")


@dataclass(frozen=True)
class Keys:
    """An access key. token: for temporary ones. All None: botocore looks for credentials itself."""

    key_id: str | None = None
    secret: str | None = None
    token: str | None = None


def make_client(options: StorageOptions, context: Context, connections: int):
    """A botocore S3 client that repeats nothing by itself.

    connections: requests at once. Raises EngineError for wrong options, and botocore's own errors (see s3_errors).
    """
    environment = context.environment
    endpoint = choose_endpoint(options, environment)
    keys = choose_keys(options, environment)
    ca_bundle = _ca_bundle(options, environment)
    botocore = dependencies.botocore()
    session = botocore.session.Session(profile=None if keys.key_id else options.profile or environment.get("AWS_PROFILE") or None)
    session.register_component("data_loader", _quick_loader(botocore, aws=endpoint is None))
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_parse_time)
    for variable, name in (("config_file", "AWS_CONFIG_FILE"), ("credentials_file", "AWS_SHARED_CREDENTIALS_FILE")):
        if environment.get(name):
            session.set_config_variable(variable, environment[name])
    region = choose_region(options, endpoint, environment)
    if region is None:
        region = session.get_config_variable("region") or "us-east-1"
    config = botocore.config.Config(
        signature_version="s3v4", connect_timeout=min(options.timeout, _CONNECT_TIMEOUT), read_timeout=options.timeout,
        max_pool_connections=connections, tcp_keepalive=True, retries={"total_max_attempts": 1, "mode": "standard"},
        request_checksum_calculation="when_required", response_checksum_validation="when_required",
        ignore_configured_endpoint_urls=True,
        s3={"addressing_style": choose_addressing(options, endpoint), "payload_signing_enabled": True},
    )
    return session.create_client(
        "s3", region_name=region, endpoint_url=endpoint, verify=ca_bundle, config=config,
        aws_access_key_id=keys.key_id, aws_secret_access_key=keys.secret, aws_session_token=keys.token,
    )


def choose_endpoint(options: StorageOptions, environment: Mapping[str, str]) -> str | None:
    """The service's address: the option, then the AWS variables; None is AWS. EngineError "storage-url-invalid"."""
    endpoint = options.endpoint or environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or None
    if endpoint is not None:
        check_endpoint(endpoint)
    return endpoint


def choose_region(options: StorageOptions, endpoint: str | None, environment: Mapping[str, str]) -> str | None:
    """The region to sign for; None: what the profile says.

    The option wins; then what the endpoint's host name tells; then, unless the option is "auto", the AWS variables. A
    wrong guess costs one request: S3 answers with the right region, and botocore goes on there.
    """
    if options.region not in _AUTO:
        return options.region
    host = (urlsplit(endpoint).hostname or "") if endpoint else ""
    if host.endswith(_AUTO_IN_HOST):
        return "auto"
    for pattern in _REGION_IN_HOST:
        found = pattern.search(host)
        if found:
            return found.group(1)
    if options.region == "auto":
        return "us-east-1"
    return environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or None


def choose_addressing(options: StorageOptions, endpoint: str | None) -> str:
    """ "path" or "virtual" (or "auto" for AWS itself). Path style works with every other service that is known to us but
    the ones that refuse it; virtual style needs DNS names for buckets, which most own installations lack."""
    if options.addressing_style not in ("auto", "path", "virtual"):
        raise EngineError(
            "option-invalid", f"Storage option addressing_style is {options.addressing_style!r}", "Use auto, path or virtual.",
        )
    if options.addressing_style != "auto" or endpoint is None:
        return options.addressing_style
    return "virtual" if (urlsplit(endpoint).hostname or "").endswith(_VIRTUAL_ONLY) else "path"


def choose_keys(options: StorageOptions, environment: Mapping[str, str]) -> Keys:
    """The access key of the key files, else of the environment unless a profile is named, else none.

    Raises EngineError "storage-credentials-missing" for half a key or a file that holds none.
    """
    if options.access_key_id_file or options.secret_access_key_file:
        if not (options.access_key_id_file and options.secret_access_key_file):
            raise _half_a_key("access_key_id_file and secret_access_key_file")
        return Keys(
            _read_secret(options.access_key_id_file, "access_key_id_file"),
            _read_secret(options.secret_access_key_file, "secret_access_key_file"),
        )
    if options.profile:
        return Keys()
    key_id, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if bool(key_id) != bool(secret):
        raise _half_a_key("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    return Keys(key_id, secret, environment.get("AWS_SESSION_TOKEN") or None) if key_id else Keys()


def _half_a_key(names: str) -> EngineError:
    return EngineError("storage-credentials-missing", f"Only one of {names} is given", "Give both, or neither.")


def _read_secret(path: str, option: str) -> str:
    try:
        with open(path, "rb") as file:
            text = file.read(4096).decode("ascii").strip()
    except OSError as exc:
        raise EngineError(
            "storage-credentials-missing", f"Cannot read {option} {path}: {os.strerror(exc.errno) if exc.errno else exc}",
            "Let the user who runs this read the file.",
        ) from exc
    except UnicodeDecodeError as exc:
        raise EngineError(
            "storage-credentials-missing", f"{option} {path} holds other characters than an access key has",
            "The file holds nothing but the key.",
        ) from exc
    if not text or any(char.isspace() for char in text):
        raise EngineError(
            "storage-credentials-missing", f"{option} {path} holds no key, or more than one word", "The file holds nothing but the key.",
        )
    return text


def _ca_bundle(options: StorageOptions, environment: Mapping[str, str]) -> str | None:
    path = options.ca_bundle or environment.get("AWS_CA_BUNDLE") or None
    if path is not None and not os.path.isfile(path):
        raise ca_bundle_missing(f"of ca_bundle {path}", "no such file")
    return path


def _parse_time(value) -> datetime:
    """A time of a listing. botocore's own way, kept for all other forms, costs as much as the rest of a listing."""
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except (AttributeError, ValueError):
        moment = dependencies.botocore().utils.parse_timestamp(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


class _JsonFiles:
    """Reads botocore's data files into plain dicts: half the time of botocore's own reader."""

    def exists(self, path: str) -> bool:
        return os.path.isfile(path + ".json") or os.path.isfile(path + ".json.gz")

    def load_file(self, path: str):
        for name, opener in ((path + ".json", open), (path + ".json.gz", gzip.open)):
            if os.path.isfile(name):
                with opener(name, "rb") as file:
                    return json.loads(file.read())
        return None


# What the storage asks for, and botocore itself to find a bucket's region.
_OPERATIONS = ("ListObjectsV2", "GetObject", "HeadObject", "PutObject", "DeleteObject", "DeleteObjects", "HeadBucket")
# What is left of botocore's table of AWS's own host names (1.2 MB) for a service that is none of them.
_ENDPOINTS = {"version": 3, "partitions": [{
    "partition": "aws", "dnsSuffix": "amazonaws.com", "regionRegex": "^[a-z0-9-]+$", "regions": {},
    "defaults": {"hostname": "{service}.{region}.{dnsSuffix}", "protocols": ["https"], "signatureVersions": ["v4"]},
    "services": {"s3": {
        "defaults": {"protocols": ["http", "https"], "signatureVersions": ["s3v4"]}, "isRegionalized": True,
        "partitionEndpoint": "aws-global",  # what botocore looks up for us-east-1
        "endpoints": {"aws-global": {"credentialScope": {"region": "us-east-1"}, "hostname": "s3.amazonaws.com"}},
    }},
}]}


def _quick_loader(botocore, aws: bool):
    """A loader of botocore's data that knows S3 alone; the usual one looks into the directories of 400 services."""

    class Loader(botocore.loaders.Loader):
        def list_available_services(self, type_name):
            return ["s3"]

        def load_service_model(self, service_name, type_name, api_version=None):
            model = super().load_service_model(service_name, type_name, api_version)
            if type_name == "service-2":  # a client gets a method for each operation: 7 instead of 110
                return {**model, "operations": {name: model["operations"][name] for name in _OPERATIONS}}
            return model

        def load_data_with_path(self, name):
            if name == "endpoints" and not aws:
                return _ENDPOINTS, os.path.join(self.BUILTIN_DATA_PATH, name)
            return super().load_data_with_path(name)

    return Loader(file_loader=_JsonFiles())
