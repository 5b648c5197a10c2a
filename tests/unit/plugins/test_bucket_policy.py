# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shape of the policies; tests/real/storage/test_parties.py has a server enforce them."""
from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.openclaw_ops.backup.plugins.filter.bucket_policy import PARTIES, bucket_policy

PAGE = Path(__file__).resolve().parents[3] / "docs" / "storage.md"


def actions(policy: dict) -> set[str]:
    return {statement["Action"] for statement in policy["Statement"]}


def test_only_the_owner_and_whoever_prunes_delete_and_neither_does_both():
    for party in PARTIES:
        policy = bucket_policy("s3://b/p", party, "a")
        deleted = {name for statement in policy["Statement"] if statement["Action"] == "s3:DeleteObject" for name in statement["Resource"]}
        assert bool(deleted) is (party in ("owner", "janitor"))
        assert not ("s3:PutObject" in actions(policy) and any("/packs/" in name or "/snapshots/" in name for name in deleted))


@pytest.mark.parametrize(("url", "instance", "base"), [
    ("s3://b/p/q/", "a", "arn:aws:s3:::b/p/q/a/"), ("s3://b", "a", "arn:aws:s3:::b/a/"), ("s3://b/p", None, "arn:aws:s3:::b/p/*/")])
def test_everything_but_the_listing_is_below_the_repository(url, instance, base):
    for party in PARTIES:
        listing, *others = bucket_policy(url, party, instance)["Statement"]
        assert (listing["Action"], listing["Resource"]) == ("s3:ListBucket", "arn:aws:s3:::b")
        assert all(name.startswith(base) for statement in others for name in statement["Resource"])


def test_the_condition_is_on_writes_only():
    for statement in bucket_policy("s3://b/p", "host", "a", create_only=True)["Statement"]:
        assert ("Condition" in statement) is (statement["Action"] == "s3:PutObject")


@pytest.mark.parametrize(("url", "party"), [("file:///backup", "host"), ("s3://", "host"), ("s3://b/p", "thief")])
def test_what_is_no_bucket_or_no_party_is_said_to_be_none(url, party):
    with pytest.raises(AnsibleFilterError, match="bucket_policy"):
        bucket_policy(url, party)


@pytest.mark.parametrize("party", ["host", "restorer", "janitor"])
def test_the_page_shows_the_policies_that_the_filter_makes(party):
    def meaning(policy: dict) -> list:
        return [(item["Action"], item["Resource"] if isinstance(item["Resource"], list) else [item["Resource"]], item.get("Condition"))
                for item in policy["Statement"]]
    written = [json.loads(block) for block in re.findall(r"```json\n(\{\"Version.*?)```", PAGE.read_text(), re.S)]
    made = bucket_policy("s3://BUCKET/PREFIX", party, "INSTANCE", create_only=party == "host")
    assert meaning(made) in [meaning(policy) for policy in written]
