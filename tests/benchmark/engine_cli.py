# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine as one process per operation, for benchmarks: options in, one JSON line out. No more than the modules do."""
from __future__ import annotations

import argparse
import json
import os
import sys

sys.path.insert(0, os.path.abspath(os.path.join(os.path.dirname(__file__), os.pardir, os.pardir)))
from plugins.module_utils._engine import opening  # noqa: E402
from plugins.module_utils._engine.errors import EngineError  # noqa: E402
from plugins.module_utils._engine.options import (  # noqa: E402
    BackupOptions, EncryptionOptions, InstanceOptions, PruneOptions, RepositoryOptions, RetentionOptions, StorageOptions)
from plugins.module_utils._engine.ports import Context  # noqa: E402

INSTANCE = "bench"
THREE_DAYS = 3 * 86400


def main() -> int:
    """Run one operation."""
    given = arguments()
    context = Context(environment=dict(os.environ), cache_dir=given.cache_dir)
    storage = StorageOptions(url=given.storage, endpoint=given.endpoint, addressing_style="path" if given.endpoint else "auto")
    encryption = EncryptionOptions(passphrase_file=given.passphrase_file)
    try:
        result = OPERATIONS[given.operation](given, storage, encryption, context)
    except EngineError as failure:
        print(f"{failure} {failure.hint}", file=sys.stderr)
        return 1
    print(json.dumps(result))
    return 0


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("operation", choices=list(OPERATIONS))
    parser.add_argument("--storage", required=True, help="file:///path or s3://bucket/prefix")
    parser.add_argument("--endpoint")
    parser.add_argument("--passphrase-file", required=True)
    parser.add_argument("--cache-dir", required=True)
    parser.add_argument("--state-dir")
    parser.add_argument("--target")
    parser.add_argument("--max-backups", type=int, default=7)
    return parser.parse_args()


def init(_given, storage, encryption, context) -> dict:
    """Make the repository."""
    from plugins.module_utils._engine import administer
    place = opening.storage_of(INSTANCE, storage, context, initialise=True)
    made = administer.plan(place, INSTANCE, encryption, RepositoryOptions(), context)
    return administer.execute(made, context).to_dict()


def back_up(given, storage, encryption, context) -> dict:
    """One backup of everything, as a timer makes it."""
    from plugins.module_utils._engine import backup, source
    options = BackupOptions(kind="scheduled")
    chosen = source.choose(InstanceOptions(instance=INSTANCE, state_dir=given.state_dir), options, storage, encryption, context)
    made = backup.plan(lambda: opening.repository_of(INSTANCE, storage, encryption, context), chosen.source, options, context)
    return backup.execute(made, context).to_dict()


def bring_back(given, storage, encryption, context) -> dict:
    """Restore the newest snapshot to a directory, with all checks."""
    from plugins.module_utils._engine import restore
    repository = opening.repository_of(INSTANCE, storage, encryption, context)
    made = restore.plan(repository, restore.RestoreOptions(target=given.target), context)
    return restore.execute(made, context).to_dict()


def prune(given, storage, _encryption, context) -> dict:
    """Apply retention without any key, as if the snapshots were three days old: younger ones always stay."""
    from plugins.module_utils._engine import prune as pruning
    place = opening.storage_of(INSTANCE, storage, context)
    now = place.now
    place.now = lambda: now() + THREE_DAYS
    options = PruneOptions(retention=RetentionOptions(max_backups=given.max_backups, max_age_days=0))
    return pruning.execute(pruning.plan(place, options, context), context).to_dict()


OPERATIONS = {"init": init, "backup": back_up, "restore": bring_back, "prune": prune}


if __name__ == "__main__":
    sys.exit(main())
