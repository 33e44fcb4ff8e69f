"""JSON of any size, piece by piece: the same values as a parser's, and never the whole text in memory."""

import io
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tg_assistant.infra import json_stream
from tg_assistant.infra.json_stream import BrokenJson, JsonStream

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def walked(stream):
    """The value that comes next, read by its parts."""
    if stream.peek() == "{":
        return {key: walked(stream) for key in stream.entries()}
    if stream.peek() == "[":
        return [walked(stream) for _ in stream.items()]
    return stream.value()


@given(JSON, st.integers(min_value=1, max_value=9), st.sampled_from([None, 1]))
def test_it_reads_what_a_parser_reads(value, chunk, indent):
    """Wherever the text is cut into pieces: in a number, an escape, a surrogate pair."""
    text = json.dumps(value, indent=indent, ensure_ascii=bool(chunk % 2))
    before, json_stream._CHUNK = json_stream._CHUNK, chunk
    try:
        assert walked(JsonStream(io.StringIO(text))) == value
        stream = JsonStream(io.StringIO(f"[{text}, 1]"))
        seen = []
        for n, _ in enumerate(stream.items()):
            seen.append(stream.skip() if n == 0 else stream.value())
        assert seen == [None, 1] and stream.peek() == ""
    finally:
        json_stream._CHUNK = before


@given(st.text(alphabet='{}[]",:\\ 1tn', max_size=30))
def test_what_is_no_json_is_broken(text):
    """Never another error, and never an endless loop."""
    stream = JsonStream(io.StringIO(text))
    try:
        walked(stream)
    except BrokenJson:
        return
    assert json.loads(text[: len(text) - len(stream._buffer) + stream._at]) is not ...


@pytest.mark.parametrize("text", ['{"a": ' * 5_000, "[" * 100_000 + "]" * 100_000, '"' + "x" * 9_000_000])
def test_what_would_be_too_much_is_refused(text):
    """Nested too deep, or a value without an end."""
    for read in (JsonStream.value, JsonStream.skip):
        with pytest.raises(BrokenJson):
            read(JsonStream(io.StringIO(text)))


def test_memory_does_not_grow_with_the_file():
    """Fifty thousand items are passed in a few megabytes."""

    class Endless(io.StringIO):
        left = 50_000

        def read(self, size: int | None = -1, /):
            if self.left == 50_000:
                self.left -= 1
                return f"[{item}"
            count = min(self.left, max(1, (size or 0) // 100))
            self.left -= count
            return f",{item}" * count

    item = json.dumps({"text": "x" * 80})
    tracemalloc.start()
    stream, count = JsonStream(Endless()), 0
    with pytest.raises(BrokenJson):  # it ends without a bracket
        for _ in stream.items():
            stream.value()
            count += 1
    assert count == 50_000 and tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()
