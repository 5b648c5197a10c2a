# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""A restored state that is not live yet: where its files lie now, and the report of what was changed in it.

Everything in it was written by others. So files are reached without following links that lie in it: one could lead into
the live state, or anywhere.
"""
from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from functools import cached_property
from typing import Callable

from ..capture.layout import AGENT_DATABASE, STATE_DATABASE
from ..capture.paths import inside, list_names
from ..placement import Placement

FILE_LIMIT = 256 << 20  # bytes of a file that is read whole; indexes of old sessions are the largest


@dataclass(frozen=True)
class Change:
    """One thing that was changed. before and after are paths, states or counts; never secrets or what people wrote.

    kind: "path" (rewritten to fit this host), "link", "held" (would have acted on the past), "removed" (belonged to a process that
    is gone), "anchor" (what OpenClaw compares its config with), "identity", "merged".
    """

    kind: str
    path: str
    field: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class Unmapped:
    """A path in the restored state that leads to nothing on this host, or that could not be rewritten. reason: one line."""

    path: str
    field: str
    value: str
    reason: str


@dataclass
class EditReport:
    """What was changed, in order, and what could not be."""

    changes: list[Change] = field(default_factory=list)
    unmapped: list[Unmapped] = field(default_factory=list)

    def to_dict(self) -> dict:
        """JSON-native."""
        return {"changes": [vars(item) for item in self.changes], "unmapped": [vars(item) for item in self.unmapped]}


class Staged:
    """meta: of the snapshot's manifest. placement: where it goes. disk: from a path on this host to where that file lies now.

    sources: paths of this host of what is staged only to have something merged from it into the live state (partial.py).
    """

    def __init__(self, meta: dict, placement: Placement, disk: Callable[[str], str], sources: frozenset[str] = frozenset()) -> None:
        self.meta, self.placement, self.sources, self._disk = meta, placement, sources, disk

    @property
    def state_dir(self) -> str:
        """The state directory's path on this host; where it is a link, what that leads to."""
        return next((path for path, role in self._roots if role == "state"), self.placement.target.state_dir)

    @cached_property
    def _roots(self) -> list[tuple[str, str]]:
        """(path on this host, role) of what is staged; links are left out. Looked at when first needed: then all is staged."""
        found = []
        for root in self.meta["roots"]:
            path = self.placement.path(root["path"])
            try:
                status = os.lstat(self._disk(path))
            except OSError:
                continue
            if not stat.S_ISLNK(status.st_mode):
                found.append((path, root["role"]))
        return list(dict.fromkeys(found))

    def roots(self, *roles: str) -> list[str]:
        """The staged roots of these roles, or all, as paths on this host."""
        return list(dict.fromkeys(path for path, role in self._roots if not roles or role in roles))

    def top_roots(self) -> list[str]:
        """The roots that lie in no other one."""
        paths = self.roots()
        return [path for path in paths if not any(path != other and inside(path, other) for other in paths)]

    def locate(self, path: str) -> str | None:
        """Where a path on this host lies now; None where it is not staged, or is reached through a link. It need not exist."""
        root = max((base for base, _role in self._roots if inside(path, base)), key=len, default=None)
        if root is None:
            return None
        place = self._disk(root)
        for name in path[len(root):].strip("/").split("/") if path != root else ():
            if os.path.islink(place):
                return None
            place = f"{place}/{name}"
        return None if os.path.islink(place) else place

    def files(self, directory: str, suffix: str = "") -> list[str]:
        """The regular files directly in a directory of this host that are staged, by their paths on this host."""
        place = self.locate(directory)
        names = list_names(place) if place else []
        return [f"{directory}/{name}" for name in names if name.endswith(suffix) and _is_file(f"{place}/{name}")]

    def config_file(self) -> str:
        """The main config file's path on this host; where it is a link, the path of what that leads to."""
        source = self.placement.source.config_path
        listed = [root["path"] for root in self.meta["roots"] if root["role"] == "config"]
        main = source if source in listed else next((path for path in listed if os.path.basename(path).endswith(".json")), source)
        staged = self.placement.path(main)
        if self.locate(staged) is None and listed:
            staged = self.placement.path(listed[0])  # the content comes first, the link to it after it
        return staged

    def state_database(self) -> str | None:
        """The global database's path on this host, if it is staged."""
        return self._existing(f"{self.state_dir}/{STATE_DATABASE}")

    def own_state_database(self) -> str | None:
        """The same, unless it is a source only."""
        path = self.state_database()
        return None if path in self.sources else path

    def own_agent_databases(self) -> list[str]:
        """agent_databases() without those that are sources only."""
        return [path for path in self.agent_databases() if path not in self.sources]

    def agent_databases(self) -> list[str]:
        """The agents' databases, by their paths on this host."""
        agents = self.locate(f"{self.state_dir}/agents")
        places = [f"{self.state_dir}/agents/{name}/agent" for name in (list_names(agents) if agents else ())]
        for root in self.roots("agent"):
            places += [root, f"{root}/agent"]
        found = (self._existing(f"{place}/{AGENT_DATABASE}") for place in places)
        return list(dict.fromkeys(path for path in found if path))

    def _existing(self, path: str) -> str | None:
        place = self.locate(path)
        return path if place and _is_file(place) else None


def _is_file(place: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(place).st_mode)
    except OSError:
        return False


def read_text(place: str) -> str | None:
    """The text of a staged regular file; None where there is none, or one that is too large or not UTF-8."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode) or os.fstat(descriptor).st_size > FILE_LIMIT:
            return None
        try:
            return stream.read().decode("utf-8", "strict")
        except UnicodeDecodeError:
            return None


def write_text(place: str, text: str) -> None:
    """Replace the content of a staged file in place, so that its owner, mode and attributes stay. OSError."""
    descriptor = os.open(place, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(text.encode())
        stream.truncate()
