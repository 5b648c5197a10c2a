# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Which service runs an instance's gateway: what the options name, where its living process is, what the host's files say."""
from __future__ import annotations

from ..capture.accounts import Account, current_user_id
from ..capture.locate import Location, locate
from ..capture.model import Instance
from ..capture.units import PRODUCTS
from ..errors import EngineError
from ..options import GatewayOptions, InstanceOptions
from ..ports import Context
from .ownership import find_owner, place_of
from .services import ContainerService, CustomService, Service, SystemdService, containers_with

ENGINES = ("docker", "podman")


def location_of(instance: Instance, context: Context, root: str = "/") -> Location:
    """An instance that was discovered, with its service and what the gateway sees of its environment."""
    own = instance.uid == current_user_id()  # whose home may be another than the one that the host has on record
    options = InstanceOptions(
        user=None if own else instance.user, profile=instance.profile or "default", state_dir=instance.state_dir,
        config_path=instance.config_path)
    return locate(options, context, root)


def detect(location: Location, options: GatewayOptions, context: Context) -> Service:
    """The service of an instance. One of kind "none" where nothing is known that runs it.

    Raises EngineError "option-invalid" for options that contradict each other.
    """
    account = location.account
    given = _given(options, account, context)
    if given is not None:
        return given
    owner = find_owner(location.state_dir)
    place = place_of(owner.pid) if owner else None
    running = SystemdService(context, place.unit, account if place.user else None) if place and place.unit else None
    if running is not None and _is_unit_of(running, owner.pid):
        return running
    service = location.service
    if service is not None and service.kind in ("user", "system"):
        return SystemdService(context, service.name, account if service.kind == "user" else None)
    if service is not None and service.kind == "quadlet":
        of_system = account.uid == 0 and not service.path.startswith(account.home + "/")
        return SystemdService(context, service.name, None if of_system else account)
    if owner is None or place.container:
        found = _container(location, context)
        if found is not None:
            return found
    return Service(context)


def _is_unit_of(service: SystemdService, pid: int) -> bool:
    """Whether a unit exists for the gateway: one started by hand is in the unit of whatever it was started from, sshd say."""
    if any(product in service.name for product in PRODUCTS):
        return True
    try:
        return service.status().pid == pid
    except EngineError:
        return False


def _given(options: GatewayOptions, account: Account, context: Context) -> Service | None:
    commands = bool(options.start_command or options.stop_command or options.status_command)
    if sum((commands, bool(options.unit), bool(options.container))) > 1:
        raise EngineError(
            "option-invalid", "The gateway is named in more than one way: unit, container and commands exclude each other",
            "Keep the one that runs it.")
    if commands and not (options.start_command and options.stop_command):
        raise EngineError(
            "option-invalid", "A gateway with commands of its own needs both start_command and stop_command",
            "Give the one that is missing.")
    if commands:
        return CustomService(context, options.start_command, options.stop_command, options.status_command)
    if options.unit:
        name = options.unit if "." in options.unit else f"{options.unit}.service"
        return SystemdService(context, name, account if options.unit_manager == "user" else None)
    if options.container:
        return ContainerService(context, options.container_engine, options.container, _engine_user(options.container_engine, account))
    return None


def _container(location: Location, context: Context) -> Service | None:
    """The container that mounts the state directory. Compose projects are found this way too."""
    for engine in ENGINES:
        for user in dict.fromkeys((_engine_user(engine, location.account), None)):
            try:
                names = containers_with(context, engine, user, location.state_dir)
            except EngineError:
                continue  # another user's containers
            gateways = [name for name in names if "cli" not in name.split("-")] or names
            if gateways:
                return ContainerService(context, engine, gateways[0], user)
    return None


def _engine_user(engine: str, account: Account) -> Account | None:
    """Podman's containers belong to whoever started them; Docker's to the host."""
    return account if engine == "podman" and account.uid != 0 else None
