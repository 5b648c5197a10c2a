# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Relocation of files: config with its includes and copies, environment files, units, older releases' JSON, absolute links.

Config is rewritten as text, comments too, so that its form stays. What cannot be parsed is rewritten all the same: a wrong
comma is no reason to work in another instance's workspace.
"""
from __future__ import annotations

import hashlib
import os
import re
from typing import Callable

from ..capture import json5_text
from ..capture.paths import inside
from ..placement import Placement
from .path_text import PathText, strings_of
from .staged import Change, EditReport, Staged, Unmapped, read_text, write_text

# What releases before 2026.7 keep in files, relative to the state directory: (directory, end of the names).
_OLD_FILES = (
    ("", ".json"), ("cron", ".json"), ("subagents", ".json"), ("sandbox", ".json"), ("plugins", ".json"), ("tasks", ".json"))
_OLD_AGENT_FILES = (("sessions", "sessions.json"), ("sessions", ".trajectory-path.json"), ("agent", ".json"))
_ATTESTATIONS, _ATTESTED = "workspace-attestations", ".attested"  # a file for each workspace, called like the hash of its path
_MADE_ANEW = ("plugin-skills",)  # links into the installed package, made at each start
_UNIT_USER = re.compile(r"(?P<setting>\s*(?:User|Group)\s*=\s*)(?P<user>[^\s#]+)")
_LINKS_TOLD = 1000


def relocate_files(staged: Staged, texts: PathText, report: EditReport) -> None:
    """Rewrite all of them. OSError."""
    for path in staged.roots("config", "include"):
        _rewrite_config(staged, texts, path, report)
    for path in staged.roots("environment"):
        _rewrite_lines(staged, texts.rewrite, path, report)
    for path in staged.roots("unit"):
        for file in (path, *staged.files(path)):
            _rewrite_lines(staged, lambda line: fit_unit(*texts.rewrite(line), staged.placement), file, report)
    for path in _old_files(staged):
        _rewrite_json(staged, texts, path, report)
    _rename_attestations(staged, texts, report)
    for root in staged.top_roots():
        _relocate_links(staged, root, report)


def _rewrite_text(staged: Staged, texts: PathText, path: str) -> tuple[str, str, list[tuple[str, str]]] | None:
    """Rewrite the paths in one file of JSON or JSON5: (text before, text after, [(path before, path after)]).

    None where it cannot be read.
    """
    place = staged.locate(path)
    text = read_text(place) if place else None
    if text is None:
        return None
    new, pairs = texts.rewrite(text, quoted=True)
    if pairs:
        write_text(place, new)
    return text, new, pairs


def _rewrite_config(staged: Staged, texts: PathText, path: str, report: EditReport) -> None:
    done = _rewrite_text(staged, texts, path)
    if done is None:
        return
    text, new, pairs = done
    if pairs:
        report.changes.extend(_config_changes(texts, path, text, pairs))
    if os.path.basename(path) == os.path.basename(staged.config_file()) or path in staged.roots("include"):
        _report_missing(staged, texts, path, new, report)


def _config_changes(texts: PathText, path: str, text: str, pairs) -> list[Change]:
    """With the names of the settings; what only a comment says has none."""
    try:
        value = json5_text.parse(text)
    except json5_text.Json5Error:
        value = None
    named = [Change("path", path, field, before, after)
             for field, item in sorted(strings_of(value)) for before, after in texts.rewrite(item)[1]]
    known = {change.before for change in named}
    return named + [Change("path", path, "", before, after) for before, after in dict.fromkeys(pairs) if before not in known]


def _report_missing(staged: Staged, texts: PathText, path: str, text: str, report: EditReport) -> None:
    """Absolute paths in settings that lead to nothing here, and those that are written in a way that kept them from being rewritten."""
    try:
        value = json5_text.parse(text)
    except json5_text.Json5Error:
        return
    for field, item in sorted(strings_of(value)):
        if not item.startswith("/") or "\n" in item or len(item) > 4096 or "\0" in item:
            continue
        if texts.rewrite(item)[1]:
            report.unmapped.append(Unmapped(path, field, item, "it is written with escapes and was not rewritten"))
        elif not os.path.lexists(item) and not _is_staged(staged, item):
            report.unmapped.append(Unmapped(path, field, item, "there is nothing at that path on this host"))


def _is_staged(staged: Staged, path: str) -> bool:
    place = staged.locate(path)
    return place is not None and os.path.lexists(place) or any(inside(root, path) for root in staged.roots())


def fit_unit(line: str, pairs: list[tuple[str, str]], placement: Placement) -> tuple[str, list[tuple[str, str]]]:
    """A line of a unit whose paths are rewritten already: its user, group, profile and own name too."""
    source, target = placement.source, placement.target
    found = _UNIT_USER.match(line)
    if found and found.group("user") in (source.user, str(source.uid)) and source.user != target.user:
        pairs = [*pairs, (found.group("user"), target.user)]
        line = f"{found.group('setting')}{target.user}{line[found.end():]}"
    if source.profile and source.profile != target.profile:
        for before, after in ((f"OPENCLAW_PROFILE={source.profile}", f"OPENCLAW_PROFILE={target.profile or 'default'}"),
                              (f"--profile {source.profile}", f"--profile {target.profile or 'default'}"),
                              (f"--profile={source.profile}", f"--profile={target.profile or 'default'}"),
                              (f"openclaw-gateway-{source.profile}", f"openclaw-gateway{'-' + target.profile if target.profile else ''}")):
            changed = re.sub(re.escape(before) + r"(?![\w-])", lambda _found, text=after: text, line)
            if changed != line:
                line, pairs = changed, [*pairs, (before, after)]
    return line, pairs


def _rewrite_lines(staged: Staged, rewrite: Callable, path: str, report: EditReport) -> None:
    """Environment files and units. The field is the variable's or setting's name: values may be secret."""
    place = staged.locate(path)
    text = read_text(place) if place else None
    if text is None:
        return
    lines, changed = text.splitlines(keepends=True), False
    for number, line in enumerate(lines):
        lines[number], pairs = rewrite(line)
        name = line.partition("=")[0].strip().removeprefix("export ").strip() if "=" in line else f"line {number + 1}"
        report.changes.extend(Change("path", path, name, before, after) for before, after in pairs)
        changed = changed or bool(pairs)
    if changed:
        write_text(place, "".join(lines))


def _old_files(staged: Staged) -> list[str]:
    state = staged.state_dir
    config = staged.config_file()
    found = [path for directory, suffix in _OLD_FILES
             for path in staged.files(f"{state}/{directory}".rstrip("/"), suffix) if not path.startswith(config)]
    agents = staged.locate(f"{state}/agents")
    for agent in sorted(os.listdir(agents)) if agents and os.path.isdir(agents) else ():
        for directory, suffix in _OLD_AGENT_FILES:
            found += staged.files(f"{state}/agents/{agent}/{directory}", suffix)
    return found


def _rewrite_json(staged: Staged, texts: PathText, path: str, report: EditReport) -> None:
    """JSON that only OpenClaw writes."""
    done = _rewrite_text(staged, texts, path)
    if done:
        report.changes.extend(Change("path", path, "", before, after) for before, after in dict.fromkeys(done[2]))


def _rename_attestations(staged: Staged, texts: PathText, report: EditReport) -> None:
    """Older releases note in a file called like the hash of a workspace's path that they have set it up."""
    directory = f"{staged.state_dir}/{_ATTESTATIONS}"
    moved = {}
    for root in staged.meta["roots"]:
        if root["role"] == "workspace" and texts.whole(root["path"]) != root["path"]:
            moved[path_key(root["path"])] = path_key(texts.whole(root["path"]))
    for path in staged.files(directory, _ATTESTED):
        old = os.path.basename(path)[:-len(_ATTESTED)]
        if old in moved:
            new = f"{directory}/{moved[old]}{_ATTESTED}"
            os.replace(staged.locate(path), staged.locate(new))
            report.changes.append(Change("path", path, "name", os.path.basename(path), os.path.basename(new)))


