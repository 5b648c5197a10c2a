# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Setting one member of an object in a JSON5 text, with everything else in it, comments too, as it was."""
from __future__ import annotations

import json

from ..capture import json5_text


def with_member(text: str, names: tuple[str, ...], value) -> str | None:
    """The text in which the member of these names, outermost first, has a value; objects on the way are made.

    None where the text is not one object as JSON5 knows it, or where something else than an object is on the way. The caller
    parses the result and looks whether it says what it should.
    """
    found = _members(text)
    if () not in found:
        return None
    for depth in range(len(names), -1, -1):
        if names[:depth] not in found:
            continue
        start, end = found[names[:depth]]
        if depth == len(names):
            return text[:start] + json.dumps(value) + text[end:]
        if text[start] != "{":
            return None
        missing = value
        for name in reversed(names[depth + 1:]):
            missing = {name: missing}
        comma = "" if json5_text.parse(text[start:end]) == {} else ","
        return f"{text[:start + 1]}{json.dumps(names[depth])}: {json.dumps(missing)}{comma}{text[start + 1:]}"
    return None


def _members(text: str) -> dict[tuple[str, ...], tuple[int, int]]:
    """Where the value of each member of nested objects begins and ends; () is the whole. What is in lists is left out.

    For texts that json5_text.parse() takes. Of a name that comes twice the last counts, as it does for a parser.
    """
    try:
        json5_text.parse(text)
    except json5_text.Json5Error:
        return {}
    found: dict[tuple[str, ...], tuple[int, int]] = {}
    path: list[str | None] = []  # the names on the way; None is a place in a list
    opened: list[tuple[int, bool]] = []  # (where a bracket began, whether it is an object's)
    key: str | None = None
    position = 0
    while position < len(text):
        token = json5_text.TOKEN.match(text, position)
        if token is None:
            return {}
        kind, word, start, position = token.lastgroup, token.group(), position, token.end()
        if kind == "space" or word in ":,":
            continue
        if word in ("{", "["):
            if opened:
                path.append(key if opened[-1][1] else None)
            opened.append((start, word == "{"))
            key = None
        elif word in ("}", "]"):
            begun, _is_object = opened.pop()
            if None not in path:
                found[tuple(path)] = (begun, position)
            if path:
                path.pop()
            key = None
        elif opened and opened[-1][1] and key is None:
            key = json5_text.parse(word) if kind == "text" else word
        else:
            if key is not None and None not in path:
                found[(*path, key)] = (start, position)
            key = None
    return found
