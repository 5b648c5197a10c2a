# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""OpenClaw's config: a JSON5 file that may include others. Whatever is wrong with it becomes a Finding, never an error.

The rules of `$include` are OpenClaw's own: a path or a list of paths, relative to the file that says it, at any depth of
the config, at most ten files deep, inside the directory of the top file or a directory of OPENCLAW_INCLUDE_ROOTS, checked
again after links are resolved; lists join, objects merge, the including file wins.
"""
from __future__ import annotations

import os
from dataclasses import dataclass, field

from . import json5_text
from .model import Finding
from .paths import TooLarge, inside, read_small_text

SIZE_LIMIT = 8 << 20  # bytes of the top file
INCLUDE_SIZE_LIMIT = 2 << 20  # bytes of one included file, as in OpenClaw
INCLUDE_DEPTH = 10
INCLUDE_COUNT = 500  # inclusions of one config
INCLUDE_KEY = "$include"
SCANNED = ("workspace", "agentDir", INCLUDE_KEY)
_BLOCKED = ("__proto__", "prototype", "constructor")


@dataclass
class Config:
    """What was read of a config and the files it includes.

    data: the merged value, {} when nothing could be parsed. files: included files in the order of reading, links not
    resolved. broken: some file has a syntax error or could not be read. scanned: values of the keys in SCANNED that were
    found by searching the text of broken files.
    """

    path: str
    data: dict = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    broken: bool = False
    exists: bool = False
    scanned: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in SCANNED})
    findings: list[Finding] = field(default_factory=list)


def include_roots(environment, path_of) -> list[str]:
    """The directories of OPENCLAW_INCLUDE_ROOTS: a list joined by colons, relative ones are dropped.

    path_of: gives the path on this host of an absolute path or one that begins with "~".
    """
    roots = []
    for item in (environment.get("OPENCLAW_INCLUDE_ROOTS") or "").split(":"):
        item = item.strip()
        if item.startswith(("/", "~")):
            roots.append(path_of(item))
    return roots


def load_config(path: str, allowed_roots=(), translate=None) -> Config:
    """Read a config with everything it includes.

    path: absolute; need not exist. allowed_roots: more directories that includes may be in. translate: maps an absolute
    path of the config to a path of this host (a container's, a mounted disk's), or None.
    """
    config = Config(path)
    reader = _Reader(config, [os.path.dirname(path), *allowed_roots], translate or (lambda name: name))
    value = reader.read(path, (), SIZE_LIMIT)
    if isinstance(value, dict):
        config.data = value
    elif config.exists and not config.broken:
        config.broken = True
        config.findings.append(Finding("config-not-an-object", "the config does not hold an object", path))
    return config


class _Reader:
    """Follows includes for one config and notes everything there."""

    def __init__(self, config: Config, allowed: list[str], translate) -> None:
        self._config = config
        self._allowed = [(root, os.path.realpath(root)) for root in allowed]
        self._translate = translate
        self._reads = 0

    def _note(self, code: str, message: str, path: str) -> None:
        finding = Finding(code, message, path)
        if finding not in self._config.findings:
            self._config.findings.append(finding)

    def read(self, path: str, chain: tuple[str, ...], limit: int):
        """The value of one file with its includes merged in; None when it cannot be read or parsed."""
        kind = "included config file" if chain else "config"
        try:
            text = read_small_text(path, limit)
        except (FileNotFoundError, NotADirectoryError):
            if chain:
                self._note("include-missing", "a config file that is included does not exist", path)
            return None
        except TooLarge:
            self._broken("config-too-large", f"the {kind} has more than {limit} bytes and was not read", path)
            return None
        except OSError as exc:
            self._broken("config-unreadable", f"the {kind} cannot be read: {exc.strerror or exc}", path)
            return None
        self._config.exists = self._config.exists or not chain
        try:
            value = json5_text.parse(text)
        except json5_text.Json5Error as exc:
            self._broken("config-syntax", f"the {kind} is not valid JSON5: {exc}", path)
            return self._scan(text, path, chain)
        return self._resolve(value, path, (*chain, path), 0)

    def _broken(self, code: str, message: str, path: str) -> None:
        self._config.broken = True
        self._note(code, message, path)

    def _scan(self, text: str, path: str, chain: tuple[str, ...]) -> None:
        """Take what a search finds in a text that does not parse, and still read the files it includes."""
        for name, values in json5_text.scan_strings(text, SCANNED).items():
            self._config.scanned[name].extend(values)
            if name == INCLUDE_KEY:
                for value in values:
                    self._merge_into_data(self._include(value, path, (*chain, path)))

    def _merge_into_data(self, value) -> None:
        if isinstance(value, dict):
            # Where in the config the broken file wanted it is not known: keep what discovery understands anywhere.
            self._config.scanned["workspace"].extend(_strings_of(value, "workspace"))
            self._config.scanned["agentDir"].extend(_strings_of(value, "agentDir"))

    def _resolve(self, value, path: str, chain: tuple[str, ...], depth: int):
        if depth > json5_text.DEPTH_LIMIT:
            self._broken("config-too-deep", f"the config nests deeper than {json5_text.DEPTH_LIMIT} levels", path)
            return None
        if isinstance(value, list):
            return [self._resolve(item, path, chain, depth + 1) for item in value]
        if not isinstance(value, dict):
            return value
        own = {key: self._resolve(item, path, chain, depth + 1) for key, item in value.items() if key != INCLUDE_KEY}
        if INCLUDE_KEY not in value:
            return own
        included = self._include_all(value[INCLUDE_KEY], path, chain)
        if not own:
            return included
        return merge(included, own) if isinstance(included, dict) else own

    def _include_all(self, wanted, path: str, chain: tuple[str, ...]):
        if isinstance(wanted, str):
            return self._include(wanted, path, chain)
        if not isinstance(wanted, list) or not all(isinstance(item, str) for item in wanted):
            self._note("include-invalid", "$include must be a path or a list of paths", path)
            return None
        merged: dict = {}
        for item in wanted:
            value = self._include(item, path, chain)
            merged = merge(merged, value) if value is not None else merged
        return merged

    def _include(self, wanted: str, path: str, chain: tuple[str, ...]):
        """The value of an included file, or None."""
        place = self._place(wanted, path)
        if place is None:
            self._note("include-outside", "$include leads out of the config directory and of OPENCLAW_INCLUDE_ROOTS; "
                       "OpenClaw refuses it, so it is not followed", path)
            return None
        if place in chain:
            self._note("include-cycle", "config files include each other", place)
            return None
        if len(chain) > INCLUDE_DEPTH:
            self._note("include-too-deep", f"$include nests deeper than {INCLUDE_DEPTH} files", path)
            return None
        self._reads += 1  # not the number of files: a few that include each other repeatedly would never end
        if self._reads > INCLUDE_COUNT:
            self._note("include-too-many", f"the config includes files more than {INCLUDE_COUNT} times", path)
            return None
        if place not in self._config.files and os.path.exists(place):
            self._config.files.append(place)
        return self.read(place, chain, INCLUDE_SIZE_LIMIT)

    def _place(self, wanted: str, path: str) -> str | None:
        """Where an include leads, or None when that is not allowed."""
        if not wanted or "\0" in wanted or len(wanted) >= 4096:
            return None
        place = os.path.normpath(os.path.join(os.path.dirname(path), wanted))
        if os.path.isabs(wanted):
            place = self._translate(place)
        if not any(inside(place, root) for root, dummy in self._allowed):
            return None
        real = os.path.realpath(place)
        return place if any(inside(real, root) for dummy, root in self._allowed) else None


def _strings_of(value, name: str) -> list[str]:
    """The string values of a key anywhere inside a value."""
    found, todo = [], [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            if isinstance(item.get(name), str):
                found.append(item[name])
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return found


def merge(first, second):
    """OpenClaw's merge of config values: lists join, objects merge, of anything else the second counts."""
    if isinstance(first, list) and isinstance(second, list):
        return first + second
    if isinstance(first, dict) and isinstance(second, dict):
        merged = dict(first)
        for key, value in second.items():
            if key not in _BLOCKED:
                merged[key] = merge(merged[key], value) if key in merged else value
        return merged
    return second
