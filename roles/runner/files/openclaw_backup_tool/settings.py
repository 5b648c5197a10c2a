# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration of one instance, as data. Every name and type is checked; names are those of the modules' options."""
from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass, field

from openclaw_backup_engine import durations
from openclaw_backup_engine.errors import EngineError
from openclaw_backup_engine.options import (
    EncryptionOptions, GatewayOptions, IncludeOptions, InstanceOptions, RetentionOptions, StorageOptions)


@dataclass(frozen=True)
class Schedule:
    """When the host's timers run. Durations (6h, 1d), cron expressions or systemd calendars; "" or "off" for never."""

    backup: str = "1d"
    prune: str = "1d"
    verify: str = "7d"
    randomized_delay: str = ""
    preset: str = ""


@dataclass(frozen=True)
class Notify:
    """Who is told of failures."""

    on_failure: bool = True
    openclaw_event: bool = True
    webhook_url_file: str | None = None
    heartbeat_url_file: str | None = None
    mail_to: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    metrics_dir: str | None = None


@dataclass(frozen=True)
class Objectives:
    """How old the newest backup and the newest restore test may be before the instance counts as stale."""

    max_age: str = "26h"
    max_unverified_age: str = "35d"

    def seconds(self, name: str) -> int:
        """One of them in seconds; 0 where it is switched off. EngineError "option-invalid"."""
        text = getattr(self, name)
        return 0 if text in ("", "off") else durations.parse(text, f"objectives.{name}")


@dataclass(frozen=True)
class Proof:
    """How snapshots are proven on this host, if it is a staging host. place: a directory for the throw-away place; none: memory.

    programs: a directory of OpenClaw releases. snapshot: latest, or random. older: how many older ones are tried after a failure.
    memory: bytes that the gateway may take. timeout: seconds until it must be ready.
    """

    place: str | None = None
    programs: str | None = None
    snapshot: str = "latest"
    older: int = 3
    memory: int = 3 << 30
    timeout: float = 300.0


@dataclass(frozen=True)
class Settings:
    """Everything that the tool has to know of one instance."""

    instance: str | None = None
    user: str | None = None
    profile: str | None = None
    state_dir: str | None = None
    config_path: str | None = None
    enabled: bool = True
    scope: str = "everything"
    include: IncludeOptions = field(default_factory=IncludeOptions, metadata={"options": IncludeOptions})
    exclude: tuple[str, ...] = ()
    consistency: str = "live"
    on_busy: str = "live"
    gateway: GatewayOptions = field(default_factory=GatewayOptions, metadata={"options": GatewayOptions})
    storage: StorageOptions = field(default_factory=StorageOptions, metadata={"options": StorageOptions})
    encryption: EncryptionOptions = field(default_factory=EncryptionOptions, metadata={"options": EncryptionOptions})
    retention: RetentionOptions = field(default_factory=RetentionOptions, metadata={"options": RetentionOptions})
    max_delete_share: float = 0.5
    schedule: Schedule = field(default_factory=Schedule, metadata={"options": Schedule})
    notify: Notify = field(default_factory=Notify, metadata={"options": Notify})
    objectives: Objectives = field(default_factory=Objectives, metadata={"options": Objectives})
    proof: Proof = field(default_factory=Proof, metadata={"options": Proof})

    def instance_options(self) -> InstanceOptions:
        """Which instance of the host this is about."""
        return InstanceOptions(self.instance, self.user, self.profile, self.state_dir, self.config_path)


def parse(value, where: str, cls=Settings):
    """The settings that a parsed configuration file describes. EngineError "configuration-invalid" names the wrong setting."""
    settings = _build(cls, value, where, "")
    if not settings.storage.url:
        raise _invalid(f"{where} has no storage.url", "Set it to file:///directory or s3://bucket/prefix.")
    return settings


def _invalid(message: str, hint: str) -> EngineError:
    return EngineError("configuration-invalid", message, hint)


def _build(cls, value, where: str, prefix: str):
    if not isinstance(value, dict):
        raise _invalid(f"{where}: {prefix.rstrip('.') or 'the whole'} is not a table of settings", "Write it as { name: value, … }.")
    known = {item.name: item for item in dataclasses.fields(cls)}
    given = {}
    for name, content in value.items():
        if name not in known:
            raise _unknown(f"{prefix}{name}", [prefix + one for one in known], where)
        if content is None:
            continue
        given[name] = _value(known[name], content, where, prefix + name)
    return cls(**given)


def _value(setting: dataclasses.Field, content, where: str, name: str):
    """The value of one setting: a table of settings, a list of such tables, or what the options class declares."""
    nested, elements = setting.metadata.get("options"), setting.metadata.get("elements")
    if nested:
        return _build(nested, content, where, f"{name}.")
    if elements is None:
        return _checked(setting.type, content, where, name)
    if not isinstance(content, list):
        raise _invalid(f"{where}: {name} is not a list", f"Write it as {name}: [{{ … }}].")
    return tuple(_build(elements, one, where, f"{name}[{number}].") for number, one in enumerate(content))


def _unknown(name: str, known: list[str], where: str) -> EngineError:
    close = difflib.get_close_matches(name, known, 1)
    hint = f"Did you mean {close[0]}?" if close else f"Settings there: {', '.join(sorted(known))}."
    return _invalid(f"{where}: there is no setting {name}", hint)


def _checked(kind: str, value, where: str, name: str):
    """The value, if it is of the kind that the options class declares."""
    if kind.startswith("tuple"):
        texts = [value] if isinstance(value, str) else value
        if isinstance(texts, list) and all(isinstance(text, str) for text in texts):
            return tuple(texts)
        raise _invalid(f"{where}: {name} is not a list of texts", f"Write it as {name}: [\"…\"].")
    plain = kind.split(" ")[0]
    if plain == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    expected = {"str": str, "bool": bool, "int": int, "float": float}[plain]
    if not isinstance(value, expected) or isinstance(value, bool) and expected is not bool:
        words = {"str": "a text", "bool": "true or false", "int": "a whole number", "float": "a number"}
        raise _invalid(f"{where}: {name} is not {words[plain]}", f"Write it as {words[plain]}.")
    return value
