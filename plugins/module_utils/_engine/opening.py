# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""From the options that every operation has to an instance's name, its storage and its opened repository."""
from __future__ import annotations

from .capture import instance as instances
from .errors import EngineError
from .options import EncryptionOptions, InstanceOptions, StorageOptions
from .ports import Context
from .repository import access
from .repository.repository import Repository, open_repository
from .storage.base import Storage
from .storage.open import list_instances, open_storage


def instance_name(options: InstanceOptions, storage: StorageOptions, context: Context) -> str:
    """Whose repository is meant: the one that is named, else this host's instance, else the only one of the storage.

    Raises EngineError: those of discovery, and "instance-not-given" where a storage holds several.
    """
    if options.instance:
        return options.instance
    try:
        return instances.discover(options, context).name
    except EngineError as exc:
        if exc.code != "instance-missing" or any((options.user, options.profile, options.state_dir, options.config_path)):
            raise
    found = list_instances(storage, context)
    if len(found) == 1:
        return found[0]
    shown = ", ".join(found[:10]) or "none"
    raise EngineError(
        "instance-not-given", f"No instance is named, this host has none, and {storage.url} holds {len(found)} repositories",
        f"Set instance. Repositories there: {shown}.", {"instances": found})


def storage_of(name: str, options: StorageOptions, context: Context, initialise: bool = False) -> Storage:
    """The storage of one instance's repository."""
    return open_storage(options, name, context, initialise)


def repository_of(name: str, options: StorageOptions, encryption: EncryptionOptions, context: Context) -> Repository:
    """The opened repository of an instance. Raises EngineError of storage, key and repository."""
    return open_repository(open_storage(options, name, context), access.load(encryption, context), context)


def has_key(encryption: EncryptionOptions) -> bool:
    """Whether the options name any key, or say that none is needed."""
    return not encryption.enabled or any((
        encryption.passphrase_file, encryption.passphrase_env, encryption.key_file, encryption.writer_key_file, encryption.identity_file))
