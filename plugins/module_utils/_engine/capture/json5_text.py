# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""JSON5 in good time: rewritten as JSON for the standard parser, and a search that survives syntax errors.

The json5 package reads about 100 KB per second; this rewriting reads some megabytes. What it cannot rewrite is given
to the json5 package, which has the last word on what is valid.
"""
from __future__ import annotations

import json
import re

from .. import dependencies

SLOW_PARSER_LIMIT = 256 * 1024  # characters; some seconds of the json5 package
DEPTH_LIMIT = 200  # nested objects and arrays; OpenClaw's own config has fewer than ten

TOKEN = re.compile(r"""
    (?P<space>   [\s\ufeff]+ | //[^\n\r\u2028\u2029]* | /\*.*?\*/ )
  | (?P<text>    "(?:[^"\\\n\r]|\\.)*" | '(?:[^'\\\n\r]|\\.)*' )
  | (?P<mark>    [{}\[\]:,] )
  | (?P<number>  [+-]?(?: 0[xX][0-9a-fA-F]+ | (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)? | Infinity | NaN )(?![\w$]) )
  | (?P<word>    [^\W\d][\w$]* | \$[\w$]* )
""", re.VERBOSE | re.DOTALL)
_ESCAPE = re.compile(r"\\(\r\n|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)|\"", re.DOTALL)
_PLAIN_ESCAPES = {"b": "\\b", "f": "\\f", "n": "\\n", "r": "\\r", "t": "\\t", "\\": "\\\\", '"': '\\"', "v": "\\u000b", "0": "\\u0000"}
_CONTINUATIONS = ("\n", "\r", "\r\n", "\u2028", "\u2029")
_CONTROL = re.compile(r"[\x00-\x1f]")
_CONSTANTS = ("true", "false", "null")


class Json5Error(ValueError):
    """A text is not JSON5. The message names line and column and never quotes the text: it may hold secrets."""


def parse(text: str):
    """The value that a JSON or JSON5 text describes. Raises Json5Error."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(_as_json(text))
    except (ValueError, RecursionError) as exc:
        first = exc
    return _parse_slowly(text, first)


def _parse_slowly(text: str, first: Exception):
    """Let the json5 package decide, when the text is small enough and the package is there."""
    if len(text) > SLOW_PARSER_LIMIT or _depth(text) > DEPTH_LIMIT:
        raise _plain_error(text, first)
    try:
        return dependencies.json5().loads(text)
    except Exception as exc:  # the package raises several kinds, RecursionError and EngineError (it is missing) too
        raise _plain_error(text, first) from exc


def _plain_error(text: str, exc: Exception) -> Json5Error:
    position = getattr(exc, "position", None)
    if position is None:
        return Json5Error("the text is not valid JSON5")
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    return Json5Error(f"syntax error at line {line}, column {column}")


class _SyntaxError(ValueError):
    def __init__(self, position: int) -> None:
        super().__init__(f"syntax error at {position}")
        self.position = position


def _depth(text: str) -> int:
    """The deepest nesting, counted over all brackets; those in strings count too, which only makes it larger."""
    deepest = depth = 0
    for mark in re.findall(r"[\[{}\]]", text):
        depth += 1 if mark in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _as_json(text: str) -> str:
    """The same value as strict JSON text. Raises _SyntaxError where a token makes no sense.

    Commas before a closing bracket and comments go, keys and strings get double quotes, numbers their JSON form.
    """
    out: list[str] = []
    position, end = 0, len(text)
    expected = _Grammar()
    while position < end:
        found = TOKEN.match(text, position)
        if not found:
            raise _SyntaxError(position)
        kind, token = found.lastgroup, found.group()
        if kind != "space":
            if not expected.take(kind, token):
                raise _SyntaxError(position)
            if token in "}]" and out and out[-1] == ",":
                out.pop()
            out.append(_rewrite(kind, token, expected.was_key))
        position = found.end()
    if not expected.finished():
        raise _SyntaxError(end)
    return "".join(out)


