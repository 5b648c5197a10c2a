# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A home with an OpenClaw state of every kind of file, a snapshot of it, and changes since; restored in place."""
from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.inplace import execute, plan, recover
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.inplace.options import InPlaceOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import GatewayOptions, InstanceOptions
from support.backup_host import INSTANCE, BackupHost
from support.fake_host import database, write
from support.picture import picture

OURS = (".openclaw-restore-", ".openclaw.restore")  # what restores keep beside a state


class Place(BackupHost):
    """A home, with a workspace outside of the state directory and one elsewhere altogether."""

    def __init__(self, directory: Path, **options) -> None:
        super().__init__(directory, **options)
        self.outside = directory / "srv" / "work"
        self.config = {"agents": {"entries": {"main": {}, "work": {"workspace": str(self.outside)}}}, "channels": {"telegram": {}}}
        self.configure(**self.config)
        self.state.database_first("main", "work")
        self.state.workspace()
        self.state.workspace(self.outside)

    @classmethod
    def around(cls, directory: Path, lab) -> Place:
        """The same with a gateway: in the home of a Lab, with its clock and its service manager."""
        made = cls(directory, home=lab.home)
        lab.configure(**made.config)
        made.context.run, made.context.clock = lab.manager, lab.context.clock
        return made

    def change(self) -> None:
        """What happens to a state in a day."""
        workspace = self.state.path / "workspace"
        write(workspace / "MEMORY.md", "other\n")
        write(workspace / "new/notes.md", "since then\n")
        write(self.outside / "later.md", "later\n")
        (workspace / "SOUL.md").unlink(missing_ok=True)
        shutil.rmtree(self.outside / "memory", ignore_errors=True)
        database(self.state.path / "agents/main/agent/openclaw-agent.sqlite", "INSERT INTO session_nodes VALUES ('newer')")
        write(self.state.path / "logs/gateway.log", "newer noise\n")
        os.chmod(workspace / "AGENTS.md", 0o600)

    def where(self, **instance) -> plan.Where:
        return plan.Where(InstanceOptions(instance=INSTANCE, **instance), self.storage, self.encryption)

    def plan_in_place(self, where: plan.Where | None = None, **options) -> plan.InPlacePlan:
        return plan.plan(self.repository(), InPlaceOptions(**{"pre_restore": False, **options}), where or self.where(), self.context)

    def restore_in_place(self, checkpoint=None, **options) -> execute.InPlaceResult:
        """Plan and execute, with a function that is called at every checkpoint."""
        context = replace(self.context, checkpoint=checkpoint) if checkpoint else self.context
        return execute.execute(self.plan_in_place(**options), context)

    def recover(self) -> dict:
        return recover.execute(recover.plan(InstanceOptions(instance=INSTANCE), self.context), GatewayOptions(), self.context)

    def picture(self) -> dict:
        """All that belongs to the instance."""
        return picture(self.state.path, self.outside, but=OURS)

    def leftovers(self) -> list[str]:
        """Names beside the roots that a restore has left."""
        return sorted(str(path.relative_to(self.directory)) for base in (self.home, self.outside.parent)
                      for path in base.iterdir() if path.name.startswith(OURS))


@pytest.fixture
def host(tmp_path) -> Place:
    """Backed up, then changed."""
    made = Place(tmp_path)
    workspace = made.state.path / "workspace"
    (workspace / "link").symlink_to("SOUL.md")
    os.link(workspace / "USER.md", workspace / "user-too.md")
    write(workspace / "run.sh", "#!/bin/sh\n", 0o755)
    made.then = made.picture()
    made.back_up()
    made.change()
    return made
