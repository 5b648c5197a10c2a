# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a new host is told of an instance: its own word first, then the old host's, and no secret that the instance does not need."""
from __future__ import annotations

from ansible_collections.openclaw_ops.backup.plugins.filter.moved_instance import moved_instance

OLD = {
    "openclaw_backup_storage": {"url": "s3://bucket", "access_key_id_file": "key-id"}, "openclaw_backup_schedule": "6h",
    "openclaw_backup_encryption": {"passphrase_file": "phrase"}, "openclaw_backup_retention": {"max_backups": 3},
    "openclaw_backup_secrets": {"key-id": "1", "phrase": "2", "other": "3"},
    "openclaw_backup_instances": [{"name": "assistant", "user": "claw", "schedule": "1h"}, {"name": "second"}],
}


def moved(new: dict, old: dict = OLD, **options) -> dict:
    return moved_instance({"old": old, "new": new}, "old", "new", "assistant", **options)


def test_the_old_hosts_settings_go_along_and_what_the_new_one_has_stays():
    found = moved({"openclaw_backup_instances": [{"name": "mine"}], "openclaw_backup_secrets": {"key-id": "new", "mine": "4"}})
    assert found["instances"] == [{"name": "mine"}, {
        "name": "assistant", "user": "claw", "schedule": "1h", "storage": OLD["openclaw_backup_storage"],
        "encryption": {"passphrase_file": "phrase"}, "retention": {"max_backups": 3}}]
    assert found["secrets"] == {"key-id": "new", "mine": "4", "phrase": "2"}


def test_what_the_new_host_says_itself_counts():
    own = [{"name": "assistant", "user": "other"}]
    assert moved({"openclaw_backup_instances": own, "openclaw_backup_secrets": {"a": "b"}}) == {"instances": own, "secrets": {"a": "b"}}


def test_an_instance_that_was_only_found_keeps_its_user_and_profile():
    old = {"openclaw_backup_storage": {"url": "file:///x"}}
    found = moved({}, old, found={"user": "claw", "profile": "rescue", "state_dir": None, "enabled": True})
    assert found["instances"] == [{"name": "assistant", "storage": {"url": "file:///x"}, "user": "claw", "profile": "rescue"}]


def test_a_host_that_left_the_inventory_has_nothing_to_say():
    own = [{"name": "assistant"}]
    assert moved_instance({"new": {"openclaw_backup_instances": own}}, "old", "new", "assistant")["instances"] == own
