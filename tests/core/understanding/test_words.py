"""Words of a text."""

from tg_assistant.core.understanding.words import content_words


def test_a_number_with_spaces_is_one_word():
    """«1 950» is not a 1 and a 950, so that "Pavo 5" is not found in «5 000 ₽»."""
    assert content_words("Тарн-19, tidepool 2.0, 4К") == ["тарн", "19", "tidepool", "2.0", "4к"]
    assert content_words("Проездной – 1 950 ₽, в 18:30") == ["проездной", "1 950", "18", "30"]
