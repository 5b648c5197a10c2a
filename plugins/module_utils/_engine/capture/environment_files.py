# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Files of NAME=value lines: what systemd reads for EnvironmentFile=, and `.env` files of dotenv and compose.

Values are secrets more often than not: nothing here puts one into a message.
"""
from __future__ import annotations

import re

from .model import Finding
from .paths import TooLarge, read_small_text

SIZE_LIMIT = 1 << 20  # bytes of one environment file
_NAME = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_SINGLE = re.compile(r"'([^']*)'")
_BACKTICK = re.compile(r"`([^`]*)`")
_COMMENT = re.compile(r"[ \t]+#.*$")
_REFERENCE = re.compile(r"\$(\$?)\{([A-Z_][A-Z0-9_]*)\}")
_DOUBLE_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def parse_environment(text: str, dialect: str) -> dict[str, str]:
    """The variables of an environment file.

    dialect: "systemd" (a backslash joins lines and quotes characters; `#` and `;` comment whole lines only) or "dotenv"
    (`export`, comments behind values, three kinds of quotes). Lines that make no sense are passed over. The last
    assignment of a name counts.
    """
    values: dict[str, str] = {}
    position = 0
    while position < len(text):
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        line = text[position:end].strip()
        if not line or line[0] in ("#", ";"):
            position = end + 1
            continue
        found = _NAME.match(text, position + (len(text[position:end]) - len(text[position:end].lstrip())))
        if not found or found.end() > end:
            position = end + 1
            continue
        read = _systemd_value if dialect == "systemd" else _dotenv_value
        values[found.group(1)], position = read(text, found.end())
    return values


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _dotenv_value(text: str, start: int) -> tuple[str, int]:
    """One value that begins at start, and where the next line begins."""
    for quoted in (_DOUBLE, _SINGLE, _BACKTICK):
        found = quoted.match(text, start)
        if found:
            value = found.group(1)
            if quoted is _DOUBLE:
                value = re.sub(r"\\(.)", lambda one: _DOUBLE_ESCAPES.get(one.group(1), one.group(1)), value, flags=re.DOTALL)
            return value, _line_end(text, found.end()) + 1
    end = _line_end(text, start)
    value = text[start:end]
    return ("" if value.startswith("#") else _COMMENT.sub("", value).strip()), end + 1


def _systemd_value(text: str, start: int) -> tuple[str, int]:
    """The same by systemd's rules: see systemd.exec(5), EnvironmentFile=."""
    out: list[str] = []
    position, kept = start, 0
    while position < len(text) and text[position] != "\n":
        mark = text[position]
        if mark == "\\":
            following = text[position + 1:position + 2]
            if following != "\n":
                out.append(following)
            position, kept = position + 2, len(out)
        elif mark in "\"'":
            part, position = _systemd_quoted(text, position + 1, mark)
            out.extend(part)
            kept = len(out)
        else:
            out.append(mark)
            position += 1
            kept = len(out) if mark not in " \t\r" else kept
    return "".join(out[:kept]), position + 1


def _systemd_quoted(text: str, position: int, quote: str) -> tuple[list[str], int]:
    """The characters up to the closing quote, and the place behind it. Quotes may span lines."""
    out: list[str] = []
    while position < len(text) and text[position] != quote:
        if quote == '"' and text[position] == "\\" and position + 1 < len(text):
            following = text[position + 1]
            if following in '"\\`$':
                out.append(following)
            elif following != "\n":
                out.extend(("\\", following))
            position += 2
            continue
        out.append(text[position])
        position += 1
    return out, position + 1


def read_environment_file(path: str, dialect: str, optional: bool = True) -> tuple[dict[str, str], list[Finding]]:
    """The variables of a file. An absent file gives none, and a Finding unless it is optional; so does an unreadable one."""
    try:
        return parse_environment(read_small_text(path, SIZE_LIMIT), dialect), []
    except (FileNotFoundError, NotADirectoryError):
        if optional:
            return {}, []
        return {}, [Finding("environment-file-missing", "an environment file that the service needs does not exist", path)]
    except TooLarge:
        return {}, [Finding("environment-file-too-large", f"the environment file has more than {SIZE_LIMIT} bytes and was not read", path)]
    except OSError as exc:
        return {}, [Finding("environment-file-unreadable", f"the environment file cannot be read: {exc.strerror or exc}", path)]


def substitute(text: str, environment) -> tuple[str, list[str]]:
    """OpenClaw's `${NAME}` in config values, and the names that have no value (they stay as they are).

    Names are upper case; `$${NAME}` stands for a literal `${NAME}`; an empty value counts as missing.
    """
    missing: list[str] = []

    def value(found):
        if found.group(1):
            return "${" + found.group(2) + "}"
        known = environment.get(found.group(2))
        if not known:
            missing.append(found.group(2))
            return found.group()
        return known

    return _REFERENCE.sub(value, text), missing
