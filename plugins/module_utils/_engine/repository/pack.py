# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""A pack: frames one after the other, then a trailer that says which chunks they hold, then a fixed footer.

Each frame is a zstd frame, encrypted under the pack's own key, with its ordinal as nonce. The trailer is encrypted
under the catalog key, so that the next run of the same writer finds what an unfinished one has stored (docs/format.md).
"""
# pylint: disable=unidiomatic-typecheck  # what was stored is distrusted: a bool is no number here, a subclass no text
from __future__ import annotations

import base64
import json
import struct
from dataclasses import dataclass, field

from .. import dependencies
from . import crypto, names
from .tables import MAXIMUM_CHUNK, MAXIMUM_FRAME, MAXIMUM_STORED_FRAME

_FOOTER = struct.Struct("<4sI")
_MAGIC = b"OCBP"
FOOTER_BYTES = struct.calcsize("<4sI")
MAXIMUM_TRAILER = 64 << 20


@dataclass(frozen=True)
class FrameRows:
    """The chunks of one frame, in order: their ids joined, and their lengths."""

    ids: bytes
    lengths: tuple[int, ...]


@dataclass(frozen=True)
class TrailerFrame:
    """What a trailer says of one frame."""

    stored: int
    length: int
    rows: FrameRows


@dataclass(frozen=True)
class Trailer:
    """What a trailer says. sealed_key: the data key that the pack's key comes from, sealed to the repository's identity."""

    run: str
    sealed_key: bytes
    frames: list[TrailerFrame]


def pack_key(data_key: bytes, repository: str, pack_id: str) -> bytes:
    """The key that encrypts the frames of one pack and nothing else."""
    return crypto.derive(data_key, "pack", repository, pack_id)


def frame_context(repository: str, pack_id: str, ordinal: int) -> bytes:
    """What a frame's ciphertext is bound to."""
    return crypto.context("frame", repository, pack_id, str(ordinal))


def _trailer_sealer(catalog_key: bytes, repository: str, pack_id: str) -> crypto.Sealer:
    return crypto.Sealer(crypto.derive(catalog_key, "trailer", repository, pack_id))


@dataclass
class PackBuilder:
    """Gathers frames to one pack. Not thread-safe."""

    repository: str
    data_key: bytes
    pack_id: str = field(default_factory=names.random_id)
    size: int = 0
    parts: list[bytes] = field(default_factory=list)
    frames: list[TrailerFrame] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._sealer = crypto.Sealer(pack_key(self.data_key, self.repository, self.pack_id))

    def add(self, compressed: bytes, length: int, rows: FrameRows) -> tuple[int, int, int]:
        """Encrypt a compressed frame and append it: (ordinal, offset, stored length)."""
        ordinal, offset = len(self.frames), self.size
        part = self._sealer.seal(ordinal, compressed, frame_context(self.repository, self.pack_id, ordinal))
        self.parts.append(part)
        self.frames.append(TrailerFrame(len(part), length, rows))
        self.size += len(part)
        return ordinal, offset, len(part)

    def finish(self, run: str, sealed_key: bytes, catalog_key: bytes) -> list[bytes]:
        """The parts of the whole object, trailer and footer included."""
        head = {
            "run": run, "key": base64.b64encode(sealed_key).decode(),
            "frames": [[frame.stored, frame.length, list(frame.rows.lengths)] for frame in self.frames],
        }
        text = json.dumps(head, separators=(",", ":")).encode()
        plaintext = dependencies.zstd().compress(text + b"\n" + b"".join(frame.rows.ids for frame in self.frames), 3)
        sealed = _trailer_sealer(catalog_key, self.repository, self.pack_id).seal(
            0, plaintext, crypto.context("trailer", self.repository, self.pack_id))
        self.parts += [sealed, _FOOTER.pack(_MAGIC, len(sealed))]
        self.size += len(sealed) + FOOTER_BYTES
        return self.parts


