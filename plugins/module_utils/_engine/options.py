# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The options of all operations, as data. Modules, the host tool and tests build these from plain dicts.

Names and defaults are those of the modules' documentation.
"""
from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from .errors import EngineError

SCOPES = ("everything", "config", "state", "workspace")
KINDS = ("manual", "scheduled", "pre-update", "pre-restore", "migration")
CONSISTENCIES = ("live", "suspend", "stop")
ON_BUSY = ("live", "stop", "fail")  # what to do instead of a suspension that does not come about
LEVELS = ("quick", "data", "restore")


def from_dict(cls, values: dict | None):
    """Build an options class from a plain dict; None values take the default; an unknown name is an error.

    Nested option classes are built from nested dicts. Raises EngineError "option-unknown".
    """
    known = {item.name: item for item in dataclasses.fields(cls)}
    given = {}
    for name, value in (values or {}).items():
        if name not in known:
            raise EngineError("option-unknown", f"{cls.__name__} has no option {name!r}", f"Known options: {', '.join(sorted(known))}.")
        if value is None:
            continue
        nested = known[name].metadata.get("options")
        given[name] = from_dict(nested, value) if nested and isinstance(value, dict) else value
    return cls(**given)


@dataclass(frozen=True)
class StorageOptions:
    """Where a repository is. The last four and the endpoint fall back to the usual AWS environment variables."""

    url: str = ""
    endpoint: str | None = None
    region: str | None = None
    addressing_style: str = "auto"  # auto, path, virtual
    ca_bundle: str | None = None
    access_key_id_file: str | None = None
    secret_access_key_file: str | None = None
    profile: str | None = None
    upload_rate_limit: int = 0  # bytes per second, 0: none
    timeout: float = 60.0  # seconds that one request may stay silent


@dataclass(frozen=True)
class EncryptionOptions:
    """Which key opens the repository: references, never secrets."""

    enabled: bool = True
    passphrase_file: str | None = None
    passphrase_env: str | None = None
    key_file: str | None = None
    writer_key_file: str | None = None
    identity_file: str | None = None


@dataclass(frozen=True)
class IncludeOptions:
    """What is backed up beside the state directory."""

    workspace: bool = True
    extra_paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class InstanceOptions:
    """Which OpenClaw instance. All optional: the default is the one of the user who runs this."""

    instance: str | None = None
    user: str | None = None
    profile: str | None = None
    state_dir: str | None = None
    config_path: str | None = None


@dataclass(frozen=True)
class RetentionOptions:
    """How many snapshots stay. 0 turns a rule off. Ages are in days, by the storage's clock."""

    max_backups: int = 7
    max_age_days: int = 30
    keep_hourly: int = 0
    keep_daily: int = 0
    keep_weekly: int = 0
    keep_monthly: int = 0
    keep_yearly: int = 0


@dataclass(frozen=True)
class GatewayOptions:
    """How an instance's gateway is controlled. Times are in seconds.

    unit, container, commands: only where detection does not find what runs it. Commands are words, not shell text.
    """

    unit: str | None = None
    unit_manager: str = "user"  # user, system: whose unit it is
    container: str | None = None
    container_engine: str = "docker"  # docker, podman
    start_command: tuple[str, ...] = ()
    stop_command: tuple[str, ...] = ()
    status_command: tuple[str, ...] = ()  # ends with 0 while the gateway runs
    install_command: tuple[str, ...] = ()  # installs the OpenClaw of the version {version}, where the way is not found
    drain_timeout: float = 60.0  # how long running work may hold up a suspension
    stop_timeout: float = 345.0  # OpenClaw drains for up to 315 s, and its unit gives it 330
    start_timeout: float = 300.0  # until it is healthy
    dead_man_timeout: float = 120.0  # after which a stopped gateway is started again, whatever has become of this process


@dataclass(frozen=True)
class BackupOptions:
    """One backup."""

    scope: str = "everything"
    include: IncludeOptions = field(default_factory=IncludeOptions, metadata={"options": IncludeOptions})
    exclude: tuple[str, ...] = ()
    kind: str = "manual"
    name: str | None = None
    note: str = ""
    force: bool = False
    consistency: str = "live"
    on_busy: str = "live"
    gateway: GatewayOptions = field(default_factory=GatewayOptions, metadata={"options": GatewayOptions})


@dataclass(frozen=True)
class PruneOptions:
    """One prune. With delete, it removes just those snapshots; without, what retention does not keep."""

    retention: RetentionOptions = field(default_factory=RetentionOptions, metadata={"options": RetentionOptions})
    delete: tuple[str, ...] = ()
    max_delete_share: float = 0.5  # of all snapshots, at once


@dataclass(frozen=True)
class SlotOptions:
    """A key slot that there is to be, or not to be. What opens it is one of the references."""

    label: str = ""
    state: str = "present"  # present, absent
    passphrase_file: str | None = None
    passphrase_env: str | None = None
    key_file: str | None = None
    operator_public_file: str | None = None


@dataclass(frozen=True)
class RepositoryOptions:
    """How a repository and its keys are to be. The three files are made if they do not exist, never overwritten."""

    label: str = "first"
    fips: bool = False
    create_key_file: bool = False
    operator_identity_dest: str | None = None
    slots: tuple[SlotOptions, ...] = ()
    writer_key_dest: str | None = None
