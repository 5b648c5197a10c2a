# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Patterns in the syntax of gitignore, matched as Git does, fast for many paths that share directories.

A pattern is a chain of segments, one for each directory level. For each directory it is worked out once which patterns
are still alive there, and at which segment; what decides about a name in the directory is then one dictionary look-up
and one regular expression, shared by all directories with the same state. Differences from Git: matching is by
character, not by byte, so "?" matches "é"; patterns are case sensitive whatever the file system.
"""
from __future__ import annotations

import re
from dataclasses import dataclass

ANY_DEPTH = None  # the segment "**"
_CLASSES = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f", "digit": "0-9", "graph": r"\x21-\x7e",
    "lower": "a-z", "print": r"\x20-\x7e", "punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e", "space": r" \t\n\r\x0b\x0c", "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
_STARS = re.compile(r"\*\*+")


@dataclass(frozen=True)
class Rule:
    """One pattern. segments: regular expressions of one level each, None for "**". label: what matched, for counting."""

    segments: tuple
    keep: bool
    directories_only: bool
    label: str


class _Never(Exception):
    """A pattern that can match nothing, such as one with an unclosed bracket."""


def parse_rule(line: str, label: str | None = None) -> Rule | None:
    """The rule of one line; None for blank lines, comments and patterns that can match nothing."""
    text = _without_trailing_blanks(line.rstrip("\n"))
    if not text or text.startswith("#"):
        return None
    keep = text.startswith("!")
    text = text[1:] if keep else text
    directories_only = text.endswith("/")
    text = text[:-1] if directories_only else text
    anchored = "/" in text
    text = text[1:] if text.startswith("/") else text
    if not text:
        return None
    try:
        segments = [_segment(part) for part in _split(text)]
    except _Never:
        return None
    if not anchored:
        segments = [ANY_DEPTH, segments[0] if segments[0] is not ANY_DEPTH else ".*"]
    return Rule(tuple(_tidy(segments)), keep, directories_only, label or line.strip())


def _without_trailing_blanks(text: str) -> str:
    """Blanks at the end do not count unless a backslash stands before them."""
    end = len(text)
    while end and text[end - 1] == " ":
        backslashes = len(text[:end - 1]) - len(text[:end - 1].rstrip("\\"))
        if backslashes % 2:
            break
        end -= 1
    return text[:end]


def _split(text: str) -> list[str]:
    """The pieces between slashes; a slash in brackets does not separate, an escaped one does."""
    pieces, start, position = [], 0, 0
    while position < len(text):
        mark = text[position]
        if mark == "\\" and text[position + 1:position + 2] == "/":
            pieces.append(text[start:position])
            position += 2
            start = position
            continue
        if mark == "\\":
            position += 2
        elif mark == "[":
            position = _bracket_end(text, position)
        else:
            if mark == "/":
                pieces.append(text[start:position])
                start = position + 1
            position += 1
    pieces.append(text[start:])
    if any(not piece for piece in pieces):
        raise _Never
    return pieces


def _tidy(segments: list) -> list:
    """Several "**" in a row are one."""
    return [part for index, part in enumerate(segments) if part is not ANY_DEPTH or index == 0 or segments[index - 1] is not ANY_DEPTH]


def _segment(piece: str) -> str | None:
    """The regular expression of one level. Raises _Never."""
    if _STARS.fullmatch(piece):
        return ANY_DEPTH
    out, position = [], 0
    while position < len(piece):
        mark = piece[position]
        if mark == "*":
            while piece[position:position + 1] == "*":
                position += 1
            out.append(".*")
            continue
        if mark == "[":
            end = _bracket_end(piece, position)
            out.append(_bracket(piece[position + 1:end - 1]))
            position = end
            continue
        if mark == "\\":
            position += 1
            if position == len(piece):
                raise _Never
            mark = piece[position]
            out.append(re.escape(mark))
        else:
            out.append("." if mark == "?" else re.escape(mark))
        position += 1
    return "".join(out)


def _bracket_end(text: str, start: int) -> int:
    """The place behind the "]" that closes the "[" at start. Raises _Never when none does."""
    position = start + 1
    if text[position:position + 1] in ("!", "^"):
        position += 1
    first = True
    while position < len(text):
        mark = text[position]
        if mark == "]" and not first:
            return position + 1
        first = False
        if mark == "\\":
            position += 2
        elif mark == "[" and text[position + 1:position + 2] == ":":
            close = text.find("]", position + 2)
            if close < 0:
                raise _Never
            position = close + 1 if text[close - 1] == ":" and close - 1 > position + 1 else position + 1
        else:
            position += 1
    raise _Never


def _bracket(inner: str) -> str:
    """The regular expression of the inside of a bracket. Raises _Never."""
    negated = inner[:1] in ("!", "^")
    inner = inner[1:] if negated else inner
    out: list[str] = []
    position, previous = 0, ""
    while position < len(inner):
        mark = inner[position]
        if mark == "[" and inner[position + 1:position + 2] == ":":
            close = inner.find("]", position + 2)
            if close - 1 > position + 1 and inner[close - 1] == ":":
                name = inner[position + 2:close - 1]
                if name not in _CLASSES:
                    raise _Never
                out.append(_CLASSES[name])
                position, previous = close + 1, ""
                continue
        if mark == "-" and previous and position + 1 < len(inner):
            position += 2 if inner[position + 1] == "\\" else 1
            last = inner[position:position + 1]
            if not last:
                raise _Never
            if previous <= last:
                out.append(f"{re.escape(previous)}-{re.escape(last)}")
            position, previous = position + 1, ""
            continue
        if mark == "\\":
            position += 1
            mark = inner[position:position + 1]
            if not mark:
                raise _Never
        out.append(re.escape(mark))
        position, previous = position + 1, mark
    return f"[{'^' if negated else ''}{''.join(out)}]" if out else ("." if negated else r"(?!)")


class Matcher:
    """Decides about the names in directories that are in one state: which rule matches, the last of them winning."""

    __slots__ = ("_exact", "_endings", "_by_ending", "_rules", "_for_any", "_for_directories", "empty")

    def __init__(self, rules: list[tuple[int, Rule, str]]) -> None:
        """rules: (position in the list of all rules, rule, regular expression of its last segment), any order."""
        self._rules = {order: rule for order, rule, dummy in rules}
        self._exact: dict[str, list[int]] = {}
        self._by_ending: dict[str, list[int]] = {}
        globs = []
        for order, rule, expression in sorted(rules, key=lambda item: -item[0]):
            literal, ending = _literal(expression), _literal(expression[2:]) if expression.startswith(".*") else None
            if literal is not None:
                self._exact.setdefault(literal, []).append(order)
            elif ending:
                self._by_ending.setdefault(ending, []).append(order)
            else:
                globs.append((order, rule, expression))
        self._endings = tuple(self._by_ending)
        self._for_any = self._compile([item for item in globs if not item[1].directories_only])
        self._for_directories = self._compile(globs)
        self.empty = not rules

    @staticmethod
    def _compile(globs):
        """(match function, group number → position), the last rule first, or None."""
        if not globs:
            return None
        text = "|".join(f"({expression})" for dummy, dummy2, expression in globs)
        return re.compile(f"(?:{text})", re.DOTALL).fullmatch, [-1, *(order for order, dummy, dummy2 in globs)]

    def find(self, name: str, is_directory: bool) -> tuple[int, Rule] | None:
        """The rule that decides about a name, with its position; None when none matches."""
        best = -1
        if name in self._exact:
            best = self._latest(self._exact[name], is_directory, best)
        if self._endings and name.endswith(self._endings):
            for ending, orders in self._by_ending.items():
                if name.endswith(ending):
                    best = self._latest(orders, is_directory, best)
        globs = self._for_directories if is_directory else self._for_any
        if globs:
            found = globs[0](name)
            if found:
                best = max(best, globs[1][found.lastindex])
        return (best, self._rules[best]) if best >= 0 else None

    def _latest(self, orders: list[int], is_directory: bool, best: int) -> int:
        """The highest of these positions, which fall, whose rule is for such an entry; best where that is higher."""
        for order in orders:
            if is_directory or not self._rules[order].directories_only:
                return max(order, best)
        return best


def _literal(expression: str) -> str | None:
    """The one name that an expression matches, or None when it may match several."""
    plain = re.sub(r"\\(.)", "", expression, flags=re.DOTALL)
    if re.search(r"[.*\[(?]", plain):
        return None
    return re.sub(r"\\(.)", r"\1", expression, flags=re.DOTALL)


class RuleSet:
    """An ordered list of rules, and for each directory what is alive there.

    A state is a tuple of (rule position, segment position); start is that of the directory that patterns are relative to.
    """

    def __init__(self, rules: list[Rule]) -> None:
        self._rules = rules
        self._segments = [[part and re.compile(part, re.DOTALL).fullmatch for part in rule.segments] for rule in rules]
        self._matchers: dict[tuple, Matcher] = {}
        self.start: tuple = self._closed((order, 0) for order in range(len(rules)))

    def _closed(self, states) -> tuple:
        """The states, with those that follow because "**" may stand for no directory at all."""
        found = set()
        for order, position in states:
            found.add((order, position))
            if self._segments[order][position] is None and position + 1 < len(self._segments[order]):
                found.add((order, position + 1))
        return tuple(sorted(found))

    def enter(self, states: tuple, name: str) -> tuple:
        """The states in a directory of this name inside a directory with these states."""
        following = []
        for order, position in states:
            segment = self._segments[order][position]
            if segment is None:
                following.append((order, position))
            elif position + 1 < len(self._segments[order]) and segment(name):
                following.append((order, position + 1))
        return self._closed(following) if following else ()

    def matcher(self, states: tuple) -> Matcher:
        """What decides about the names in a directory with these states."""
        known = self._matchers.get(states)
        if known is None:
            last = []
            for order, position in states:
                rule = self._rules[order]
                if position + 1 == len(rule.segments):
                    last.append((order, rule, ".*" if rule.segments[position] is ANY_DEPTH else rule.segments[position]))
            known = self._matchers[states] = Matcher(last)
        return known