def trailer_length(footer: bytes) -> int:
    """How many bytes before the footer the trailer takes. ValueError."""
    magic, length = _FOOTER.unpack(footer) if len(footer) == FOOTER_BYTES else (b"", 0)
    if magic != _MAGIC or not 0 < length <= MAXIMUM_TRAILER:
        raise ValueError("its footer is not one")
    return length


def read_trailer(sealed: bytes, catalog_key: bytes, repository: str, pack_id: str) -> Trailer:
    """A trailer, checked. ValueError for anything that is not one of this pack."""
    try:
        plaintext = _trailer_sealer(catalog_key, repository, pack_id).open(0, sealed, crypto.context("trailer", repository, pack_id))
    except crypto.NotAuthentic as exc:
        raise ValueError("its trailer does not authenticate") from exc
    head, newline, ids = expand(plaintext, MAXIMUM_TRAILER).partition(b"\n")
    value = crypto.parse(head, MAXIMUM_TRAILER)
    if not newline or type(value) is not dict or type(value.get("frames")) is not list:
        raise ValueError("its trailer is not one")
    frames, position = [], 0
    for row in value["frames"]:
        stored, length, lengths = _trailer_row(row)
        frames.append(TrailerFrame(stored, length, FrameRows(ids[position:position + 16 * len(lengths)], lengths)))
        position += 16 * len(lengths)
    if position != len(ids):
        raise ValueError("its trailer contradicts itself")
    return Trailer(crypto.text(value, "run"), crypto.binary(value, "key", crypto.KEY_BYTES + crypto.SEALED_BYTES), frames)


def _trailer_row(row) -> tuple[int, int, tuple[int, ...]]:
    """(stored, length, lengths of chunks) of one frame, checked. ValueError."""
    if type(row) is not list or list(map(type, row)) != [int, int, list] or not row[2] or any(type(length) is not int for length in row[2]):
        raise ValueError("its trailer has a broken list of frames")
    stored, length, lengths = row
    if not 0 < min(lengths) <= max(lengths) <= MAXIMUM_CHUNK or sum(lengths) != length:
        raise ValueError("its trailer has a frame whose chunks do not fill it")
    if length > MAXIMUM_FRAME or not crypto.TAG_BYTES < stored <= MAXIMUM_STORED_FRAME:
        raise ValueError("its trailer has a frame of a size that cannot be")
    return stored, length, tuple(lengths)


def expand(data: bytes, limit: int) -> bytes:
    """Decompress one zstd frame of at most limit bytes. ValueError: a bomb stops here."""
    zstd = dependencies.zstd()
    decompressor = zstd.ZstdDecompressor()
    try:
        plain = decompressor.decompress(data, limit + 1)
    except zstd.ZstdError as exc:
        raise ValueError(f"it does not decompress: {exc}") from exc
    if len(plain) > limit or not decompressor.eof or decompressor.unused_data:
        raise ValueError("it does not decompress to what it should")
    return plain


class FrameOpener:
    """Decrypts and decompresses frames of one pack. Thread-safe."""

    def __init__(self, data_key: bytes, repository: str, pack_id: str) -> None:
        self._sealer = crypto.Sealer(pack_key(data_key, repository, pack_id))
        self._repository, self._pack_id = repository, pack_id

    def open(self, ordinal: int, stored: bytes, length: int) -> bytes:
        """The plaintext of a frame, of exactly this length. ValueError."""
        if length > MAXIMUM_FRAME:
            raise ValueError("a frame says it is too large")
        try:
            compressed = self._sealer.open(ordinal, stored, frame_context(self._repository, self._pack_id, ordinal))
        except crypto.NotAuthentic as exc:
            raise ValueError(f"frame {ordinal} does not authenticate") from exc
        plain = expand(compressed, length)
        if len(plain) != length:
            raise ValueError(f"frame {ordinal} has another length than the manifest says")
        return plain
