# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/what-is-backed-up.md says what the code does: each default exclusion, each protected path, each finding."""
from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture import default_exclusions, instance
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.protected import (
    AGENT_FILES, STATE_DIRECTORIES, STATE_FILES, WORKSPACE_FILES,
)

CHECKOUT = Path(__file__).resolve().parents[4]
CAPTURE = CHECKOUT / "plugins/module_utils/_engine/capture"
TEXT = (CHECKOUT / "docs/what-is-backed-up.md").read_text()
DISCOVERY = (
    "claims", "config_file", "containers", "environment_files", "exclusions", "instance", "layout", "locate", "roots", "scope", "units",
)


def every_default():
    for table in ("STATE", "AGENT", "HOME", "SYSTEM"):
        yield from getattr(default_exclusions, table)


def test_the_documentation_lists_every_default_exclusion_with_its_reason():
    for exclusion in every_default():
        assert f"`{exclusion.name}`" in TEXT and exclusion.reason in TEXT, exclusion.name
        for pattern in exclusion.patterns:
            assert f"`{pattern}`" in TEXT, pattern
    for name in (*default_exclusions.NEVER, *WORKSPACE_FILES, *STATE_FILES, *STATE_DIRECTORIES, *AGENT_FILES):
        assert f"`{name}`" in TEXT or f"`{name}/`" in TEXT, name


def test_every_finding_is_explained():
    codes = set()
    for name in DISCOVERY:
        source = (CAPTURE / f"{name}.py").read_text()
        codes.update(re.findall(r"""(?:Finding|_note|_broken)\(\s*"([a-z-]+)",""", source))
    assert len(codes) > 25 and instance.LOSSES <= codes
    assert [code for code in sorted(codes) if f"`{code}`" not in TEXT] == []
