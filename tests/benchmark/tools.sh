#!/bin/sh
# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# tools.sh [DIRECTORY]: install current restic, borg, age and zstd for benchmarks, and print their versions.
#
# What it needs: Debian or Ubuntu with apt (no root), Debian's archive keyring (package debian-archive-keyring), a Debian
# mirror (the host's own, else set DEBIAN_MIRROR), 35 MB of download, 160 MB of disk.
# What it does: reads the package lists of one Debian suite (SUITE, default forky: the distributions' released suites hold
# older tools) into a private directory, downloads the packages with all their libraries, and unpacks them below
# DIRECTORY (default: $OPENCLAW_OPS_TEST_CACHE/tools or ~/.cache/openclaw-ops-tests/tools). Signatures are checked by apt.
# It changes nothing else: not the host's package sources, not its packages. To remove everything, remove DIRECTORY.
set -eu

suite=${SUITE:-forky}
cache=${OPENCLAW_OPS_TEST_CACHE:-$HOME/.cache/openclaw-ops-tests}
target=${1:-$cache/tools}
keyring=${DEBIAN_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}

fail() { echo "tools.sh: $*" >&2; exit 1; }

find_mirror() {
    apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(REPO_URI)' | grep '^Debian ' | grep -v -e '-security ' | cut -d' ' -f3 | head -n 1
}

download() {
    work=$1
    mkdir -p "$work/etc/preferences.d" "$work/state/lists/partial" "$work/cache/archives/partial"
    : > "$work/status"
    echo "deb [signed-by=$keyring] $mirror $suite main" > "$work/etc/sources.list"
    cat > "$work/apt.conf" <<EOF
Dir::Etc "$work/etc";
Dir::Etc::sourcelist "$work/etc/sources.list";
Dir::Etc::sourceparts "-";
Dir::State "$work/state";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
APT::Install-Recommends "false";
APT::Sandbox::User "";
EOF
    APT_CONFIG=$work/apt.conf apt-get -qq update
    APT_CONFIG=$work/apt.conf apt-get -qq -y --download-only install restic borgbackup age zstd
}

# wrap NAME COMMAND...: a launcher that runs a program with the unpacked libraries, whatever the host's own are.
wrap() {
    name=$1; shift
    {
        echo '#!/bin/sh'
        echo 'root=$(dirname "$(dirname "$(readlink -f "$0")")")/root'
        echo "$*"
    } > "$target.new/bin/$name"
    chmod 755 "$target.new/bin/$name"
}

[ -x "$target/bin/restic" ] && { "$target/bin/versions"; exit 0; }
command -v apt-get >/dev/null || fail "no apt-get here; install restic, borg, age and zstd yourself and put them on PATH"
[ -r "$keyring" ] || fail "no keyring at $keyring; install debian-archive-keyring or set DEBIAN_KEYRING"
mirror=${DEBIAN_MIRROR:-$(find_mirror)}
[ -n "$mirror" ] || fail "this host's package sources name no Debian mirror; set DEBIAN_MIRROR"

rm -rf "$target.new"
mkdir -p "$target.new/bin" "$target.new/root"
target_work=$target.new/work
download "$target_work"
for package in "$target_work"/cache/archives/*.deb; do
    dpkg-deb --extract "$package" "$target.new/root"
done
rm -rf "$target_work"

# shellcheck disable=SC2016  # the launchers expand these, not this script
{
    loader='exec "$root"/usr/lib64/ld-linux-x86-64.so.2 --library-path "$root"/usr/lib/x86_64-linux-gnu'
    [ "$(uname -m)" = aarch64 ] && loader='exec "$root"/usr/lib/ld-linux-aarch64.so.1 --library-path "$root"/usr/lib/aarch64-linux-gnu'
    for name in restic age age-keygen zstd; do
        wrap "$name" "$loader" '"$root"/usr/bin/'"$name" '"$@"'
    done
    wrap borg 'export PYTHONHOME="$root"/usr PYTHONDONTWRITEBYTECODE=1;' "$loader" '"$root"/usr/bin/python3 "$root"/usr/bin/borg "$@"'
    wrap versions 'here=$(dirname "$(readlink -f "$0")"); "$here"/restic version; "$here"/borg --version;' \
        'echo "age $("$here"/age --version)"; "$here"/zstd --version'
}
rm -rf "$target"
mv "$target.new" "$target"
"$target/bin/versions"
