#!/bin/sh
# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# tools.sh [DIRECTORY]: install current restic, borg, age and zstd for benchmarks, and print their versions.
#
# Everything goes below DIRECTORY (default: $OPENCLAW_OPS_TEST_CACHE/tools, ~/.cache/openclaw-ops-tests/tools); remove that, and
# it is gone. Needs what tests/support/unpack-debian.sh says, 35 MB of download and 110 MB of disk. SUITE names the Debian
# suite: forky by default, since the released ones hold older tools than their authors recommend.
set -eu

suite=${SUITE:-forky}
target=${1:-${OPENCLAW_OPS_TEST_CACHE:-$HOME/.cache/openclaw-ops-tests}/tools}
here=$(dirname "$(readlink -f "$0")")

[ -d "$target" ] || "$here/../support/unpack-debian.sh" "$suite" "$target" restic borgbackup age zstd
mkdir -p "$target/bin"
for name in restic borg age age-keygen age-plugin-batchpass zstd; do
    printf '#!/bin/sh\nexec "%s/run" %s "$@"\n' "$target" "$name" > "$target/bin/$name"
    chmod 755 "$target/bin/$name"
done
"$target/bin/restic" version
"$target/bin/borg" --version
echo "age $("$target/bin/age" --version)"
"$target/bin/zstd" --version | sed "s/^[* ]*//; s/,.*//"
