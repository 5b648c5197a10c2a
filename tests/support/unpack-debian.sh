#!/bin/sh
# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# unpack-debian.sh SUITE DIRECTORY PACKAGE...: unpack Debian packages with all their libraries into a private directory.
#
# What it needs: apt (no root), Debian's archive keyring (package debian-archive-keyring, or DEBIAN_KEYRING), a Debian mirror
# (the one that this host's package sources name, or DEBIAN_MIRROR). Signatures are checked by apt.
# What it leaves alone: this host's package sources and packages. No maintainer script is run. DIRECTORY must be new; it
# appears whole or not at all. DIRECTORY/run starts a program with the unpacked libraries, whatever the host's are:
#     DIRECTORY/run restic version
set -eu

suite=$1; target=$2; shift 2
keyring=${DEBIAN_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}
new=$target.new
work=$new/work

fail() { echo "unpack-debian.sh: $*" >&2; exit 1; }

find_mirror() {
    apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(REPO_URI)' | grep '^Debian ' | grep -v -e '-security ' | cut -d' ' -f3 | head -n 1
}

[ -e "$target" ] && fail "$target exists already"
command -v apt-get >/dev/null || fail "this needs apt-get, as Debian and Ubuntu have it"
[ -r "$keyring" ] || fail "no keyring at $keyring; install debian-archive-keyring or set DEBIAN_KEYRING"
mirror=${DEBIAN_MIRROR:-$(find_mirror)}
[ -n "$mirror" ] || fail "this host's package sources name no Debian mirror; set DEBIAN_MIRROR"

rm -rf "$new"
mkdir -p "$work/etc/preferences.d" "$work/etc/apt.conf.d" "$work/state/lists/partial" "$work/cache/archives/partial"
: > "$work/status"
echo "deb [signed-by=$keyring] $mirror $suite main" > "$work/etc/sources.list"
# A mirror of a suite that moves may lag behind its own stated validity: only that check is off.
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
APT_CONFIG=$work/apt.conf apt-get -qq -y --download-only install "$@"
for package in "$work"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$new" --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/locale
done
rm -rf "$work"

cat > "$new/run" <<'EOF'
#!/bin/sh
# run PROGRAM ARGUMENTS...: start an unpacked program, or an unpacked Python script, with the unpacked libraries.
root=$(dirname "$(readlink -f "$0")")
name=$1; shift
machine=$(uname -m)
libraries=$root/usr/lib/$machine-linux-gnu:$root/usr/lib/$machine-linux-gnu/ceph
case $machine in
    x86_64) loader=$root/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 ;;
    *) loader=$root/usr/lib/$machine-linux-gnu/ld-linux-$machine.so.1 ;;
esac
if head -n 1 "$root/usr/bin/$name" | grep -aq '^#!.*python'; then
    export PYTHONHOME="$root/usr" PYTHONDONTWRITEBYTECODE=1
    exec "$loader" --library-path "$libraries" "$root/usr/bin/python3" "$root/usr/bin/$name" "$@"
fi
exec "$loader" --library-path "$libraries" "$root/usr/bin/$name" "$@"
EOF
chmod 755 "$new/run"
mv "$new" "$target"