def path_key(path: str) -> str:
    """The key under which OpenClaw keeps what it knows of a workspace."""
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()


def _relocate_links(staged: Staged, root: str, report: EditReport) -> None:
    """Absolute links below a root: moved along, or listed where they lead to nothing."""
    base = staged.locate(root)
    if base is None or not os.path.isdir(base):
        return
    for folder, directories, names in os.walk(base):
        here = root + folder[len(base):]
        directories[:] = [name for name in directories if not (here == staged.state_dir and name in _MADE_ANEW)]
        for name in (*directories, *names):
            place = f"{folder}/{name}"
            if os.path.islink(place):
                _relocate_link(staged, place, f"{here}/{name}", report)


def _relocate_link(staged: Staged, place: str, path: str, report: EditReport) -> None:
    before = os.readlink(place)
    if not before.startswith("/"):
        return
    after = staged.placement.path(before)
    if after != before and not _leads_here_already(staged, before):
        _replace_link(place, after)
        report.changes.append(Change("link", path, "", before, after))
    else:
        after = before
    if not os.path.lexists(after) and not _is_staged(staged, after) and len(report.unmapped) < _LINKS_TOLD:
        report.unmapped.append(Unmapped(path, "", after, "a link leads to nothing on this host"))


def _leads_here_already(staged: Staged, target: str) -> bool:
    """Whether a link was rewritten by an earlier run: its target is the new place of something."""
    return any(inside(target, new) and inside(new, old) for old, new in staged.placement.moves)


def _replace_link(place: str, target: str) -> None:
    """Another target for a link, with the same owner and times."""
    status = os.lstat(place)
    beside = f"{place}.new"
    os.symlink(target, beside)
    try:
        if os.geteuid() == 0:
            os.chown(beside, status.st_uid, status.st_gid, follow_symlinks=False)
        os.utime(beside, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)
        os.replace(beside, place)
    except OSError:
        os.unlink(beside)
        raise
