# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Made-up content that compresses and repeats as an agent's real content does. Same seed, same bytes.

Text: words drawn by Zipf's law from 20,000, so zstd finds what it finds in prose, and no long repeats.
Vectors: float32 values of a normal distribution, as sentence embeddings are. Sign, exponent and the top three bits of
the mantissa come from a pool of real normal values; the other 20 bits are fresh noise, so no two vectors share bytes.
Standard library only; about 100 MB/s of text and 500 MB/s of vectors.
"""
from __future__ import annotations

import random
from array import array

DIMENSIONS = 384  # of one embedding: 1,536 bytes
WORDS = 20_000
DRAWS = 1 << 16
POOL_VALUES = 1 << 18
NOISE_BITS = 0x000FFFFF  # of each float32


class Corpus:
    """A seeded source of content."""

    def __init__(self, seed: int) -> None:
        shared = random.Random(20261120)  # the same language for every seed: only what is said differs
        self._draws = _zipf_table(shared)
        self._pool = array("f", (shared.gauss(0.0, 0.051) for _unused in range(POOL_VALUES))).tobytes()
        self._noise = int.from_bytes(array("I", [NOISE_BITS] * DIMENSIONS).tobytes(), "little")
        self.random = random.Random(seed)

    def text(self, words: int) -> str:
        """That many words."""
        picks = array("H")
        picks.frombytes(self.random.randbytes(2 * words))
        return " ".join(map(self._draws.__getitem__, picks))

    def vector(self) -> bytes:
        """One embedding."""
        size = 4 * DIMENSIONS
        start = 4 * self.random.randrange((len(self._pool) - size) // 4)
        values = int.from_bytes(self._pool[start:start + size], "little")
        values ^= self.random.getrandbits(8 * size) & self._noise
        return values.to_bytes(size, "little")

    def key(self) -> str:
        """64 hexadecimal digits, as a content hash."""
        return self.random.randbytes(32).hex()

    def uuid(self) -> str:
        """A version 4 UUID."""
        digits = self.random.randbytes(16).hex()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def paragraphs(self, size: int) -> str:
        """Markdown of about that many bytes."""
        lines, length = [f"# {self.text(4)}", ""], 0
        while length < size:
            line = "- " + self.text(self.random.randint(8, 40))
            lines.append(line)
            length += len(line) + 1
        return "\n".join(lines) + "\n"

    def program(self, size: int) -> str:
        """Something that looks like Python source of about that many bytes."""
        lines, length = ['"""' + self.text(6) + '."""', "import json", ""], 0
        while length < size:
            names = self.text(5).split()
            block = f"def {names[0]}_{names[1]}({names[2]}, {names[3]}=None):\n    \"\"\"{self.text(9)}.\"\"\"\n" \
                    f"    {names[4]} = json.loads({names[2]})\n    return {names[4]}.get('{names[3]}', {names[3]})\n\n"
            lines.append(block)
            length += len(block)
        return "\n".join(lines)


def _zipf_table(source: random.Random) -> list[str]:
    """65,536 entries in which the word of rank r stands about 1/r as often as the first."""
    letters = "eeeettaaooiinnsshhrrddllcumwfgypbvk"
    words = ["".join(source.choices(letters, k=source.randint(2, 11))) for _unused in range(WORDS)]
    total = sum(1 / (rank + 2) for rank in range(WORDS))
    table: list[str] = []
    for rank, word in enumerate(words):
        table += [word] * max(1, round(DRAWS / total / (rank + 2)))
    return table[:DRAWS] + source.choices(words, k=max(0, DRAWS - len(table)))
