# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What a config says about agents, workspaces and files elsewhere, as plain text values: nothing is resolved here."""
from __future__ import annotations

import re
from dataclasses import dataclass, field

from .config_file import Config

DEFAULT_AGENT = "main"
_FILE_KEY = re.compile(r"(?:.*[a-z])?(?:File|FilePath)|(?:cert|key|ca|credentials|serviceAccount)Path|passwordFile|tokenFile")
_NOT_KEPT = ("logging", "logs", "log")  # sections whose files are output
_AGENT_ID = re.compile(r"[^a-z0-9_-]+")
VALUE_LIMIT = 4096  # characters of a path
COUNT_LIMIT = 1000  # agents, and files named


@dataclass
class Agent:
    """One agent as the config has it. workspace, directory: text, or None where the config says nothing."""

    name: str
    workspace: str | None = None
    directory: str | None = None


@dataclass
class Settings:
    """agents: as configured, at least the default one. default_agent: its id. workspace: agents.defaults.workspace.
    files: values of settings that name a file (tokens, passwords, certificates). loose: (workspace or agentDir, value)
    found in text that does not parse. versions: as recorded by OpenClaw.
    """

    agents: list[Agent] = field(default_factory=list)
    default_agent: str = DEFAULT_AGENT
    workspace: str | None = None
    files: list[str] = field(default_factory=list)
    loose: list[tuple[str, str]] = field(default_factory=list)
    version: str | None = None
    variables: dict[str, str] = field(default_factory=dict)


def read_settings(config: Config) -> Settings:
    """Pick out of a config what discovery needs. Values of the wrong type are passed over."""
    settings = Settings()
    agents = _object(config.data.get("agents"))
    settings.workspace = _text(_object(agents.get("defaults")).get("workspace"))
    entries = _entries(agents)
    settings.agents = [Agent(name, _text(entry.get("workspace")), _text(entry.get("agentDir"))) for name, entry in entries.items()]
    chosen = [name for name, entry in entries.items() if entry.get("default") is True]
    settings.default_agent = (chosen or list(entries) or [DEFAULT_AGENT])[0]
    if not settings.agents:
        settings.agents = [Agent(DEFAULT_AGENT)]
    settings.files = _files(config.data)
    for name in ("workspace", "agentDir"):
        settings.loose.extend((name, value) for value in dict.fromkeys(config.scanned[name]) if _text(value))
    settings.version = (_text(_object(config.data.get("meta")).get("lastTouchedVersion"))
                        or _text(_object(config.data.get("wizard")).get("lastRunVersion")))
    variables = _object(config.data.get("env"))
    for source in (variables, _object(variables.get("vars"))):
        settings.variables.update({name: value for name, value in source.items() if isinstance(value, str)})
    return settings


def agent_id(text: str) -> str:
    """An agent's id as OpenClaw writes it: lower case letters, digits, "_" and "-", at most 64."""
    return _AGENT_ID.sub("-", text.strip().lower()).strip("-")[:64] or DEFAULT_AGENT


def _entries(agents: dict) -> dict[str, dict]:
    """The agents by id: `entries` is a map, the older `list` a list of objects with an id."""
    found: dict[str, dict] = {}
    listed = agents.get("list") if isinstance(agents.get("list"), list) else []
    pairs = list(_object(agents.get("entries")).items())
    pairs += [(entry.get("id"), entry) for entry in listed if isinstance(entry, dict)]
    for name, entry in pairs[:COUNT_LIMIT]:
        if isinstance(name, str) and isinstance(entry, dict):
            found.setdefault(agent_id(name), entry)
    return found


def _object(value) -> dict:
    return value if isinstance(value, dict) else {}


def _text(value) -> str | None:
    if isinstance(value, str) and value.strip() and len(value) < VALUE_LIMIT:
        return value.strip()
    return None


def _files(data: dict) -> list[str]:
    """Paths in settings such as tokenFile, and of secret providers with source "file"."""
    found: dict[str, None] = {}
    todo = [value for key, value in data.items() if key not in _NOT_KEPT]
    while todo and len(found) < COUNT_LIMIT:
        item = todo.pop()
        if isinstance(item, list):
            todo.extend(item)
        elif isinstance(item, dict):
            for key, value in item.items():
                from_file = key == "path" and item.get("source") == "file"
                if _text(value) and (from_file or _FILE_KEY.fullmatch(key)) and value.strip().startswith(("/", "~", "$")):
                    found.setdefault(value.strip())
                elif key not in _NOT_KEPT:
                    todo.append(value)
    return sorted(found)
