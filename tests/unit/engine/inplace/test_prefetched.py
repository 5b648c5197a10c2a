# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restore in place uses up what was prefetched: it reads the last difference, and nothing of the rest."""
from __future__ import annotations

import random

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import prefetch
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.inplace import execute, plan
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.inplace.options import InPlaceOptions
from support.fake_host import write

SIZE = 16 << 20  # several of the frames that are read whole


def last_difference(host, **instance) -> int:
    """Prefetch, go on, back up once more, restore: the bytes that the restore has read."""
    write(host.state.path / "workspace/big.bin", random.Random(1).randbytes(SIZE))
    host.back_up()
    where = host.where(**instance)
    repository = host.repository()
    state_dir = instance.get("state_dir", str(host.state.path))
    prefetch.prefetch(repository, state_dir, host.context)
    write(host.state.path / "workspace/MEMORY.md", "the last word\n")
    host.then = host.picture()
    host.back_up()
    if not instance:
        host.change()
    else:
        host.state.path.rename(host.directory / "the-old-host")
    repository = host.repository()
    before = repository.storage.traffic.bytes_received
    options = InPlaceOptions(pre_restore=False, start="never")
    execute.execute(plan.plan(repository, options, where, host.context), host.context)
    assert not any(path.name.endswith((".prefetched", ".earlier")) for path in host.home.iterdir())
    return repository.storage.traffic.bytes_received - before


def test_over_a_live_state(host):
    assert last_difference(host) < SIZE / 2
    assert (host.state.path / "workspace/MEMORY.md").read_text() == "the last word\n"
    assert (host.state.path / "workspace/big.bin").stat().st_size == SIZE


def test_where_the_instance_has_another_place(host):
    other = host.home / ".openclaw-elsewhere"
    assert last_difference(host, state_dir=str(other), profile="elsewhere") < SIZE / 2
    assert (other / "workspace/MEMORY.md").read_text() == "the last word\n"
    assert (other / "workspace/big.bin").read_bytes() == (host.directory / "the-old-host/workspace/big.bin").read_bytes()


@pytest.mark.parametrize("options", [{"paths": ("workspace/SOUL.md",)}, {"components": ("config",)}])
def test_a_part_leaves_it_alone(host, options):
    prefetch.prefetch(host.repository(), str(host.state.path), host.context)
    host.restore_in_place(**options)
    assert (host.home / ".openclaw.prefetched").is_dir()
