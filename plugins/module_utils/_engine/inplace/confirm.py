# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""A live state is replaced only on the host that was meant: whoever wants that names it."""
from __future__ import annotations

from ..capture.accounts import host_name
from ..errors import EngineError


def require(given: str | None) -> None:
    """EngineError "confirmation-missing" or "confirmation-wrong" unless this host's name, without its domain, was given."""
    name = host_name()
    if not given:
        raise EngineError(
            "confirmation-missing", f"A restore over the live state was not confirmed on {name}",
            f"Look at the plan first (check mode, --dry-run), then confirm with the host's name: {name}.", {"host": name})
    if given != name:
        raise EngineError(
            "confirmation-wrong", f"The restore was confirmed for {given!r}, and this host is {name}", "Nothing was changed.",
            {"host": name})
