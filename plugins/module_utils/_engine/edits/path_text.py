# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Absolute paths in text, rewritten from where they were captured to where they are on this host."""
from __future__ import annotations

import json
import re

from ..capture.paths import inside
from ..placement import Placement

# A path ends where one of these follows. A name goes on after a dot, unless that ends a sentence.
_NAME = r"\w.~%@+-"
_TAIL = r"""[^\s"'`,;:)\]}<>|&\\]*"""
_HOME_WORDS = r"~|\$HOME|\$\{HOME\}"


class PathText:
    """Rewrites by the moves of a placement. Idempotent: what leads to the new place already stays."""

    def __init__(self, placement: Placement) -> None:
        self._placement = placement
        self._moves = dict(placement.moves)
        for old, new in placement.moves:
            if inside(new, old):
                self._moves.setdefault(new, new)
        self._plain = self._pattern(lambda path: path)
        self._quoted = self._pattern(escaped)

    @property
    def moves(self) -> list[tuple[str, str]]:
        """(before, after), longest first."""
        return sorted(self._moves.items(), key=lambda move: -len(move[0]))

    def _pattern(self, write) -> re.Pattern:
        prefixes = "|".join(re.escape(write(old)) for old in sorted(self._moves, key=len, reverse=True)) or r"(?!)"
        start = rf"(?:(?<=://)|(?<![{_NAME}/}}]))"
        end = rf"(?=/|$|[^{_NAME}/]|\.(?:\s|$))"
        return re.compile(rf"{start}(?:(?P<move>{prefixes}){end}|(?P<home>{_HOME_WORDS})(?=/))(?P<tail>{_TAIL})", re.MULTILINE)

    def rewrite(self, text: str, quoted: bool = False) -> tuple[str, list[tuple[str, str]]]:
        """(the text with its paths rewritten, [(path before, path after)]), also inside of longer text.

        quoted: the text is JSON or JSON5 as it stands, so that unusual characters of a path are escapes.
        """
        pairs: list[tuple[str, str]] = []
        write = escaped if quoted else lambda path: path

        def change(found: re.Match) -> str:
            before, tail = found.group(), found.group("tail")
            if found.group("home"):
                after = self._from_home(tail)
                after = before if after is None else write(after)
            else:
                old = found.group("move")
                after = write(self._moves[unescaped(old) if quoted else old]) + tail
            if after != before:
                pairs.append((before, after))
            return after
        return (self._quoted if quoted else self._plain).sub(change, text), pairs

    def _from_home(self, tail: str) -> str | None:
        """The path here of "~" + tail, unless "~" leads there by itself."""
        source, target = self._placement.source.home, self._placement.target.home
        path = self._placement.path(source + tail)
        return None if path == target + tail else path

    def whole(self, text: str) -> str:
        """A text that is one absolute path or a file: URL, rewritten; any other text as it is."""
        scheme = "file://" if text.startswith("file://") else ""
        path = text[len(scheme):]
        for old, new in self.moves:
            if inside(path, old):
                return scheme + new + path[len(old):]
        return text

    def whole_in_json(self, value):
        """(value with every text in it that is one path rewritten, [(before, after)]). value: of parsed JSON."""
        pairs: list[tuple[str, str]] = []

        def change(item, depth: int):
            if isinstance(item, str):
                after = self.whole(item)
                if after != item:
                    pairs.append((item, after))
                return after
            if depth > 100:
                return item
            if isinstance(item, list):
                return [change(part, depth + 1) for part in item]
            if isinstance(item, dict):
                return {change(key, depth + 1): change(part, depth + 1) for key, part in item.items()}
            return item
        return change(value, 0), pairs


def escaped(path: str) -> str:
    """A path as it stands inside of a JSON or JSON5 string, whichever quotes that has."""
    return json.dumps(path, ensure_ascii=False)[1:-1].replace("'", "\\u0027")


def unescaped(text: str) -> str:
    """The reverse."""
    return json.loads(f'"{text}"')


def strings_of(value, name: str = ""):
    """(field, text) of every text in a parsed value, keys too. field: names joined by dots."""
    todo = [(name, value, 0)]
    while todo:
        place, item, depth = todo.pop()
        if isinstance(item, str):
            yield place, item
        elif depth < 200 and isinstance(item, list):
            todo.extend((f"{place}[{number}]", part, depth + 1) for number, part in enumerate(item))
        elif depth < 200 and isinstance(item, dict):
            for key, part in item.items():
                if key.startswith("/"):
                    yield place, key
                todo.append((f"{place}.{key}".lstrip("."), part, depth + 1))
