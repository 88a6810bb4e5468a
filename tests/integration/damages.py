"""What may happen to a file: deleted, cut short, single bits turned, pages lost."""

from collections.abc import Callable
from pathlib import Path
from random import Random


def _delete(path: Path, _: Random) -> None:
    path.unlink()


def _truncate(path: Path, rng: Random) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(rng.randrange(size))


def _flip_one_bit(path: Path, rng: Random) -> None:
    _flip(path, rng, 1)


def _flip_many_bits(path: Path, rng: Random) -> None:
    _flip(path, rng, 64)


def _flip(path: Path, rng: Random, bits: int) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(bits):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def _zero_a_page(path: Path, rng: Random) -> None:
    content = bytearray(path.read_bytes())
    start = rng.randrange(len(content)) // 4_096 * 4_096
    content[start : start + 4_096] = bytes(len(content[start : start + 4_096]))
    path.write_bytes(content)


def _lose_the_header(path: Path, rng: Random) -> None:
    content = bytearray(path.read_bytes())
    content[: rng.randrange(1, 12_288)] = b""
    path.write_bytes(content)


DAMAGES: tuple[Callable[[Path, Random], None], ...] = (
    _delete,
    _truncate,
    _flip_one_bit,
    _flip_one_bit,
    _flip_one_bit,
    _flip_many_bits,
    _zero_a_page,
    _lose_the_header,
)
"""What may happen to a file, the single bit more often than the rest."""