class _Grammar:
    """Checks the order of tokens, so that a syntax error is found at its own place."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._next = "value"  # value, key, colon, comma, end; with "|close" where the bracket may close
        self.was_key = False

    def take(self, kind: str, token: str) -> bool:
        """Whether the token may come now."""
        self.was_key = False
        if kind == "mark":
            return self._take_mark(token)
        if self._next.startswith("key") and kind in ("text", "word"):
            self.was_key, self._next = True, "colon"
            return True
        if self._next.startswith("value") and (kind != "word" or token in _CONSTANTS + ("Infinity", "NaN")):
            self._after_value()
            return True
        return False

    def _take_mark(self, token: str) -> bool:
        if token in "{[":
            if not self._next.startswith("value") or len(self._open) >= DEPTH_LIMIT:
                return False
            self._open.append("}" if token == "{" else "]")
            self._next = "key|close" if token == "{" else "value|close"
            return True
        if token in "}]":
            if not self._open or self._open[-1] != token or not (self._next == "comma" or self._next.endswith("|close")):
                return False
            self._open.pop()
            self._after_value()
            return True
        if token == ":":
            accepted, self._next = self._next == "colon", "value"
            return accepted
        accepted = self._next == "comma"
        self._next = "key|close" if self._open and self._open[-1] == "}" else "value|close"
        return accepted

    def _after_value(self) -> None:
        self._next = "comma" if self._open else "end"

    def finished(self) -> bool:
        """Whether the text may end now."""
        return self._next == "end"


def _rewrite(kind: str, token: str, is_key: bool) -> str:
    if kind == "text":
        return _quoted(token[1:-1])
    if kind == "word" and is_key:
        return json.dumps(token)
    if kind == "number":
        return _number(token)
    return token


def _quoted(inner: str) -> str:
    """A JSON string of the inside of a JSON5 string."""
    if "\\" in inner or '"' in inner:
        inner = _ESCAPE.sub(_rewrite_escape, inner)
    return '"' + _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", inner) + '"'


def _rewrite_escape(found) -> str:
    escape = found.group(1)
    if escape is None:  # a bare double quote inside single quotes
        return '\\"'
    if escape in _CONTINUATIONS:
        return ""
    if escape[0] == "x" and len(escape) == 3:
        return "\\u00" + escape[1:]
    if escape[0] == "u" and len(escape) == 5:
        return "\\" + escape
    if escape in _PLAIN_ESCAPES:
        return _PLAIN_ESCAPES[escape]
    return json.dumps(escape)[1:-1]


def _number(token: str) -> str:
    sign = "-" if token[0] == "-" else ""
    digits = token.lstrip("+-")
    if digits[:2] in ("0x", "0X"):
        return sign + str(int(digits, 16))
    if digits in ("Infinity", "NaN"):
        return sign + digits if digits == "Infinity" else digits
    mantissa, exponent_mark, exponent = digits.replace("E", "e").partition("e")
    whole, dot, fraction = mantissa.partition(".")
    return f"{sign}{whole or '0'}{dot if fraction else ''}{fraction}{exponent_mark}{exponent}"


def scan_strings(text: str, names: tuple[str, ...]) -> dict[str, list[str]]:
    """The string values of the named keys in a text that need not be valid, comments left out, in order of appearance.

    A list of strings counts as its members. A string that lacks its closing quote ends with its line.
    """
    wanted = "|".join(re.escape(name) for name in names)
    found: dict[str, list[str]] = {name: [] for name in names}
    plain = _without_comments(text)
    pair = re.compile(rf"""(?<![\w$'"])(['"]?)({wanted})\1\s*:\s*(\[[^\]]*\]?|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?)""")
    for match in pair.finditer(plain):
        value = match.group(3)
        for item in re.findall(r'"(?:[^"\\\n]|\\.)*"?|\'(?:[^\'\\\n]|\\.)*\'?', value):
            found[match.group(2)].append(_lenient_string(item))
    return found


def _lenient_string(token: str) -> str:
    closed = len(token) > 1 and token[-1] == token[0]
    inner = token[1:-1] if closed else token[1:].rstrip(" \t\r,}]")
    try:
        return json.loads(_quoted(inner))
    except ValueError:
        return inner


def _without_comments(text: str) -> str:
    """The text with comments blanked; quotes protect what looks like a comment within one line."""
    keep = re.compile(r'"(?:[^"\\\n]|\\.)*"?|\'(?:[^\'\\\n]|\\.)*\'?|//[^\n]*|/\*.*?\*/', re.DOTALL)
    return keep.sub(lambda found: " " if found.group().startswith("/") else found.group(), text)
