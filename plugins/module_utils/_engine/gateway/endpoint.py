# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Where a gateway listens, and the secret that opens it: from its lock, its service, its config and its environment.

The secret goes nowhere but into a connection to this host: never into an argument, a message or a result.
"""
from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..capture.config_file import include_roots, load_config
from ..capture.environment_files import substitute
from ..capture.locate import Location
from ..errors import EngineError
from .ownership import find_owner

DEFAULT_PORT = 18789
LOOPBACK = "127.0.0.1"
_PORT_ARGUMENT = re.compile(r"--port(?:=(\d+))?")
_SHORTHAND = re.compile(r"\$([A-Z][A-Z0-9_]{0,127})")


@dataclass(frozen=True)
class Endpoint:
    """host, port: on this host. tls: it wants encryption. secret_kind: token or password."""

    host: str
    port: int
    tls: bool = False
    secret: str = field(default="", repr=False)
    secret_kind: str = "token"

    @property
    def address(self) -> str:
        """For people."""
        return f"{self.host}:{self.port}"


def find_endpoint(location: Location) -> Endpoint:
    """The endpoint of an instance's gateway; whether it listens is not asked.

    Raises EngineError "gateway-secret-unknown" when the secret is kept where only the gateway itself finds it.
    """
    port, tls = find_port(location)
    gateway = _gateway_settings(location)
    auth = _object(gateway.get("auth"))
    kind = "password" if auth.get("mode") == "password" else "token"
    if auth.get("mode") == "none":
        return Endpoint(LOOPBACK, port, tls)
    variable = location.environment.get(f"OPENCLAW_GATEWAY_{kind.upper()}") or ""
    secret = _resolve(auth.get(kind), location.environment) if auth.get(kind) is not None else variable
    if not secret and not variable:
        raise EngineError(
            "gateway-secret-unknown", f"The gateway's {kind} is neither in {location.config_path} nor in its service's environment",
            f"Set gateway.auth.{kind} in the config, or OPENCLAW_GATEWAY_{kind.upper()} for the service.")
    return Endpoint(LOOPBACK, port, tls, secret or variable, kind)


def find_port(location: Location) -> tuple[int, bool]:
    """(port, whether it is encrypted): a running gateway's own word first, then what it would choose at its start."""
    gateway = _gateway_settings(location)
    tls = _object(gateway.get("tls")).get("enabled") is True
    owner = find_owner(location.state_dir)
    if owner and owner.port:
        return owner.port, tls
    service = location.service
    said = [_port_argument(service.command) if service else None, location.environment.get("OPENCLAW_GATEWAY_PORT"), gateway.get("port")]
    for value in said:
        text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
        if text.isdigit() and 0 < int(text) < 65536:
            return int(text), tls
    return (20_000 + _fnv1a(location.profile) % 40_000 if location.profile else DEFAULT_PORT), tls


def config_is_sound(location: Location) -> bool:
    """Whether the config can be parsed: a gateway does not start with one that cannot."""
    config = load_config(location.config_path, include_roots(location.environment, location.path_of), location.path_of)
    return not config.broken


def _gateway_settings(location: Location) -> dict:
    config = load_config(location.config_path, include_roots(location.environment, location.path_of), location.path_of)
    return _object(config.data.get("gateway"))


def _object(value) -> dict:
    return value if isinstance(value, dict) else {}


def _resolve(value, environment) -> str:
    """The text of a setting that may name an environment variable; "" for what only the gateway can look up."""
    if isinstance(value, dict) and value.get("source") == "env":
        return environment.get(str(value.get("id"))) or ""
    if not isinstance(value, str):
        return ""
    shorthand = _SHORTHAND.fullmatch(value)
    if shorthand:
        return environment.get(shorthand.group(1)) or ""
    text, missing = substitute(value, environment)
    return "" if missing else text


def _port_argument(command: list[str]) -> str | None:
    for index, word in enumerate(command):
        found = _PORT_ARGUMENT.fullmatch(word)
        if found:
            return found.group(1) or "".join(command[index + 1:index + 2])
    return None


def _fnv1a(text: str) -> int:
    """The 32-bit hash by which OpenClaw gives a profile its port."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value
