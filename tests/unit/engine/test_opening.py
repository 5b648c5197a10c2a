# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose repository is meant, and whether it is the one that it was."""
from __future__ import annotations

import shutil

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import administer, opening, query
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import (
    EncryptionOptions, InstanceOptions, RepositoryOptions, StorageOptions)
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context


@pytest.fixture
def context(tmp_path):
    """A host without an OpenClaw."""
    (tmp_path / "home").mkdir()
    return Context(environment={"HOME": str(tmp_path / "home")}, cache_dir=str(tmp_path / "cache"))


@pytest.fixture
def storage(tmp_path):
    return StorageOptions(url=f"file://{tmp_path}/storage")


def make(name, storage, context, tmp_path, key="key"):
    encryption = EncryptionOptions(key_file=str(tmp_path / "keys" / key))
    options = RepositoryOptions(create_key_file=True)
    made = administer.plan(opening.storage_of(name, storage, context, initialise=True), name, encryption, options, context)
    administer.execute(made, context)
    return encryption


def test_a_named_instance_is_taken_at_its_word(storage, context):
    assert opening.instance_name(InstanceOptions(instance="other-host"), storage, context) == "other-host"


def test_on_a_host_without_openclaw_the_only_repository_is_meant(storage, context, tmp_path):
    make("agent", storage, context, tmp_path)
    assert opening.instance_name(InstanceOptions(), storage, context) == "agent"


def test_of_several_repositories_none_is_guessed(storage, context, tmp_path):
    make("one", storage, context, tmp_path, "a")
    make("two", storage, context, tmp_path, "b")
    with pytest.raises(EngineError) as caught:
        opening.instance_name(InstanceOptions(), storage, context)
    assert caught.value.code == "instance-not-given" and "one, two" in caught.value.hint


def test_a_state_directory_that_is_not_there_is_never_replaced_by_a_guess(storage, context, tmp_path):
    make("agent", storage, context, tmp_path)
    with pytest.raises(EngineError) as caught:
        opening.instance_name(InstanceOptions(state_dir=str(tmp_path / "nowhere")), storage, context)
    assert caught.value.code == "instance-missing"


def test_a_repository_made_anew_in_the_same_place_opens_though_copies_of_the_old_one_are_on_the_host(storage, context, tmp_path):
    old = make("agent", storage, context, tmp_path, "old")
    opening.repository_of("agent", storage, old, context).remember_keys()
    shutil.rmtree(tmp_path / "storage")
    new = make("agent", storage, context, tmp_path, "new")
    opening.repository_of("agent", storage, new, context)
    with pytest.raises(EngineError) as caught:
        opening.repository_of("agent", storage, EncryptionOptions(key_file=str(tmp_path / "nothing")), context)
    assert caught.value.code == "key-file-unreadable"


def test_whether_a_key_is_named():
    assert not opening.has_key(EncryptionOptions())
    assert opening.has_key(EncryptionOptions(enabled=False))
    assert opening.has_key(EncryptionOptions(writer_key_file="/k"))


@pytest.mark.parametrize("expression", ["[?", "@@", "[0", "foo(", "nosuch(@)"])
def test_a_query_that_is_none_is_an_error_of_the_user(expression):
    with pytest.raises(EngineError) as caught:
        query.search(query.parse(expression), [{"id": 1}])
    assert caught.value.code == "query-invalid"


def test_a_query_that_does_not_fit_the_data_is_an_error_of_the_user():
    with pytest.raises(EngineError) as caught:
        query.search(query.parse("sort_by(@, &id)"), [{"id": 1}, {"id": "a"}])
    assert caught.value.code == "query-invalid"


def test_a_query_finds():
    assert query.search(query.parse("[?files > `1`].id"), [{"id": "a", "files": 1}, {"id": "b", "files": 2}]) == ["b"]
