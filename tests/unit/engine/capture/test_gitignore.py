# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Patterns mean what they mean to Git: Git itself is asked."""
from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.gitignore import RuleSet, parse_rule
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = ["a", "b", "ab", "abc", "a.b", "x y", "a]", "-", "[a", "!a", "#a", "a\\", "*", "b ", "A", "1", "a-b", "z^", "a\nb", ".a", "**"]
PIECES = [
    "a", "b", "c", "*", "**", "?", "/", "/", "/**/", "[ab]", "[!a]", "[a-c]", "[]a]", "\\", "\\a", "\\*", "!", "#", " ", ".", "[",
    "[[:alpha:]]", "[[:digit:]b]", "[^a-b]", "-", "[z-a]", "[a-]", "[[:bad:]]", "[\\]a]", "***", "[a/b]", "[:a]", "[[:]", "1", "[a-c-z]",
    "^", "\\ ", "\\/", "x y",
]
PATTERNS = st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join), min_size=1, max_size=6)
TREES = st.recursive(
    st.none(), lambda inner: st.dictionaries(st.sampled_from(NAMES), inner, min_size=1, max_size=4), max_leaves=25,
).filter(lambda tree: tree is not None)


def ignored(patterns, path: str, is_directory: bool) -> bool:
    """Whether these patterns leave out a path, itself or with a directory above it."""
    rules = RuleSet([rule for rule in map(parse_rule, patterns) if rule])
    states, parts = rules.start, path.split("/")
    for index, name in enumerate(parts):
        last = index == len(parts) - 1
        found = rules.matcher(states).find(name, is_directory if last else True)
        if found and not found[1].keep:
            return True
        states = rules.enter(states, name)
    return False


def grow(tree, base, prefix=""):
    """Make a tree of files and directories; gives (path, is directory)."""
    made = []
    for name, inner in tree.items():
        path = f"{prefix}{name}"
        if inner is None:
            (base / path).write_text("")
            made.append((path, False))
        else:
            (base / path).mkdir()
            made.append((path, True))
            made.extend(grow(inner, base, f"{path}/"))
    return made


def git(repository, *words, **more):
    return subprocess.run(["git", "-C", str(repository), *words], capture_output=True, check=False, **more)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    if not shutil.which("git"):
        pytest.skip("needs git")
    path = tmp_path_factory.mktemp("git")
    git(path, "init", "-q")
    return path


@settings(max_examples=200)
@given(tree=TREES, patterns=PATTERNS)
def test_every_pattern_means_what_it_means_to_git(repository, tree, patterns):
    for old in repository.iterdir():
        if old.is_dir() and old.name != ".git":
            shutil.rmtree(old)
        elif old.name != ".git":
            old.unlink()
    made = grow(tree, repository)
    (repository / ".git/info/exclude").write_text("\n".join(patterns) + "\n")
    answer = git(repository, "check-ignore", "--no-index", "-z", "--stdin", input="\0".join(path for path, dummy in made).encode())
    assert answer.returncode in (0, 1), answer.stderr
    by_git = {path for path in answer.stdout.decode().split("\0") if path}
    assert {path for path, is_directory in made if ignored(patterns, path, is_directory)} == by_git


@pytest.mark.parametrize("pattern, out, kept", [
    ("*.mp4", ["a.mp4", "x/y/b.mp4", ".mp4"], ["a.mp4x", "mp4"]),
    ("/build", ["build", "build/x"], ["x/build"]),
    ("doc/frotz", ["doc/frotz"], ["a/doc/frotz"]),
    ("**/logs/debug.log", ["logs/debug.log", "a/b/logs/debug.log"], ["logs/build/debug.log"]),
    ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb"]),
    ("abc/**", ["abc/x", "abc/x/y"], ["abc"]),
    (r"\#note", ["#note"], ["note"]), (r"\!keep", ["!keep"], ["keep"]), ("trailing   ", ["trailing"], ["trailing   "]),
    (r"blank\ ", ["blank "], ["blank"]), ("# comment", [], ["# comment"]), ("", [], ["a"]), ("/", [], ["a"]), ("caf?", ["café"], ["caf"]),
])
def test_patterns_of_the_documentation(pattern, out, kept):
    assert [path for path in out if not ignored([pattern], path, False)] == []
    assert [path for path in kept if ignored([pattern], path, False)] == []


def test_the_last_match_counts_and_an_excluded_directory_hides_what_is_in_it():
    patterns = ["*.log", "!keep.log", "/secret/", "!/secret/keep.log", "dir/*", "!dir/one"]
    paths = ("a.log", "keep.log", "secret/keep.log", "dir/one", "dir/one/x", "dir/two")
    assert [path for path in paths if ignored(patterns, path, False)] == ["a.log", "secret/keep.log", "dir/two"]


def test_a_pattern_for_directories_spares_files():
    assert ignored(["cache/"], "cache", True) and ignored(["cache/"], "cache/x", False) and not ignored(["cache/"], "cache", False)


@given(st.text(max_size=40), st.text(alphabet="abc/*[]\\!-", min_size=1, max_size=20))
def test_no_pattern_breaks_the_matching(pattern, path):
    parts = [part for part in path.split("/") if part]
    if parts:
        ignored(pattern.split("\n"), "/".join(parts), False)
