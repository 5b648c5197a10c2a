# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real Podman for tests. Nothing is installed into the host: its packages, of the host's own Debian release, are unpacked into a
private directory. Needs root. Images are not fetched: containers run this machine's own programs, mounted read-only."""
from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

PACKAGES = ("podman", "crun", "busybox-static")
SECONDS = 120.0
MOUNTED = ("/usr", "/etc")  # what programs of this machine need in a container
LINKS = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", "sbin": "usr/sbin"}
CONFIGURATION = """\
[containers]
cgroups = "disabled"
default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]
pids_limit = 0
netns = "host"
[engine]
runtime = "crun"
cgroup_manager = "cgroupfs"
events_logger = "file"
conmon_path = ["{directory}/bin/conmon"]
[engine.runtimes]
crun = ["{directory}/bin/crun"]
"""
STORAGE = '[storage]\ndriver = "vfs"\ngraphroot = "{directory}/storage"\nrunroot = "{directory}/run"\n'
# A namespace of its own: Podman wants the unified hierarchy of control groups, and its policy in /etc.
HOLDER = """
umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /etc/containers && mount -t tmpfs tmpfs /etc/containers && cp "$0/policy.json" /etc/containers/
echo ready; exec sleep infinity
"""
PROGRAM = """\
#!/bin/sh
export LD_LIBRARY_PATH={installation}/usr/lib/{machine}-linux-gnu:{installation}/lib/{machine}-linux-gnu
exec {installation}/usr/bin/{name} "$@"
"""
ENTER = """\
#!/bin/sh
exec nsenter --mount --target {holder} env PATH={directory}/bin:/usr/sbin:/usr/bin:/sbin:/bin \\
    CONTAINERS_CONF={directory}/containers.conf CONTAINERS_STORAGE_CONF={directory}/storage.conf {directory}/bin/podman "$@"
"""


def installed(cache: str) -> str:
    """The directory with the unpacked programs, made on first use. cache: a directory for things to keep."""
    release = dict(line.partition("=")[::2] for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines())
    suite = release["VERSION_CODENAME"].strip('"')
    target = os.path.join(cache, f"podman-{suite}")
    if not os.path.isdir(target):
        os.makedirs(cache, exist_ok=True)
        subprocess.run([str(Path(__file__).with_name("unpack-debian.sh")), suite, target, *PACKAGES], check=True)
    return target


class Podman:
    """An engine with nothing in it; a context manager. path: a directory for PATH with the command podman."""

    def __init__(self, installation: str, directory: Path) -> None:
        self._installation, self._directory = installation, directory
        self.path = str(directory / "path")
        self._holder: subprocess.Popen | None = None

    def __enter__(self) -> Podman:
        for name in ("bin", "path", "image"):
            (self._directory / name).mkdir(parents=True)
        (self._directory / "containers.conf").write_text(CONFIGURATION.format(directory=self._directory))
        (self._directory / "storage.conf").write_text(STORAGE.format(directory=self._directory))
        (self._directory / "policy.json").write_text(json.dumps({"default": [{"type": "insecureAcceptAnything"}]}))
        for name in ("podman", "crun", "conmon"):
            _script(self._directory / "bin" / name, PROGRAM.format(installation=self._installation, machine=os.uname().machine, name=name))
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", HOLDER, str(self._directory)], stdout=subprocess.PIPE, text=True)
        if self._holder.stdout.readline() != "ready\n":
            raise RuntimeError("no namespace can be made for Podman")
        _script(self._directory / "path" / "podman", ENTER.format(holder=self._holder.pid, directory=self._directory))
        for link, target in LINKS.items():
            (self._directory / "image" / link).symlink_to(target)
        archive = subprocess.run(["tar", "-C", self._directory / "image", "-c", "."], check=True, capture_output=True).stdout
        subprocess.run([f"{self.path}/podman", "import", "-", "machine"], input=archive, check=True, capture_output=True, timeout=SECONDS)
        return self

    def __exit__(self, *_exception) -> None:
        self.command("rm", "--force", "--all", "--time", "5", check=False)
        self._holder.kill()
        self._holder.wait()

    def command(self, *arguments: str, check: bool = True) -> str:
        """podman ...; gives what it prints."""
        done = subprocess.run([f"{self.path}/podman", *arguments], capture_output=True, text=True, check=False, timeout=SECONDS)
        if check and done.returncode:
            raise RuntimeError(f"podman {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def run(self, name: str, command: list[str], directories: list[str], environment: dict[str, str]) -> None:
        """A container with programs of this machine. directories: mounted at the same place, for writing too."""
        mounts = [f"--volume={path}:{path}:ro" for path in MOUNTED] + [f"--volume={path}:{path}" for path in directories]
        self.command("run", "--detach", f"--name={name}", "--restart=unless-stopped", *mounts,
                     *(f"--env={key}={value}" for key, value in environment.items()), "machine", *command)


def _script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
