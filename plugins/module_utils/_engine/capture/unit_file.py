# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The grammar of systemd unit files, as far as discovery needs it: see systemd.syntax(7) and systemd.unit(5)."""
from __future__ import annotations

import re

from .paths import read_small_text

SIZE_LIMIT = 1 << 20  # bytes of one unit file
_SPECIFIER = re.compile(r"%(.)", re.DOTALL)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"', "'": "'", "s": " "}


def read_unit_settings(path: str) -> list[tuple[str, str, str]]:
    """The settings of one unit file. Raises OSError."""
    return parse_unit(read_small_text(path, SIZE_LIMIT))


def parse_unit(text: str) -> list[tuple[str, str, str]]:
    """(section, key, value) of every assignment, in order; lines that end in a backslash joined by a space."""
    settings, section, pending = [], "", ""
    for raw in text.splitlines():
        line = raw.strip() if not pending else raw.rstrip()
        if line.lstrip().startswith(("#", ";")):
            continue  # a comment may stand between continued lines
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        line, pending = (pending + line).strip(), ""
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif "=" in line:
            key, dummy, value = line.partition("=")
            settings.append((section, key.strip(), value.strip()))
    return settings


def values_of(settings, section: str, key: str) -> list[str]:
    """All values of a list setting; an empty assignment clears what came before."""
    values: list[str] = []
    for in_section, name, value in settings:
        if (in_section, name) == (section, key):
            values = [*values, value] if value else []
    return values


def last_value(settings, section: str, key: str) -> str:
    """The value that counts of a setting that has one, or ""."""
    values = values_of(settings, section, key)
    return values[-1] if values else ""


def split_words(text: str) -> list[str]:
    """The words of a value: blanks separate, quotes group, a backslash begins an escape of C. An unclosed quote ends with the text."""
    words: list[str] = []
    word: list[str] | None = None
    quote, position = "", 0
    while position < len(text):
        mark = text[position]
        if mark == "\\" and position + 1 < len(text):
            plain, position = _unescape(text, position + 1)
            word = (word or []) + [plain]
            continue
        if quote and mark == quote:
            quote = ""
        elif not quote and mark in "\"'" and word is None:
            quote, word = mark, []
        elif not quote and mark in "\"'":
            quote = mark
        elif not quote and mark in " \t\n\r":
            if word is not None:
                words.append("".join(word))
            word = None
        else:
            word = (word or []) + [mark]
        position += 1
    if word is not None:
        words.append("".join(word))
    return words


def _unescape(text: str, position: int) -> tuple[str, int]:
    """What the escape behind a backslash stands for, and the place behind it."""
    mark = text[position]
    if mark in _ESCAPES:
        return _ESCAPES[mark], position + 1
    for pattern, base in ((r"x([0-9a-fA-F]{2})", 16), (r"u([0-9a-fA-F]{4})", 16), (r"([0-7]{3})", 8)):
        found = re.compile(pattern).match(text, position)
        if found:
            return chr(int(found.group(1), base)), found.end()
    return "\\" + mark, position + 1


def expand_specifiers(text: str, known: dict[str, str]) -> str:
    """Replace %h, %u and the like; those that are not known stay."""
    return _SPECIFIER.sub(lambda found: "%" if found.group(1) == "%" else known.get(found.group(1), found.group()), text)


def unit_specifiers(name: str, home: str, user: str, uid: int, host: str) -> dict[str, str]:
    """The specifiers that a service's paths commonly use, for a unit file name such as openclaw@main.service."""
    full = name
    prefix = name.rpartition(".")[0] or name
    stem, dummy, instance = prefix.partition("@")
    return {
        "h": home, "u": user, "U": str(uid), "n": full, "N": prefix, "p": stem, "i": instance, "I": instance.replace("-", "/"),
        "H": host, "l": host.partition(".")[0], "E": f"{home}/.config", "S": f"{home}/.local/state", "C": f"{home}/.cache",
        "t": f"/run/user/{uid}", "T": "/tmp", "V": "/var/tmp",
    }
