# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes `ansible_collections.openclaw_ops.backup` importable from the checkout, wherever the checkout lies.

The collection need not be installed, and Ansible need not either: the engine's tests run in a plain virtual environment.
Under `ansible-test units` Ansible's own import machinery finds the collection, and nothing is done here.
"""
from __future__ import annotations

import importlib.util
import os
import sys
import types
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
COLLECTION = "ansible_collections.openclaw_ops.backup"


def _importable() -> bool:
    if COLLECTION in sys.modules:  # made so by this file before: tests beside this directory run it, too
        return True
    try:
        return importlib.util.find_spec(COLLECTION) is not None
    except ImportError:
        return False


def _make_importable() -> None:
    """Register the three packages above the checkout as namespace packages; only the last has a directory."""
    name = ""
    for part in COLLECTION.split("."):
        parent, name = sys.modules.get(name), f"{name}.{part}".lstrip(".")
        if name not in sys.modules:
            package = types.ModuleType(name)
            package.__path__ = []
            sys.modules[name] = package
        if parent is not None:
            setattr(parent, part, sys.modules[name])
    sys.modules[COLLECTION].__path__ = [str(CHECKOUT)]


if not _importable():
    _make_importable()

try:
    from hypothesis import HealthCheck, settings
except ImportError:  # ansible-test's own environment may lack it; tests that need it say so themselves
    pass
else:
    # A shared machine may stall for seconds: time limits per example would only make tests flaky.
    _calm = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
    settings.register_profile("default", **_calm)
    settings.register_profile("ci", derandomize=True, print_blob=True, **_calm)
    settings.register_profile("thorough", max_examples=2000, **_calm)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
