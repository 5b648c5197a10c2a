# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Decides for each path of a walk whether it is left out, and by which rule.

In this order: what the scope cuts out; the user's patterns, relative to the root that is walked; the default exclusions,
relative to the area that a path is in (state directory, agent directory, home, system; workspaces have none). The last
rule that matches counts, and what lies in an excluded directory is excluded too, as in Git. Protected paths stay in
whatever the patterns say.
"""
from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Iterable, Mapping, Sequence

from . import default_exclusions
from .gitignore import Matcher, RuleSet, parse_rule
from .model import Finding, Instance, Root
from .paths import inside
from .protected import Protected

_CUT = object()  # the origin of a reason that comes from the scope
KNOWN_LIMIT = 20_000  # directories remembered; a walk needs only those between it and the root


def _default_rules(exclusions) -> RuleSet:
    rules = (parse_rule(pattern, exclusion.name) for exclusion in exclusions for pattern in exclusion.patterns)
    return RuleSet([rule for rule in rules if rule])


_NO_RULES = RuleSet([])
_AREAS = {
    "state": _default_rules(default_exclusions.STATE), "agent": _default_rules(default_exclusions.AGENT),
    "home": _default_rules(default_exclusions.HOME), "system": _default_rules(default_exclusions.SYSTEM), "workspace": _NO_RULES,
}


@dataclass
class _Directory:
    """What is known of one directory: why all of it is excluded, which rules are alive in it, whether nothing can match."""

    excluded: tuple | None  # as _judge gives it
    protected: bool
    defaults: RuleSet
    default_states: tuple
    pattern_states: tuple
    default_matcher: Matcher
    pattern_matcher: Matcher
    free: bool


class Exclusions:
    """The exclusions of one backup.

    instance: for areas and protected paths. roots: where walks begin. patterns: the user's, in gitignore syntax.
    cuts: path → name of the reason, for subtrees that the scope leaves out (Selection.cuts).
    """

    def __init__(self, instance: Instance, roots: Sequence[Root], patterns: Iterable[str] = (),
                 cuts: Mapping[str, str] | None = None) -> None:
        self._roots = {root.path for root in roots}
        rules = [parse_rule(line) for text in patterns for line in text.split("\n")]
        self._patterns = RuleSet([rule for rule in rules if rule])
        self._cuts = dict(cuts or {})
        self._protected = Protected(instance)
        self._areas = self._find_areas(instance, roots)
        self._above_areas = {directory for path in self._areas for directory in _above(path)}
        self._above_cuts = {os.path.dirname(path) for path in self._cuts}
        self._known: dict[str, _Directory] = {}
        self._kept: dict[str, list] = {}  # user pattern → [how many protected paths it would have left out, one of them]

    @staticmethod
    def _find_areas(instance: Instance, roots: Sequence[Root]) -> dict[str, RuleSet]:
        """Directory → the default exclusions that apply below it, up to the next area."""
        areas = {}
        state = [root.path for root in instance.roots if root.role == "state"]
        if any(root.role == "extra" for root in roots):
            areas[instance.home] = _AREAS["home"]
            areas["/"] = _AREAS["system"]
        for root in instance.roots:
            if root.role == "agent" and not any(inside(root.path, base) for base in state):
                areas[root.path] = _AREAS["agent"]
        areas.update({path: _AREAS["state"] for path in state})
        areas.update({root.path: _NO_RULES for root in instance.roots if root.role == "workspace"})
        return areas

    def reason(self, path: str, is_directory: bool) -> str | None:
        """Why a path is left out: the name of a default exclusion, "exclude <pattern>", or a cut's reason. None: it is captured.

        path: below a walk root, absolute, normalised. Directories may be asked for in any order.
        """
        parent, dummy, name = path.rpartition("/")
        if is_directory and name.startswith(default_exclusions.RESTORE_IN_PLACE):
            return "restore-in-place"
        here = self._known.get(parent)
        if here is None:
            here = self._enter(parent or "/")
        if here.free:
            return None
        verdict = self._judge(here, path, name, is_directory)
        return verdict[0] if verdict else None

    def descend(self, path: str) -> bool:
        """Whether a walk must enter an excluded directory, because something in it is captured all the same."""
        return path not in self._cuts and (path in self._protected.above or path in self._above_areas)

    def findings(self) -> list[Finding]:
        """One Finding for each user pattern that met protected paths so far."""
        return [
            Finding("exclusion-protected", f"the pattern {pattern} matches protected paths ({count}), which stay in the backup", path)
            for pattern, (count, path) in sorted(self._kept.items())
        ]

    def left_out(self, path: str) -> str | None:
        """Why a path is left out, itself or by a directory above it up to its root, entered or not. Counts nothing."""
        kept = {pattern: list(value) for pattern, value in self._kept.items()}
        reason = None if path in self._roots else self.reason(path, os.path.isdir(path))
        self._kept = kept
        return reason

    def _judge(self, here: _Directory, path: str, name: str, is_directory: bool) -> tuple | None:
        """(reason, origin) for what is left out, else None. origin: the user's pattern, _CUT, or None for a default exclusion."""
        verdict = self._verdict(here, path, name, is_directory)
        if verdict is None or verdict[1] is _CUT:
            return verdict
        if not here.protected and not self._protected.holds(path, is_directory):
            return verdict
        if verdict[1] is not None:
            count = self._kept.setdefault(verdict[1], [0, path])
            count[0] += 1
        return None

    def _verdict(self, here: _Directory, path: str, name: str, is_directory: bool) -> tuple | None:
        """The same before protection."""
        cut = self._cuts.get(path)
        if cut:
            return cut, _CUT
        if here.excluded is not None:
            # An area of its own, such as a workspace, is not left out by default with what surrounds it.
            return None if here.excluded[1] is None and path in self._areas else here.excluded
        found = here.pattern_matcher.find(name, is_directory)
        if found:
            rule = found[1]
            return None if rule.keep else (f"exclude {rule.label}", rule.label)
        found = here.default_matcher.find(name, is_directory)
        return (found[1].label, None) if found and not found[1].keep and path not in self._areas else None

    def _enter(self, path: str) -> _Directory:
        """What is known of a directory, worked out from the one above it."""
        if len(self._known) >= KNOWN_LIMIT:
            self._known.clear()
        excluded, protected = None, path in self._protected.trees
        if path in self._roots or path == "/":
            defaults, default_states = self._area_above(path)
            pattern_states = self._patterns.start if path in self._roots else ()
        else:
            parent, dummy, name = path.rpartition("/")
            above = self._known.get(parent or "/") or self._enter(parent or "/")
            protected = protected or above.protected
            verdict = None if above.free else self._verdict(above, path, name, True)
            excluded = verdict if verdict and (verdict[1] is _CUT or not protected) else None
            defaults, default_states = above.defaults, above.defaults.enter(above.default_states, name)
            pattern_states = self._patterns.enter(above.pattern_states, name)
            if path in self._areas:
                defaults, default_states = self._areas[path], self._areas[path].start
        default_matcher, pattern_matcher = defaults.matcher(default_states), self._patterns.matcher(pattern_states)
        free = excluded is None and default_matcher.empty and pattern_matcher.empty and path not in self._above_cuts
        known = self._known[path] = _Directory(
            excluded, protected, defaults, default_states, pattern_states, default_matcher, pattern_matcher, free)
        return known

    def _area_above(self, path: str) -> tuple[RuleSet, tuple]:
        """The default rules alive in a walk root, which may lie inside an area."""
        for directory in (path, *_above(path)):
            area = self._areas.get(directory)
            if area is not None:
                states = area.start
                for name in path[len(directory):].strip("/").split("/"):
                    states = area.enter(states, name) if name else states
                return area, states
        return _NO_RULES, ()


def _above(path: str) -> list[str]:
    found = []
    while path not in ("/", ""):
        path = os.path.dirname(path)
        found.append(path)
    return found
