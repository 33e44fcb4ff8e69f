"""The tokenizer of multilingual-e5-small, rebuilt from the weight file's vocabulary with `tokenizers`."""

from tg_assistant.infra.embeddings.weights import Vocabulary

LIMIT = 512  # positions the model was trained on, including the begin and end tokens


class Tokenizer:
    """Converts a text to token ids."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        from tokenizers import Regex, normalizers, pre_tokenizers
        from tokenizers import Tokenizer as Engine
        from tokenizers.models import Unigram

        self._engine = Engine(Unigram(vocabulary.pieces, unk_id=vocabulary.unknown, byte_fallback=False))
        self._engine.normalizer = normalizers.Replace(Regex(" {2,}"), " ")
        self._engine.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
        self._engine.enable_truncation(LIMIT - 2)
        self._map = vocabulary.normaliser
        self._marks = vocabulary.bos, vocabulary.eos

    def encode(self, text: str) -> list[int]:
        """Return the token ids of a text between begin and end token, truncated to `LIMIT`."""
        begin, end = self._marks
        found = self._engine.encode(text.translate(self._map), add_special_tokens=False)
        return [begin, *found.ids, end]
