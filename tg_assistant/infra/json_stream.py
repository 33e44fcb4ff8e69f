"""JSON read piece by piece from a file of any size: only one small value at a time is in memory."""

import re
from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder
from typing import Any, TextIO

MAX_VALUE = 4 * 2**20  # characters of a value that is read whole
_CHUNK = 2**16
_AFTER = tuple(",]}: \t\r\n")  # what may stand behind a value
_SPACE = re.compile(r"[ \t\r\n]*")


class BrokenJson(ValueError):
    """The text is no JSON, ends too early, or has a value larger than `MAX_VALUE`."""


class JsonStream:
    """A position in a JSON document: `entries` and `items` lead into it, `value` and `skip` past a value."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._buffer, self._at = file, "", 0
        self._decode = JSONDecoder().raw_decode

    def peek(self) -> str:
        """Return the next character that is no white space; "" at the end."""
        while True:
            self._at = _SPACE.match(self._buffer, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._fill():
                return ""

    def value(self) -> Any:
        """Read the next value whole. Raises BrokenJson."""
        self.peek()
        while True:
            try:
                found, end = self._decode(self._buffer, self._at)
            except RecursionError:
                raise BrokenJson("nested too deep") from None
            except JSONDecodeError:
                found, end = None, len(self._buffer)
            if self._buffer[end : end + 1] in _AFTER:  # "1" may go on as "1.5e3" behind the buffer's end
                self._at = end
                return found
            if len(self._buffer) - self._at > MAX_VALUE or not self._fill():
                return self._last()

    def entries(self) -> Iterator[str]:
        """Yield the keys of the object that comes next; read or skip each value before the next key."""
        for _ in self._within("{", "}"):
            key = self.value()
            if not isinstance(key, str):
                raise BrokenJson("a key is no text")
            self._expect(":")
            yield key

    def items(self) -> Iterator[None]:
        """Step through the array that comes next; read or skip each item before the next one."""
        return self._within("[", "]")

    def skip(self) -> None:
        """Pass the next value, of any size, without holding it. Raises BrokenJson."""
        try:
            opening = self.peek()
            if opening == "{":
                for _ in self.entries():
                    self.skip()
            elif opening == "[":
                for _ in self.items():
                    self.skip() if self.peek() == "[" else self.value()
            else:
                self.value()
        except RecursionError:
            raise BrokenJson("nested too deep") from None

    def _within(self, opening: str, closing: str) -> Iterator[None]:
        self._expect(opening)
        if self.peek() == closing:
            self._at += 1
            return
        while True:
            yield
            if self.peek() == closing:
                self._at += 1
                return
            self._expect(",")

    def _expect(self, character: str) -> None:
        if (found := self.peek()) != character:
            raise BrokenJson(f"{found or 'the end'} where {character} should be")
        self._at += 1

    def _last(self) -> Any:
        """Read a value that the file ends with, such as a number alone."""
        try:
            found, self._at = self._decode(self._buffer, self._at)
        except (JSONDecodeError, RecursionError):
            raise BrokenJson("no JSON, cut off, or too large a value") from None
        return found

    def _fill(self) -> bool:
        """Read on, as much again as is held, so that retries cost linear time; False at the end."""
        rest = self._buffer[self._at :]
        more = self._file.read(max(_CHUNK, len(rest)))
        self._buffer, self._at = rest + more, 0
        return bool(more)
