# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which instances there are: a file each in instances/, and, where there is a discover.json, all that the host has."""
from __future__ import annotations

import os
from dataclasses import dataclass, replace

from openclaw_backup_engine.capture import instance as instances
from openclaw_backup_engine.capture import json5_text
from openclaw_backup_engine.errors import EngineError
from openclaw_backup_engine.ports import Context
from openclaw_backup_engine.storage.location import check_instance

from .fleet_settings import FleetSettings
from .settings import Settings, parse

DIRECTORY = "/etc/openclaw-backup"
FLEET = ".fleet"  # what no instance is called
_MAXIMUM = 1 << 20  # bytes of a configuration file


@dataclass(frozen=True)
class Chosen:
    """An instance to work on, or FLEET. settings: None where its configuration is wrong, and error says how."""

    name: str
    settings: Settings | FleetSettings | None
    error: EngineError | None = None


def choose(directory: str, name: str | None, everything: bool, context: Context) -> list[Chosen]:
    """The instances that --instance or --all mean; by default the only one. EngineError where that is none, or not clear."""
    if name is not None:
        check_instance(name)
        path = _path(directory, name)
        if os.path.lexists(path):
            return [_read(path, name)]
        found = [one for one in _discovered(directory, [], context) if one.name == name]
        if found:
            return found
        known = ", ".join(one.name for one in _all(directory, context)) or "none"
        raise EngineError(
            "instance-not-configured", f"There is no instance {name} in {directory}", f"Instances there: {known}.")
    found = _all(directory, context)
    if not found:
        raise EngineError(
            "instance-not-configured", f"No instance is configured in {directory}",
            "Let the role openclaw_ops.backup.runner write its configuration, or name another directory with --config.")
    if len(found) > 1 and not everything:
        raise EngineError(
            "several-instances", f"There are {len(found)} instances, and none is named",
            f"Add --instance NAME or --all. Instances: {', '.join(one.name for one in found)}.")
    return found


def choose_fleet(directory: str) -> list[Chosen]:
    """The storage as a whole. EngineError "configuration-unreadable", "configuration-invalid"."""
    return [Chosen(FLEET, read_file(os.path.join(directory, "fleet.json"), FleetSettings))]


def _path(directory: str, name: str) -> str:
    return os.path.join(directory, "instances", name + ".json")


def _all(directory: str, context: Context) -> list[Chosen]:
    names = sorted(name[:-5] for name in _names(os.path.join(directory, "instances")) if name.endswith(".json") and name[0] != ".")
    configured = [_read(_path(directory, name), name) for name in names]
    return [*configured, *_discovered(directory, configured, context)]


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise _unreadable(directory, exc) from exc


def _unreadable(path: str, exc: OSError) -> EngineError:
    hint = "Run this as root." if isinstance(exc, PermissionError) else "Check the path."
    return EngineError("configuration-unreadable", f"{path} cannot be read: {os.strerror(exc.errno or 0)}", hint)


def _read(path: str, name: str) -> Chosen:
    try:
        check_instance(name)
        settings = read_file(path)
        if settings.instance not in (None, name):
            raise EngineError(
                "configuration-invalid", f"{path} is about the instance {settings.instance}", f"Rename it to {settings.instance}.json.")
        return Chosen(name, replace(settings, instance=name))
    except EngineError as exc:
        return Chosen(name, None, exc)


def read_file(path: str, cls=Settings):
    """The settings in a file. EngineError "configuration-unreadable", "configuration-invalid"."""
    try:
        with open(path, "rb") as stream:
            content = stream.read(_MAXIMUM + 1)
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    try:
        if len(content) > _MAXIMUM:
            raise ValueError("it is too large")
        value = json5_text.parse(content.decode())
    except ValueError as exc:
        hint = "Correct it there, or run the role runner again."
        raise EngineError("configuration-invalid", f"{path} is not JSON5: {exc}", hint) from exc
    return parse(value, path, cls)


def _discovered(directory: str, configured: list[Chosen], context: Context) -> list[Chosen]:
    """The host's instances that have no file of their own, with the settings of discover.json."""
    path = os.path.join(directory, "discover.json")
    if not os.path.lexists(path):
        return []
    common = read_file(path)
    taken = {one.name for one in configured} | {name[:-5] for name in _names(os.path.join(directory, "instances"))}
    places = {_state_dir(one.settings, context) for one in configured if one.settings}
    found = []
    for one in instances.discover_all(context):
        if one.name in taken or os.path.realpath(one.state_dir) in places:
            continue
        found.append(Chosen(one.name, replace(
            common, instance=one.name, user=one.user, profile=one.profile or "default", state_dir=one.state_dir)))
    return sorted(found, key=lambda item: item.name)


def _state_dir(settings: Settings, context: Context) -> str | None:
    try:
        return os.path.realpath(instances.discover(settings.instance_options(), context).state_dir)
    except EngineError:
        return None
