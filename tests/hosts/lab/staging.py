# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host whose agents are backed up with a writer's key, and a staging host that proves them with a restorer's; each with credentials
of the storage of its own, and no more rights than the filter bucket_policy gives its party."""
from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.openclaw_ops.backup.plugins.filter.bucket_policy import bucket_policy
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import administer, opening
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import EncryptionOptions, RepositoryOptions, StorageOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context

from . import fleet, places
from .gateway import HostedGateway
from .host import Host

PASSPHRASE = "a-restorer's-own-passphrase"
WATCHER = places.CHECKOUT / "tests" / "hosts" / "lab" / "sandbox_watcher.py"
REGISTRY = "/var/lib/openclaw-backup/.places"
SECONDS = 900.0


class Parties:
    """gateways: by the names of their instances, all on one host."""

    def __init__(self, gateways: dict[str, HostedGateway], staging: Host, s3, directory: Path) -> None:
        self.gateways, self.staging, self._s3, self._directory = gateways, staging, s3, directory
        self.source = next(iter(gateways.values())).host
        self.bucket = s3.add_bucket()
        self._url = f"s3://{self.bucket}/backups"
        self._users = {party: s3.add_user_with(bucket_policy(self._url, party)) for party in ("owner", "host", "restorer", "monitor")}

    def set_up(self) -> None:
        """The owner makes the repositories where nobody else is; the host gets keys that write, the staging host one that reads."""
        writers = {f"writer-{name}": self._make_repository(name) for name in self.gateways}
        self._play("site", self.source, "host", writers, openclaw_backup_init=False, openclaw_backup_instances=[
            {"name": name, "user": gateway.user, "profile": gateway.profile or "default",
             "encryption": {"writer_key_file": f"writer-{name}"}} for name, gateway in self.gateways.items()])
        self.play_on_staging("staging")

    def _make_repository(self, name: str) -> str:
        """Gives a writer key."""
        context, writer = Context(), self._directory / f"writer-{name}"
        where = opening.storage_of(name, self.storage("owner"), context, initialise=True)
        key = EncryptionOptions(passphrase_file=self._secret("passphrase", PASSPHRASE))
        administer.execute(administer.plan(where, name, key, RepositoryOptions(writer_key_dest=str(writer)), context), context)
        return writer.read_text()

    def storage(self, party: str) -> StorageOptions:
        """As a party of the controller sees it."""
        user = self._users[party]
        return StorageOptions(
            url=self._url, endpoint=self._s3.endpoint, addressing_style="path", access_key_id_file=self._secret(f"{party}-id", user.key_id),
            secret_access_key_file=self._secret(f"{party}-secret", user.secret))

    def _secret(self, name: str, text: str) -> str:
        path = self._directory / name
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    def play_on_staging(self, playbook: str, **variables) -> str:
        """Run a playbook there, with what a restorer has."""
        return self._play(
            playbook, self.staging, "restorer", {"restorer-passphrase": PASSPHRASE}, **{
                "openclaw_backup_encryption": {"passphrase_file": "restorer-passphrase"},
                "openclaw_backup_instances": [{"name": name} for name in self.gateways], **variables})

    def _play(self, playbook: str, host: Host, party: str, keys: dict, **variables) -> str:
        user = self._users[party]
        return fleet.Fleet([host], self._directory, {
            "openclaw_backup_storage": {
                "url": self._url, "endpoint": self._s3.endpoint, "addressing_style": "path", "access_key_id_file": "backup-id",
                "secret_access_key_file": "backup-secret"},
            "openclaw_backup_secrets": {"backup-id": user.key_id, "backup-secret": user.secret, **keys},
            "openclaw_backup_notify": {"openclaw_event": False}}).play(playbook, **variables)

    def remove(self) -> None:
        """All that was set up on the hosts."""
        fleet.Fleet([self.source, self.staging], self._directory, {}).play("uninstall")

    def back_up(self, name: str) -> str:
        """The new snapshot's id, also of one that lacks something."""
        return fleet.tool(self.source, "now", "--force", instance=name, check=False)["snapshot"]["id"]

    def prove(self, name: str, *arguments: str) -> dict:
        """Run a proof by hand; gives its JSON, of a failure too."""
        return fleet.tool(self.staging, "verify", "--level", "boot", *arguments, instance=name, check=False)

    def packs(self, name: str) -> list[str]:
        """The names of an instance's packs, oldest first."""
        found = self._s3.client().list_objects_v2(Bucket=self.bucket, Prefix=f"backups/{name}/packs/").get("Contents", [])
        return [item["Key"] for item in sorted(found, key=lambda item: item["LastModified"])]

    def lose(self, name: str) -> None:
        """Remove an object, as whoever owns the storage could."""
        self._s3.client().delete_object(Bucket=self.bucket, Key=name)

    def flip(self, name: str) -> None:
        """Change one bit in the middle of an object."""
        content = bytearray(self._s3.client().get_object(Bucket=self.bucket, Key=name)["Body"].read())
        content[len(content) // 2] ^= 1
        self._s3.client().put_object(Bucket=self.bucket, Key=name, Body=bytes(content))

    def watch(self) -> None:
        """Let the staging host look into every sandbox from now on. seen() gives what it saw."""
        self.staging.inside("install", "-m", "0700", "/dev/stdin", "/root/sandbox_watcher.py", input=WATCHER.read_text())
        self.staging.inside("rm", "-f", "/root/seen")
        self.staging.inside("systemd-run", "--unit=sandbox-watcher", "python3", "/root/sandbox_watcher.py", "/root/seen")

    def seen(self) -> list[dict]:
        """What the watcher wrote; it is ended. A line for each sandbox."""
        self.staging.inside("systemctl", "stop", "sandbox-watcher.service")
        return [json.loads(line) for line in self.staging.inside("cat", "/root/seen").stdout.splitlines()]

    def left(self) -> str:
        """What proofs have left on the staging host: places, mounts, units, processes."""
        return self.staging.inside("sh", "-c", (
            f"ls -A /run/openclaw-verify {REGISTRY} 2>/dev/null | grep -v -e ':$' -e '^$'; grep openclaw-verify /proc/mounts; "
            "systemctl list-units --all --no-legend 'openclaw-verify-*'; pgrep -fa 'openclaw[.-](mjs|gatewa)'"), check=False).stdout.strip()
