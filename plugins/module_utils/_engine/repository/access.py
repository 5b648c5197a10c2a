# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""From options to a key: reads the referenced file or variable, and says plainly what is wrong with it."""
from __future__ import annotations

import os

from ..errors import EngineError
from ..options import EncryptionOptions
from ..ports import Context
from . import keys

_MAXIMUM_FILE = 1 << 20


def read_secret_file(path: str, what: str) -> bytes:
    """The content of a small file that holds a secret. EngineError "key-file-unreadable"."""
    try:
        with open(path, "rb") as stream:
            content = stream.read(_MAXIMUM_FILE + 1)
    except OSError as exc:
        raise EngineError(
            "key-file-unreadable", f"The {what} {path} cannot be read: {os.strerror(exc.errno or 0)}",
            "Check the path and that the user who runs this may read it.") from exc
    if not content.strip() or len(content) > _MAXIMUM_FILE:
        raise EngineError("key-file-invalid", f"The {what} {path} is empty or too large", "Give the file that holds the secret.")
    return content


def load(options: EncryptionOptions, context: Context, *, new: bool = False) -> keys.Secret | keys.WriterBundle:
    """The secret or the writer's bundle that the options name; exactly one must be named.

    new: it is to make a slot, so a passphrase must be long enough. EngineError "key-not-given", "key-ambiguous", ….
    """
    known = ("passphrase_file", "passphrase_env", "key_file", "writer_key_file", "identity_file")
    given = [name for name in known if getattr(options, name)]
    if not options.enabled:
        if given:
            raise EngineError("key-ambiguous", f"encryption.enabled is false, and {given[0]} is given too", "Give one of the two.")
        return keys.Secret(keys.OPEN)
    if not given:
        raise EngineError(
            "key-not-given", "No key is named for the repository",
            "Give one of encryption.passphrase_file, passphrase_env, key_file, writer_key_file, identity_file; or enabled: false.")
    if len(given) > 1:
        raise EngineError("key-ambiguous", f"More than one key is named: {', '.join(given)}", "Give one of them.")
    value = getattr(options, given[0])
    if given[0] == "passphrase_env":
        if not context.environment.get(value):
            raise EngineError(
                "key-not-given", f"The environment variable {value} is not set or empty", "Set it, or give a passphrase_file.")
        return keys.passphrase(context.environment[value], new=new)
    content = read_secret_file(value, given[0].replace("_", " "))
    if given[0] == "passphrase_file":
        try:
            return keys.passphrase(content.decode().rstrip("\r\n"), new=new)
        except UnicodeDecodeError as exc:
            raise EngineError("key-file-invalid", f"The passphrase file {value} is not text in UTF-8", "Give it as key_file.") from exc
    if given[0] == "writer_key_file":
        return keys.import_writer(content)
    return keys.Secret(keys.OPERATOR if given[0] == "identity_file" else keys.KEY_FILE, content)
