# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Where one OpenClaw keeps its state and config: the same decisions that OpenClaw takes when it starts.

Home: OPENCLAW_HOME, HOME, the user's. State: OPENCLAW_STATE_DIR, else `~/.openclaw-<profile>` for a profile, else
`~/.openclaw`, else `~/.clawdbot` when only that exists. Config: OPENCLAW_CONFIG_PATH, else `openclaw.json` in the state
directory, else the older `clawdbot.json` there. What options say counts most, then this process's OPENCLAW_* variables
(only when the instance is this user's own), then what the service sets.
"""
from __future__ import annotations

import os
from dataclasses import dataclass, field

from ..errors import EngineError
from ..options import InstanceOptions
from ..ports import Context
from .accounts import Account, current_user_id, find_account, host_name
from .containers import find_containers, to_host
from .environment_files import read_environment_file, substitute
from .model import Finding
from .paths import expand, place_below
from .units import Service, find_units, normal_profile

STATE_NAME, LEGACY_STATE_NAME = ".openclaw", ".clawdbot"
CONFIG_NAME, LEGACY_CONFIG_NAME = "openclaw.json", "clawdbot.json"
CONTAINER_HOME = "/home/node"
CONTAINER_KINDS = ("quadlet", "compose")


@dataclass
class Location:
    """What is decided about one instance before its config is read.

    home: where "~" leads, on this host. services: all of the user's; service: the one that runs this state, if any.
    environment: what the gateway sees, as far as files tell. explicit: OPENCLAW_* of this process that were taken.
    vouched: the state directory was named by whoever runs this or by the system, not by something its user can write.
    """

    account: Account
    home: str
    profile: str | None
    state_dir: str
    config_path: str
    root: str = "/"
    host: str = "host"
    services: list[Service] = field(default_factory=list)
    service: Service | None = None
    environment: dict[str, str] = field(default_factory=dict)
    explicit: dict[str, str] = field(default_factory=dict)
    vouched: bool = False
    findings: list[Finding] = field(default_factory=list)

    def path_of(self, text: str, base: str | None = None) -> str:
        """The path on this host that a path in the config means; the gateway may see it from inside a container."""
        mounts = self.service.mounts if self.service else []
        if mounts:
            inner_home = self.service.environment.get("HOME") or CONTAINER_HOME
            inner = expand(text, inner_home, base or inner_home)
            mapped = to_host(inner, mounts)
            if mapped:
                return mapped
        return place_below(expand(text, self.home, base or self.home), self.root)

    def resolve(self, text: str) -> str | None:
        """The same after `${NAME}`; None, and a Finding, when a variable has no value."""
        filled, missing = substitute(text, self.environment)
        if missing:
            self.findings.append(Finding(
                "config-variable-missing", f"a path in the config needs {', '.join(missing)}, which nothing here sets", self.config_path))
            return None
        return self.path_of(filled)


def locate(options: InstanceOptions, context: Context, root: str = "/", account: Account | None = None,
           services: list[Service] | None = None) -> Location:
    """Decide where the instance of the options is. Nothing need exist. Raises EngineError for options that make no sense."""
    environment = context.environment
    own_home = _own_home(environment)
    account = account or find_account(options.user, root, own_home)
    own = account.uid == current_user_id()
    if own and own_home and options.user is None and root == "/":
        account = Account(account.name, account.uid, account.gid, own_home)
    host = host_name(root)
    if services is None:
        services = [*find_units(account, root, host), *find_containers(account, root, host)]
    said = {name: value.strip() for name, value in environment.items() if name.startswith("OPENCLAW_") and value.strip()} if own else {}
    home = _home(said, account.home, root)
    profile = normal_profile(options.profile)
    if options.profile is None and not options.state_dir:
        profile = normal_profile(said.get("OPENCLAW_PROFILE"))
    candidates = [service for service in services if service.gateway and service.profile == profile]
    state_dir = _state_dir(options, said, home, profile, candidates, root)
    service = _service_of(state_dir, [*candidates, *services], account.home, root)
    location = Location(account, home, profile, state_dir, "", root, host, services, service, {}, said)
    if service:
        location.home = _home(said, account.home, root, service)
        if options.profile is None and profile is None:
            location.profile = service.profile
    location.vouched = bool(options.state_dir or (service and service.kind == "system"))
    location.config_path = _config_path(options, location)
    _gather_environment(location, environment if own else {})
    return location


def _own_home(environment) -> str | None:
    """This process's HOME, if it is this user's: after a sudo it may still be that of the one who called."""
    home = environment.get("HOME") or ""
    try:
        if home.startswith("/") and os.stat(home).st_uid == current_user_id():
            return os.path.normpath(home)
    except OSError:
        pass
    return None


def _home(said: dict[str, str], user_home: str, root: str, service: Service | None = None) -> str:
    """Where OpenClaw looks for "~" on this host."""
    set_by_service = service.environment if service and service.kind not in CONTAINER_KINDS else {}
    for value in (said.get("OPENCLAW_HOME"), set_by_service.get("OPENCLAW_HOME"), set_by_service.get("HOME")):
        if value and value.startswith(("/", "~")):
            return place_below(expand(value, user_home, "/"), root)
    return user_home


def state_dir_of(service: Service, user_home: str, root: str = "/") -> str | None:
    """The state directory that a service uses on this host; None when only a container engine knows it."""
    if service.kind in CONTAINER_KINDS:
        inner = service.environment.get("OPENCLAW_STATE_DIR")
        if inner:
            return to_host(os.path.normpath(inner), service.mounts)
        for target, source in service.mounts:
            if os.path.basename(target) in (STATE_NAME, LEGACY_STATE_NAME):
                return source
        return None
    home = _home({}, user_home, root, service)
    override = service.environment.get("OPENCLAW_STATE_DIR") or service.environment.get("CLAWDBOT_STATE_DIR")
    if override and override.strip():
        return place_below(expand(override, home, home), root)
    return default_state_dir(home, service.profile)


def default_state_dir(home: str, profile: str | None) -> str:
    """Where the state is when nothing says otherwise."""
    if profile:
        return f"{home}/{STATE_NAME}-{profile}"
    usual, legacy = f"{home}/{STATE_NAME}", f"{home}/{LEGACY_STATE_NAME}"
    return legacy if os.path.isdir(legacy) and not os.path.lexists(usual) else usual


def _absolute(value: str, option: str, home: str, root: str) -> str:
    if not value.startswith(("/", "~")):
        raise EngineError("path-relative", f"The option {option} is a relative path: {value}", "Give an absolute path.",
                          {"option": option, "path": value})
    return place_below(expand(value, home, "/"), root)


def _state_dir(options: InstanceOptions, said: dict[str, str], home: str, profile: str | None, candidates, root: str) -> str:
    if options.state_dir:
        return _absolute(options.state_dir, "state_dir", home, root)
    if options.profile is None and said.get("OPENCLAW_STATE_DIR"):
        return place_below(expand(said["OPENCLAW_STATE_DIR"], home, home), root)
    usual = default_state_dir(home, profile)
    served = [state_dir_of(service, home, root) for service in candidates]
    existing = [path for path in served if path and os.path.isdir(path)]
    return existing[0] if existing and usual not in existing else usual


def _service_of(state_dir: str, services: list[Service], user_home: str, root: str) -> Service | None:
    """The service that runs a state directory: gateways only, in the order given."""
    wanted = os.path.realpath(state_dir)
    for service in services:
        path = state_dir_of(service, user_home, root) if service.gateway else None
        if path and os.path.realpath(path) == wanted:
            return service
    return None


def _config_path(options: InstanceOptions, location: Location) -> str:
    if options.config_path:
        return _absolute(options.config_path, "config_path", location.home, location.root)
    said = location.explicit.get("OPENCLAW_CONFIG_PATH")
    if said and not options.state_dir and options.profile is None:
        return place_below(expand(said, location.home, location.home), location.root)
    service = location.service
    set_by_service = service and (service.environment.get("OPENCLAW_CONFIG_PATH") or service.environment.get("CLAWDBOT_CONFIG_PATH"))
    if set_by_service:
        return location.path_of(set_by_service)
    usual, legacy = f"{location.state_dir}/{CONFIG_NAME}", f"{location.state_dir}/{LEGACY_CONFIG_NAME}"
    return legacy if os.path.isfile(legacy) and not os.path.lexists(usual) else usual


def _gather_environment(location: Location, process: dict) -> None:
    """What the gateway sees: service, then `.env` of the state directory and the gateway's own file, then this process."""
    known = dict(location.service.environment) if location.service else {}
    known.update(location.explicit)
    for path in environment_places(location):
        values, findings = read_environment_file(path, "dotenv")
        location.findings.extend(findings)
        for name, value in values.items():
            known.setdefault(name, value)
    for name, value in process.items():
        known.setdefault(name, value)
    location.environment = known
    if location.service:
        location.findings.extend(location.service.findings)


def environment_places(location: Location) -> list[str]:
    """Where OpenClaw looks for environment files by itself; they need not exist."""
    return [f"{location.state_dir}/.env", f"{location.home}/.config/openclaw/gateway.env"]
