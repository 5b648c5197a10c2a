# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Third-party packages, imported on first use, so that this engine imports on a bare Python.

Each function returns what the engine uses of one package, or raises EngineError "missing-dependency" with one sentence
that says which package is missing in which interpreter.
"""
from __future__ import annotations

import importlib.util
import sys

from .errors import EngineError


def _missing(package: str, exc: ImportError) -> EngineError:
    return EngineError(
        "missing-dependency", f"Python package {package} is missing for {sys.executable}: {exc}",
        "Install the collection's requirements into a virtual environment (make venv does) and name its interpreter in runtime_python.",
        {"package": package, "interpreter": sys.executable},
    )


def blake3():
    """The class blake3.blake3."""
    try:
        from blake3 import blake3 as hasher
    except ImportError as exc:
        raise _missing("blake3", exc) from exc
    return hasher


def zstd():
    """The module compression.zstd (Python 3.14 and later) or its backport."""
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd as module
        else:
            from backports import zstd as module
    except ImportError as exc:
        raise _missing("backports.zstd", exc) from exc
    return module


def aes_gcm():
    """The class cryptography AESGCM."""
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as exc:
        raise _missing("cryptography", exc) from exc
    return AESGCM


def invalid_tag():
    """The exception that cryptography raises for a ciphertext that does not authenticate."""
    try:
        from cryptography.exceptions import InvalidTag
    except ImportError as exc:
        raise _missing("cryptography", exc) from exc
    return InvalidTag


def argon2id():
    """The class cryptography Argon2id."""
    try:
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
    except ImportError as exc:
        raise _missing("cryptography", exc) from exc
    return Argon2id


def hpke():
    """The module cryptography.hazmat.primitives.hpke (cryptography 48 and later)."""
    try:
        from cryptography.hazmat.primitives import hpke as module
    except ImportError as exc:
        raise _missing("cryptography >= 48", exc) from exc
    return module


def mlkem_and_x25519():
    """The modules of cryptography that hold the two halves of a hybrid key (cryptography 48 and later)."""
    try:
        from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
    except ImportError as exc:
        raise _missing("cryptography >= 48", exc) from exc
    return mlkem, x25519


def ed25519():
    """The modules of cryptography for signatures with Ed25519 keys: ed25519 and serialization."""
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519 as module
    except ImportError as exc:
        raise _missing("cryptography", exc) from exc
    return module, serialization


def json5():
    """The module json5."""
    try:
        import json5 as module
    except ImportError as exc:
        raise _missing("json5", exc) from exc
    return module


def boto3():
    """The module boto3."""
    try:
        import boto3 as module
    except ImportError as exc:
        raise _missing("boto3", exc) from exc
    return module


def botocore():
    """The module botocore, with what the S3 storage uses of it imported. It comes with boto3, which is a layer above it."""
    try:
        import botocore as module
        import botocore.config
        import botocore.exceptions
        import botocore.loaders
        import botocore.session
    except ImportError as exc:
        raise _missing("botocore", exc) from exc
    return module


def jmespath():
    """The module jmespath."""
    try:
        import jmespath as module
    except ImportError as exc:
        raise _missing("jmespath", exc) from exc
    return module


def require_all() -> None:
    """See that every package is there, so that its absence shows before the work starts. EngineError "missing-dependency".

    Looks for most of them without importing: the S3 packages alone would cost every run a tenth of a second.
    """
    zstd_module = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    for name in ("blake3", zstd_module, "boto3", "botocore", "jmespath", "json5"):
        try:
            found = importlib.util.find_spec(name)
        except ImportError:
            found = None
        if found is None:
            raise _missing(name, ImportError("not installed"))
    hpke()
