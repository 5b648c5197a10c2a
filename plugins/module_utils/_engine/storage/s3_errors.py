# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What a failed S3 request means: to a person, and to whoever may try again.

The codes are those of AWS, Ceph, MinIO, R2 and B2, as documented or met (HEAD answers carry a bare status instead).
"""
from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from .. import dependencies
from ..errors import EngineError, ObjectMissing
from .meaning import Meaning
from .retry import Verdict

# Operation -> what it does to an object, and the permission it needs.
_OPERATIONS = {
    "ListObjectsV2": ("list {0}", "s3:ListBucket"),
    "GetObject": ("read {0}", "s3:GetObject"),
    "HeadObject": ("look for {0}", "s3:GetObject and s3:ListBucket"),
    "PutObject": ("write {0}", "s3:PutObject"),
    "DeleteObject": ("delete {0}", "s3:DeleteObject"),
    "DeleteObjects": ("delete {0}", "s3:DeleteObject"),
}
_AGAIN = {
    "SlowDown", "SlowDownRead", "SlowDownWrite", "ServiceUnavailable", "InternalError", "RequestTimeout", "Throttling",
    "ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "TooManyRequestsException", "RequestThrottled",
    "BandwidthLimitExceeded", "OperationAborted", "ConditionalRequestConflict", "BadDigest", "XAmzContentSHA256Mismatch",
    "IncompleteBody", "XMinioServerNotInitialized", "409",
}
_STATUS_AGAIN = (408, 429, 500, 502, 503, 504)
# Code of the answer -> (our code, what is wrong, what to do).
_KEY_ID = Meaning(
    code="storage-key-id-unknown", what="the service does not know this access key id",
    hint="Check the access key id, and that it belongs to this endpoint.",
)
_SECRET = Meaning(
    code="storage-secret-wrong", what="the secret access key does not belong to the access key id",
    hint="Check both, and that no blank or line is missing.",
)
_EXPIRED = Meaning(
    code="storage-credentials-expired", what="the temporary credentials have expired or are not valid",
    hint="Get new ones and run again.",
)
_SUSPENDED = Meaning(
    code="storage-user-suspended", what="the account or user is suspended",
    hint="Ask whoever runs the storage service.",
)
_QUOTA = Meaning(
    code="storage-quota-exceeded", what="the quota of the user or bucket is used up",
    hint="Raise the quota, or prune, then run again.",
)
_FULL = Meaning(code="storage-full", what="the storage service has no space left", hint="Add space, or prune, then run again.")
_BUCKET = Meaning(
    code="storage-bucket-missing", what="there is no such bucket",
    hint="Create the bucket first, or correct the URL, the endpoint or the region.",
)
_REGION = Meaning(
    code="storage-wrong-region", what="the bucket is in another region",
    hint="Set storage.region to the bucket's region.",
)
_SKEW = Meaning(
    code="storage-clock-skew", what="the service refuses the time of this host's clock",
    hint="Set the clock (time synchronisation) and run again.",
)
_LOCKED = Meaning(
    code="storage-object-locked", what="the object is locked against deletion",
    hint="Wait until its retention ends; that is what object lock is for.",
)
_MEANINGS = {
    "InvalidAccessKeyId": _KEY_ID, "InvalidAccessKeyID": _KEY_ID, "NotSignedUp": _KEY_ID, "InvalidClientTokenId": _KEY_ID,
    "UnrecognizedClientException": _KEY_ID,
    "SignatureDoesNotMatch": _SECRET, "Unauthorized": _SECRET, "401": _SECRET,
    "ExpiredToken": _EXPIRED, "ExpiredTokenException": _EXPIRED, "InvalidToken": _EXPIRED, "TokenRefreshRequired": _EXPIRED,
    "UserSuspended": _SUSPENDED, "AccountProblem": _SUSPENDED, "AllAccessDisabled": _SUSPENDED,
    "QuotaExceeded": _QUOTA, "StorageLimitExceeded": _QUOTA, "ServiceQuotaExceeded": _QUOTA, "XMinioAdminBucketQuotaExceeded": _QUOTA,
    "InsufficientCapacity": _FULL, "XMinioStorageFull": _FULL, "InsufficientStorage": _FULL, "507": _FULL,
    "NoSuchBucket": _BUCKET, "InvalidBucketName": _BUCKET,
    "PermanentRedirect": _REGION, "TemporaryRedirect": _REGION, "AuthorizationHeaderMalformed": _REGION, "301": _REGION, "307": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "RequestTimeTooSkewed": _SKEW, "RequestExpired": _SKEW,
    "ObjectLocked": _LOCKED, "InvalidRetentionPeriod": _LOCKED,
}
_NETWORK = "Check the endpoint, the network, the firewall and DNS."
_DENIED = {"AccessDenied", "AccessForbidden", "Forbidden", "403", "AllAccessDisabled", "MethodNotAllowed"}
_LOCK_WORDS = re.compile(r"object.?lock|worm|retention|legal hold|immutab", re.IGNORECASE)
_CAP_WORDS = re.compile(r"quota|cap exceeded", re.IGNORECASE)


@dataclass(frozen=True)
class Action:
    """What was being done, for messages. where: the storage as people know it. name: an object or a description."""

    where: str
    name: str
    is_object: bool = True


def status_of(exc: Exception) -> int:
    """The HTTP status of a refused request, 0 for other exceptions."""
    return int(_response(exc).get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)


def code_of(exc: Exception) -> str:
    """The S3 error code of a refused request, "" for other exceptions."""
    return str(_response(exc).get("Error", {}).get("Code") or "")


def is_missing(exc: Exception) -> bool:
    """Whether a refusal says that there is no such object (and not: no such bucket)."""
    return code_of(exc) in ("NoSuchKey", "404", "NotFound", "NoSuchObject", "NoSuchVersion")


def is_taken(exc: Exception) -> bool:
    """Whether a refusal says that a conditional write met an object."""
    return status_of(exc) == 412 or code_of(exc) == "PreconditionFailed"


def is_not_implemented(exc: Exception) -> bool:
    """Whether a refusal says that the service lacks what was asked for."""
    return status_of(exc) == 501 or code_of(exc) in ("NotImplemented", "XNotImplemented", "A header you provided implies functionality")


def is_lost(exc: Exception) -> bool:
    """Whether there was no answer, so that nobody knows what the request did."""
    return not _response(exc)


def judge(exc: Exception, action: Action, now: float) -> Verdict | None:
    """The verdict on any exception that botocore raises for a request; None for what is a fault of this program.

    now: this host's time, to tell how far its clock is off.
    """
    exceptions = dependencies.botocore().exceptions
    if isinstance(exc, exceptions.ClientError):
        return _judge_answer(exc, action, now)
    if isinstance(exc, ShortAnswer):
        return Verdict(_lost(action, "the connection ended too early"), retry=True)
    if isinstance(exc, (exceptions.BotoCoreError, OSError, ValueError, OverflowError)) or type(exc).__name__ == "ResponseParserError":
        return _judge_failure(exc, action, exceptions)
    if type(exc).__module__.split(".")[0] == "urllib3":
        return Verdict(_lost(action, _clip(exc)), retry=True)
    return None


class ShortAnswer(Exception):
    """A body ended before its stated length."""


def _judge_answer(exc: Exception, action: Action, now: float) -> Verdict:
    code, status = code_of(exc), status_of(exc)
    message = _clip(_response(exc).get("Error", {}).get("Message") or "")
    what, permission = _OPERATIONS.get(getattr(exc, "operation_name", ""), ("use {0}", ""))
    failed = f"{action.where}: cannot {what.format(action.name)}"
    details = {"code": code, "status": status, "operation": getattr(exc, "operation_name", "")}
    if is_missing(exc) and action.is_object:
        return Verdict(ObjectMissing(action.name, action.where))
    meaning = _meaning(code, message, what)
    if meaning is _SKEW:
        meaning = _SKEW._replace(what=_SKEW.what + _skew(exc, now))
    if meaning:
        return Verdict(EngineError(meaning.code, f"{failed}: {meaning.what} ({code})", meaning.hint, details))
    if code in _DENIED or status == 403:
        return Verdict(EngineError(
            "storage-no-permission", f"{failed}: the credentials do not permit it ({code}{': ' + message if message else ''})",
            f"Grant {permission} on this bucket and prefix." if permission else "Check the permissions of the credentials.", details,
        ))
    if code in _AGAIN or status in _STATUS_AGAIN:
        error = EngineError(
            "storage-busy", f"{failed}: the service keeps answering {code or status}{': ' + message if message else ''}",
            "Try again later, or ask whoever runs the storage service.", details,
        )
        return Verdict(error, retry=True, after=_retry_after(exc))
    return Verdict(EngineError(
        "storage-refused", f"{failed}: {code or status}{': ' + message if message else ''}",
        "Check that the endpoint is an S3 service and supports this request.", details,
    ))


def _meaning(code: str, message: str, what: str):
    if code in _DENIED | {"InvalidRequest"} and what.startswith("delete") and _LOCK_WORDS.search(message):
        return _LOCKED
    if code in _DENIED and _CAP_WORDS.search(message):
        return _QUOTA
    return _MEANINGS.get(code)


def _judge_failure(exc: Exception, action: Action, exceptions) -> Verdict:
    """Verdict on a request that got no answer, or none that is S3."""
    causes = list(_causes(exc))
    for cause in causes:
        if isinstance(cause, ssl.SSLError) or type(cause).__name__ == "CertificateError":  # urllib3's, for a wrong host name
            return _judge_tls(cause, action)
    if isinstance(exc, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.CredentialRetrievalError)):
        return Verdict(EngineError(
            "storage-credentials-missing", f"{action.where}: no credentials were found ({_clip(exc)})",
            "Give access_key_id_file and secret_access_key_file, a profile, the AWS variables, or an instance role.",
        ))
    if isinstance(exc, (exceptions.ProfileNotFound, exceptions.ConfigParseError, exceptions.ConfigNotFound)):
        return Verdict(EngineError(
            "storage-credentials-missing", f"{action.where}: {_clip(exc)}", "Check storage.profile and the AWS configuration files.",
        ))
    if any(isinstance(cause, (ConnectionResetError, BrokenPipeError)) for cause in causes):
        return Verdict(_lost(action, _clip(causes[-1])), retry=True, answered=False)
    for kinds, meaning in (
        (socket.gaierror, Meaning(code="storage-name-unresolved", what="the service's host name cannot be resolved", hint=_NETWORK)),
        (ConnectionRefusedError, Meaning(code="storage-connection-refused", what="the connection is refused", hint=_NETWORK)),
        ((exceptions.ConnectTimeoutError, exceptions.ReadTimeoutError, TimeoutError),
         Meaning(code="storage-timeout", what="the service does not answer in time", hint=_NETWORK)),
        ((exceptions.EndpointConnectionError, exceptions.ProxyConnectionError),
         Meaning(code="storage-unreachable", what="no connection", hint=_NETWORK)),
    ):
        if any(isinstance(cause, kinds) for cause in causes):
            error = EngineError(meaning.code, f"{action.where}: {meaning.what} ({_clip(causes[-1])})", meaning.hint)
            return Verdict(error, retry=True, answered=False)
    if isinstance(exc, (exceptions.HTTPClientError, exceptions.ConnectionError, exceptions.IncompleteReadError, OSError)):
        return Verdict(_lost(action, _clip(causes[-1])), retry=True, answered=False)
    return Verdict(not_s3(action.where, f"what came for {action.name} ({_clip(exc)})"))


def _judge_tls(exc: BaseException, action: Action) -> Verdict:
    reason = _clip(getattr(exc, "verify_message", None) or getattr(exc, "reason", None) or exc)
    if isinstance(exc, ssl.SSLCertVerificationError) or not isinstance(exc, ssl.SSLError):
        return Verdict(EngineError(
            "storage-certificate-invalid", f"{action.where}: the service's certificate is not trusted ({reason})",
            "Set storage.ca_bundle to the certificate authority's file, or correct the endpoint's host name.",
        ))
    if "NO_CERTIFICATE" in reason:
        return Verdict(ca_bundle_missing("that are to be trusted", reason))
    if isinstance(exc, ssl.SSLEOFError) or "EOF" in reason or "BAD_RECORD_MAC" in reason:  # cut, or spoilt on the way
        return Verdict(_lost(action, reason), retry=True, answered=False)
    return Verdict(EngineError(
        "storage-tls-failed", f"{action.where}: no encrypted connection comes about ({reason})",
        "Check whether the endpoint is https:// or http://, its port, and the service's TLS versions.",
    ), retry=True, answered=False)


def ca_bundle_missing(which: str, why: str) -> EngineError:
    """The error for certificates of authorities that cannot be read."""
    return EngineError(
        "storage-ca-bundle-missing", f"The certificates {which} cannot be read ({why})",
        "Let storage.ca_bundle be a file of certificates in PEM form.",
    )


def not_s3(where: str, what: str) -> EngineError:
    """The error for an answer that S3 would not give."""
    return EngineError(
        "storage-answer-unexpected", f"{where}: {what} is not an answer of S3",
        "Check that the endpoint is an S3 service and no proxy answers in its place.",
    )


def _lost(action: Action, why: str) -> EngineError:
    return EngineError(
        "storage-connection-lost", f"{action.where}: the connection keeps breaking off at {action.name} ({why})",
        "Check the network, then run again: what is stored already is not stored twice.",
    )


def _response(exc: Exception) -> dict:
    response = getattr(exc, "response", None)
    return response if isinstance(response, dict) else {}


def _causes(exc: BaseException | None):
    """The exception, and what it wraps in any of the ways that botocore and urllib3 wrap."""
    seen: set[int] = set()
    waiting = [exc]
    while waiting:
        item = waiting.pop(0)
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        kwargs = getattr(item, "kwargs", None)
        waiting += [kwargs.get("error") if isinstance(kwargs, dict) else None, getattr(item, "reason", None)]
        waiting += [item.__cause__, item.__context__, *item.args]


def _skew(exc: Exception, now: float) -> str:
    try:
        date = _response(exc)["ResponseMetadata"]["HTTPHeaders"]["date"]
        seconds = now - parsedate_to_datetime(date).timestamp()
    except (KeyError, TypeError, ValueError):
        return ""
    return f", which is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} its own"


def _retry_after(exc: Exception) -> float | None:
    headers = _response(exc).get("ResponseMetadata", {}).get("HTTPHeaders", {})
    value = str(headers.get("retry-after") or "")
    return float(value) if value.isdigit() else None


def _clip(text: object) -> str:
    """One printable line of at most 200 characters: what a server says is not trusted to be either."""
    return "".join(char if char.isprintable() else " " for char in str(text))[:200].strip()
