# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real S3 server for tests and benchmarks: one monitor, one object store and one RADOS gateway of Ceph, on loopback
unless another address is given.

Nothing is installed into the host and no root is needed: the programs are Debian packages unpacked into a private directory
by unpack-debian.sh (about 200 MB of download, once). A gateway is up from nothing in about two seconds. Settings follow Ceph's
own vstart.sh and what the gateway needs to be strict and quick on one machine.
"""
from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import uuid
from pathlib import Path

SUITE = "forky"  # the first Debian suite with Ceph 20
PACKAGES = ("radosgw", "ceph-mon", "ceph-osd", "ceph-common")
START_SECONDS = 60.0

CONFIGURATION = """
[global]
fsid = {fsid}
mon_initial_members = a
mon_host = v2:127.0.0.1:{monitor_port}/0
ms_bind_msgr1 = false
ms_crc_data = false
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_allow_insecure_global_id_reclaim = false
keyring = {directory}/keyring
run_dir = {directory}
admin_socket = {directory}/$name.asok
pid_file =
log_file = {directory}/$name.log
log_to_stderr = false
err_to_stderr = false
crash_dir = {directory}
plugin_dir = {libraries}/ceph
erasure_code_dir = {libraries}/ceph/erasure-code
osd_class_dir = {libraries}/rados-classes
osd_class_load_list = *
osd_class_default_list = *
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
mon_data_avail_warn = 1
mon_data_avail_crit = 1
paxos_propose_interval = 0.02
paxos_min_wait = 0.01
mon_data = {directory}/mon
mon_cluster_log_file = {directory}/cluster.log
osd_data = {directory}/osd
osd_objectstore = {store}
memstore_device_bytes = {size}
bluestore_block_size = {size}
bluestore_block_create = true
osd_memory_target = 1073741824
osd_fast_shutdown = true
rgw_frontends = beast tcp_nodelay=1 endpoint={address}:{port}
rgw_data = {directory}/rgw
rgw_run_sync_thread = false
rgw_enable_usage_log = false
rgw_enable_ops_log = false
rgw_dynamic_resharding = false
rgw_gc_obj_min_wait = 5
rgw_gc_processor_period = 5
rgw_gc_processor_max_time = 5
rgw_enable_apis = s3, sts, iam, admin
rgw_sigv4_insecure = {lenient}
[mon.a]
mon_addr = v2:127.0.0.1:{monitor_port}/0
"""


def installed(cache: str) -> str:
    """The directory with the unpacked programs, made on first use. cache: a directory for things to keep."""
    target = os.path.join(cache, "ceph")
    if not os.path.isdir(target):
        os.makedirs(cache, exist_ok=True)
        script = Path(__file__).with_name("unpack-debian.sh")
        subprocess.run([str(script), SUITE, target, *PACKAGES], check=True)
    return target


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class CephGateway:
    """A gateway with an empty store. Use as a context manager, or start() and stop().

    installation: what installed() gave. directory: made anew, removed at the end.
    store: "memstore" (in memory) or "bluestore" (a sparse file). size: bytes that it may hold.
    lenient: accept requests that leave a header unsigned, as Ceph did before CVE-2026-54330: minio-go up to 7.1, and with it
    restic 0.19, leaves the content type unsigned in uploads. address: where requests are taken; the rest is on loopback.
    """

    def __init__(self, installation: str, directory: str, store: str = "memstore", size: int = 8 << 30, lenient: bool = False,
                 address: str = "127.0.0.1") -> None:
        self._installation, self._directory = installation, os.path.abspath(directory)
        self._daemons: list[subprocess.Popen] = []
        self.address, self.port, self._monitor_port = address, free_port(), free_port()
        self._settings = {"store": store, "size": size, "fsid": str(uuid.uuid4()), "lenient": str(lenient).lower()}

    @property
    def endpoint(self) -> str:
        """Where S3 requests go."""
        return f"http://{self.address}:{self.port}"

    def __enter__(self) -> CephGateway:
        self.start()
        return self

    def __exit__(self, *_exception) -> None:
        self.stop()

    def start(self) -> None:
        """Make an empty cluster and wait until its gateway answers."""
        if os.path.exists(self._directory):
            raise FileExistsError(f"{self._directory} exists; a gateway makes its own directory")
        for name in ("mon", "osd", "rgw"):
            os.makedirs(os.path.join(self._directory, name))
        try:
            self._configure()
            self._start_daemon("ceph-mon", "-i", "a")
            _wait_for_port("127.0.0.1", self._monitor_port)
            osd = str(uuid.uuid4())
            self._command("ceph", "osd", "new", osd)
            self._command("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
            self._start_daemon("ceph-osd", "-i", "0")
            self._wait_for_store()
            self._start_daemon("radosgw", "-n", "client.rgw.a")
            _wait_for_port(self.address, self.port)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the daemons that were started here, and remove the data."""
        for daemon in reversed(self._daemons):
            daemon.terminate()
            try:
                daemon.wait(timeout=2)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self._daemons.clear()
        shutil.rmtree(self._directory, ignore_errors=True)

    def add_user(self, name: str, access_key: str, secret_key: str) -> None:
        """An S3 user with that key pair."""
        self._command("radosgw-admin", "user", "create", f"--uid={name}", f"--display-name={name}",
                      f"--access-key={access_key}", f"--secret-key={secret_key}")

    def admin(self, *arguments: str) -> str:
        """Run a Ceph command against this cluster and return what it prints."""
        return self._command(*arguments)

    def _configure(self) -> None:
        directory = self._directory
        libraries = os.path.join(self._installation, "usr/lib", f"{os.uname().machine}-linux-gnu")
        text = CONFIGURATION.format(directory=directory, address=self.address, port=self.port, monitor_port=self._monitor_port,
                                    libraries=libraries, **self._settings)
        Path(directory, "ceph.conf").write_text(text, encoding="ascii")
        monitors = os.path.join(directory, "monmap")
        self._command("monmaptool", "--create", "--fsid", self._settings["fsid"], "--addv", "a",
                      f"[v2:127.0.0.1:{self._monitor_port}/0]", monitors)
        keyring = os.path.join(directory, "keyring")
        self._command("ceph-authtool", "-C", keyring, "-n", "mon.", "--gen-key", "--cap", "mon", "allow *")
        for name, monitor in (("client.admin", "allow *"), ("client.rgw.a", "allow *"), ("osd.0", "allow profile osd")):
            self._command("ceph-authtool", keyring, "-n", name, "--gen-key", "--cap", "mon", monitor,
                          "--cap", "mgr", "allow *", "--cap", "osd", "allow *")
        self._command("ceph-mon", "--mkfs", "-i", "a", "--monmap", monitors, "--keyring", keyring)

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "CEPH_CONF": os.path.join(self._directory, "ceph.conf")}

    def _command(self, name: str, *arguments: str) -> str:
        done = subprocess.run([os.path.join(self._installation, "run"), name, *arguments], env=self._environment(),
                              capture_output=True, text=True, check=False, timeout=START_SECONDS)
        if done.returncode:
            raise RuntimeError(f"{name} {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def _start_daemon(self, name: str, *arguments: str) -> None:
        with open(os.path.join(self._directory, f"{name}.out"), "ab") as output:
            self._daemons.append(subprocess.Popen(
                [os.path.join(self._installation, "run"), name, "-f", *arguments], env=self._environment(),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True))

    def _wait_for_store(self) -> None:
        _wait(lambda: "1 up" in self._command("ceph", "osd", "stat"), "the object store")


def _wait_for_port(address: str, port: int) -> None:
    def answers() -> bool:
        try:
            socket.create_connection((address, port), timeout=1).close()
        except OSError:
            return False
        return True
    _wait(answers, f"port {port}")


def _wait(ready, what: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come up within {START_SECONDS:.0f} s")
        time.sleep(0.05)
