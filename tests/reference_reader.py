#!/usr/bin/env python3
# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restores a snapshot from a repository in a directory, by docs/format.md alone, without any of the program.

Needs the package cryptography (48 or later) and a zstd library. Checks authenticity; digests would need BLAKE3.
"""
import argparse
import base64
import hashlib
import hmac
import json
import os
import struct
import unicodedata
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

try:
    from compression import zstd
except ImportError:
    from backports import zstd

HEADS = {"key-file": b"OPENCLAW-BACKUP-KEY-1:", "operator": b"OPENCLAW-BACKUP-OPERATOR-PRIVATE-1:"}


def context(*parts):
    return "\0".join(("openclaw-backup 1", *parts)).encode()


def derive(key, *parts):
    return hmac.digest(key, context(*parts) + b"\1", "sha256")


def unseal(key, number, sealed, bound_to):
    return AESGCM(key).decrypt(number.to_bytes(12, "big"), bytes(sealed), bound_to)


def unseal_private(private, sealed, info):
    suite = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
    halves = mlkem.MLKEM768PrivateKey.from_seed_bytes(private[:64]), x25519.X25519PrivateKey.from_private_bytes(private[64:])
    return suite.decrypt(sealed, hpke.MLKEM768X25519PrivateKey(*halves), info=info)


def canonical(value, *without):
    return json.dumps({key: value[key] for key in value if key not in without}, sort_keys=True, separators=(",", ":")).encode()


def plaintext_object(data):
    value = json.loads(data.decode("ascii"))
    if value["checksum"] != hashlib.sha256(canonical(value, "checksum")).hexdigest() or canonical(value) != data:
        raise ValueError("a plaintext object is damaged")
    return value


def slot_key(slot, kind, secret):
    """The wrapping key, or None where the slot was made with another kind of secret."""
    kdf, salt = slot["kdf"], bytes.fromhex(slot["salt"])
    random = bytes(32) if kind == "open" else None
    if kind == "key-file" and secret.strip().startswith(HEADS[kind]):
        random = base64.b64decode(secret.strip()[len(HEADS[kind]):])
    if random or kdf["name"] == "hkdf-sha256":
        return derive(random, "key file", slot["salt"]) if random and kdf["name"] == "hkdf-sha256" else None
    if kdf["name"] == "argon2id":
        return Argon2id(salt=salt, length=32, iterations=kdf["iterations"], lanes=kdf["lanes"], memory_cost=kdf["memory_kib"]).derive(secret)
    return hashlib.pbkdf2_hmac("sha512", secret, salt, kdf["iterations"], 32)


def open_bundle(repository, kind, secret):
    description = plaintext_object((repository / "repository.json").read_bytes())
    if description["type"] != "openclaw-backup repository" or description["format"] != 1 or description["features"]:
        raise ValueError("the repository has another format")
    for path in sorted((repository / "keys").iterdir()):
        slot = plaintext_object(path.read_bytes())
        if slot["kind"] != kind or slot["repository"] != description["repository"]:
            continue
        bound, sealed = context("slot", canonical(slot, "sealed", "checksum").decode()), base64.b64decode(slot["sealed"])
        try:
            if kind == "operator":
                plain = unseal_private(base64.b64decode(secret.strip()[len(HEADS[kind]):]), sealed, bound)
            else:
                key = slot_key(slot, kind, secret)
                plain = unseal(key, 0, sealed, bound) if key else b"null"
        except InvalidTag:
            continue
        bundle = json.loads(plain)
        if bundle and bundle["repository"] == description["repository"] and bundle["public_key"] == description["public_key"]:
            return {name: text if name == "repository" else base64.b64decode(text) for name, text in bundle.items()}
    raise ValueError("the key opens no slot")


def open_snapshot(repository, bundle, wanted):
    path = repository / "snapshots" / wanted.replace("-", "").replace(":", "") if wanted else max((repository / "snapshots").iterdir())
    line, body = path.read_bytes().split(b"\n", 1)
    header, identity = plaintext_object(line), bundle["repository"]
    if header["format"] != 1 or header["features"] or header["id"].replace("-", "").replace(":", "") != path.name:
        raise ValueError("the snapshot has another format, or is another one")
    key = derive(bundle["catalog_key"], "snapshot", identity, header["id"], header["salt"])
    manifest = unseal(key, 0, body, context("snapshot", identity) + b"\0" + line)
    head, rest = manifest.split(b"\n", 1)
    sections = {}
    for name, stored, length in json.loads(head)["sections"]:
        sections[name], rest = zstd.decompress(rest[:stored]), rest[stored:]
        if len(sections[name]) != length:
            raise ValueError(f"section {name} has another length")
    for name, data in sections.items():
        if name.startswith(("chunk_", "frame_")) and name != "chunk_ids":
            sections[name] = struct.unpack(f"<{len(data) // 4}I", data)
    return {**sections, "meta": json.loads(sections["meta"])}


class Frames:
    def __init__(self, repository, bundle, sections):
        self.repository, self.bundle, self.sections, self.latest = repository, bundle, sections, (None, b"")
        info = context("data key", bundle["repository"])
        self.keys = [unseal_private(bundle["private_key"], base64.b64decode(key), info) for key in sections["meta"]["keys"]]

    def frame(self, number):
        if self.latest[0] != number:
            table, identity = self.sections, self.bundle["repository"]
            pack, _size, key = table["meta"]["packs"][table["frame_pack"][number]]
            with open(self.repository / "packs" / pack[:2] / pack, "rb") as stream:
                stream.seek(table["frame_offset"][number])
                stored = stream.read(table["frame_stored"][number])
            ordinal = table["frame_ordinal"][number]
            key = derive(self.keys[key], "pack", identity, pack)
            plain = zstd.decompress(unseal(key, ordinal, stored, context("frame", identity, pack, str(ordinal))))
            if len(plain) != table["frame_length"][number]:
                raise ValueError("a frame has another length than the manifest says")
            self.latest = number, plain
        return self.latest[1]

    def chunk(self, number):
        start = self.sections["chunk_offset"][number]
        return self.frame(self.sections["chunk_frame"][number])[start:start + self.sections["chunk_length"][number]]


def place(target, path):
    """Where a path of the manifest goes, with the directories above it made."""
    if not path.startswith("/") or "\0" in path or path != "/" and {"", ".", ".."} & set(path[1:].split("/")):
        raise ValueError(f"{path!r} is no clean path")
    found = os.path.join(os.fsencode(target), path[1:].encode("utf-8", "surrogateescape"))
    os.makedirs(os.path.dirname(found), exist_ok=True)
    return found


def finish(path, entry):
    for name, content in entry.get("xattrs", {}).items():
        os.setxattr(path, os.fsencode(name), base64.b64decode(content), follow_symlinks=False)
    if entry["type"] != "link":
        os.chmod(path, entry["mode"] & 0o1777)
    os.utime(path, ns=(entry["modified"], entry["modified"]), follow_symlinks=False)


def restore(repository, target, kind, secret=b"", snapshot=""):
    repository = Path(repository)
    os.mkdir(target)
    secret = unicodedata.normalize("NFC", secret.decode()).encode() if kind == "passphrase" else secret
    bundle = open_bundle(repository, kind, secret)
    sections = open_snapshot(repository, bundle, snapshot)
    frames, later = Frames(repository, bundle, sections), {"hard-link": [], "link": [], "directory": []}
    for line in sections["entries"].splitlines():
        entry = json.loads(line)
        path = place(target, entry["path"])
        if entry["type"] == "directory":
            os.makedirs(path, exist_ok=True)
        if entry["type"] != "file":
            later[entry["type"]].append((path, entry))
            continue
        with open(path, "xb") as stream:
            for first, count, *step in entry["chunks"]:
                stream.writelines(frames.chunk(first if step else first + number) for number in range(count))
        finish(path, entry)
    for path, entry in later["hard-link"]:
        os.link(place(target, entry["target"]), path)
    for path, entry in later["link"]:
        os.symlink(entry["target"].encode("utf-8", "surrogateescape"), path)
        finish(path, entry)
    for path, entry in reversed(later["directory"]):
        finish(path, entry)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("passphrase", "key-file", "operator", "open"))
    parser.add_argument("secret", help="file that holds the passphrase (its line end is ignored) or key; - for kind open")
    parser.add_argument("repository", help="directory that holds repository.json")
    parser.add_argument("target", help="directory to make")
    parser.add_argument("--snapshot", default="", help="id; the newest by default")
    given = parser.parse_args()
    content = b"" if given.kind == "open" else Path(given.secret).read_bytes()
    content = content.rstrip(b"\r\n") if given.kind == "passphrase" else content
    restore(given.repository, given.target, given.kind, content, given.snapshot)
