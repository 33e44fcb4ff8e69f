"""Everything a person can read in a message is text of its post, with where it came from."""

from datetime import UTC, datetime
from typing import Any

import pytest
from telethon import types

from ingest import convert
from ingest.content import media
from tests.ingest.made import classes
from tg_assistant.core.posts.ingestion import IncomingPost

WHEN = datetime(2026, 11, 30, tzinfo=UTC)


def message(text: str = "", **fields: Any) -> types.Message:
    return types.Message(1, types.PeerChannel(1), WHEN, text, **fields)


def post(text: str = "", **fields: Any) -> IncomingPost:
    made = convert.post(message(text, **fields), {5: "Source"})
    assert made is not None
    return made


def parts(**fields: Any) -> list[tuple[str, str]]:
    return [(part["origin"], part["text"]) for part in post(**fields).parts]


def formatted(text: str, *entities: Any) -> types.TextWithEntities:
    return types.TextWithEntities(text, list(entities))


def poll(question: str, *answers: str, quiz: bool = False) -> types.Poll:
    options = [types.PollAnswer(formatted(each), bytes([n])) for n, each in enumerate(answers)]
    return types.Poll(1, formatted(question), options, 0, quiz=quiz)


def test_formatting_is_kept_beside_the_text():
    """Kinds by the Bot API's names, offsets in UTF-16, links with their addresses."""
    text = "😀 old new, t.me/x and @name"
    made = post(
        text,
        entities=[
            types.MessageEntityStrike(3, 3),
            types.MessageEntityTextUrl(7, 3, "https://example.org/"),
            types.MessageEntityUrl(12, 6),
            types.MessageEntityMention(23, 5),
            types.MessageEntityBankCard(0, 2),
        ],
    )
    assert made.text == text
    assert made.entities == [
        {"kind": "strikethrough", "offset": 3, "length": 3},
        {"kind": "text_link", "offset": 7, "length": 3, "url": "https://example.org/"},
        {"kind": "url", "offset": 12, "length": 6, "url": "https://t.me/x"},
        {"kind": "mention", "offset": 23, "length": 5, "url": "https://t.me/name"},
    ]
    assert made.links == ["https://example.org/", "https://t.me/x"]


def test_a_poll_is_asked():
    """Question and options in one part, votes in another; the description is the post's text."""
    results = types.PollResults(
        results=[types.PollAnswerVoters(b"\0", voters=12), types.PollAnswerVoters(b"\1", voters=30)],
        total_voters=42,
    )
    made = post("Решаем вместе", media=types.MessageMediaPoll(poll("Едем?", "Да", "Нет"), results))
    assert (made.text, made.media) == ("Решаем вместе", "poll")
    assert [(part["origin"], part["text"]) for part in made.parts] == [
        ("poll", "Опрос: Едем? Варианты ответа: Да; Нет"),
        ("poll_results", "Голоса в опросе «Едем?»: Да — 12; Нет — 30 (всего 42)"),
    ]


def test_a_quiz_tells_its_answer_and_the_reason():
    """What was right is known after voting; the reason may have struck-out words."""
    results = types.PollResults(
        results=[types.PollAnswerVoters(b"\0", voters=1, correct=True)],
        total_voters=1,
        solution="Not X but Y",
        solution_entities=[types.MessageEntityStrike(0, 5)],
    )
    told = parts(media=types.MessageMediaPoll(poll("Which?", "Y", "X", quiz=True), results))
    assert told == [
        ("quiz", "Quiz: Which? Options: Y; X"),
        ("poll_results", "Votes in the poll “Which?”: Y — 1 (1 in all)"),
        ("poll_results", "Right answer of the quiz “Which?”: Y"),
        ("quiz_solution", "Explanation of the quiz “Which?”: but Y"),
    ]


def test_a_to_do_list_has_states():
    """Each item says whether it is done."""
    items = [types.TodoItem(n, formatted(title)) for n, title in enumerate(["покрасить", "заменить доски"])]
    done = [types.TodoCompletion(0, types.PeerUser(1), WHEN)]
    made = types.MessageMediaToDo(types.TodoList(formatted("Мост"), items), done)
    assert parts(media=made) == [
        ("todo", "Список дел «Мост»: покрасить (сделано); заменить доски (не сделано)")
    ]


@pytest.mark.parametrize(
    ("made", "kind", "told"),
    [
        (
            types.MessageMediaVenue(types.GeoPointEmpty(), "Маяк", "Набережная, 1", "", "", ""),
            "venue",
            [("venue", "Место: Маяк, Набережная, 1")],
        ),
        (
            types.MessageMediaContact("+1 555", "Ann", "Lee", "", 1),
            "contact",
            [("contact", "Contact: Ann Lee, +1 555")],
        ),
        (types.MessageMediaGeo(types.GeoPointEmpty()), "location", []),
        (types.MessageMediaUnsupported(), "unsupported", []),
        (types.MessageMediaDice(4, "🎲"), "dice", [("dice", "Rolled: 🎲 4")]),
        (
            types.MessageMediaGiveaway([1], 3, WHEN, prize_description="Билеты", months=6),
            "giveaway",
            [("giveaway", "Розыгрыш: Билеты, призов: 3, Telegram Premium на месяцев: 6, до 30.11.2026")],
        ),
        (
            types.MessageMediaPaidMedia(10, [types.MessageExtendedMediaPreview()]),
            "paid",
            [("paid", "Paid post, stars: 10")],
        ),
        (None, None, []),
    ],
)
def test_media_are_named_and_read(made: Any, kind: str | None, told: list[tuple[str, str]]):
    """The kind of each, and its words with where they are from."""
    assert post(media=made).media == kind
    assert parts(media=made) == told


def document(*attributes: Any, **flags: Any) -> types.MessageMediaDocument:
    of = types.Document(1, 1, b"", WHEN, "", 1, 1, list(attributes))
    return types.MessageMediaDocument(document=of, **flags)


def test_files_and_music_have_names():
    """A file's name, a piece's performer and title; a sticker's file name says nothing."""
    name = types.DocumentAttributeFilename("отчёт за май.pdf")
    music = types.DocumentAttributeAudio(1, title="Song", performer="Band")
    sticker = types.DocumentAttributeSticker("🙂", types.InputStickerSetEmpty())
    assert parts(media=document(name)) == [("file", "Файл: отчёт за май.pdf")]
    assert parts(media=document(music)) == [("audio", "Audio: Band — Song")]
    assert parts(media=document(sticker, name)) == []
    assert post(media=document(types.DocumentAttributeAudio(1, voice=True), voice=True)).media == "voice"


def test_what_stands_around_a_message_is_read():
    """The words it replies to, a fact-check, signatures, buttons with their links, a preview, counts."""
    button = types.KeyboardInlineButton(
        "Купить билет", types.InlineButtonTypeUrl("https://tickets.example.org/1")
    )
    page = types.WebPage(
        1, "https://n.example.org/a", "", 0, site_name="News", title="T", description="D. E."
    )
    made = post(
        "Смотрите",
        reply_to=types.MessageReplyHeader(reply_to_msg_id=1, quote=True, quote_text="мост закрыт"),
        factcheck=types.FactCheck(1, text=formatted("Мост открыт.")),
        post_author="Иван Петров",
        fwd_from=types.MessageFwdHeader(WHEN, from_name="Hidden Author", post_author="Ann"),
        reply_markup=types.ReplyInlineMarkup([types.KeyboardInlineButtonRow([button])]),
        media=types.MessageMediaWebPage(page),
        forwards=7,
        reactions=types.MessageReactions(
            [
                types.ReactionCount(types.ReactionCustomEmoji(9), 1),
                types.ReactionCount(types.ReactionEmoji("👍"), 5),
            ]
        ),
    )
    assert [part["text"] for part in made.parts] == [
        "Link: News — T. D. E.",
        "В ответ на слова «мост закрыт»",
        "Проверка фактов: Мост открыт.",
        "Подпись: Иван Петров",
        "Original post signed: Ann",
        "Кнопки: Купить билет",
    ]
    assert made.links == ["https://n.example.org/a", "https://tickets.example.org/1"]
    assert (made.forward_title, made.media, made.forwards, made.reply_to) == ("Hidden Author", "link", 7, 1)
    assert made.reactions == [{"emoji": "👍", "count": 5}, {"emoji": "custom:9", "count": 1}]


def plain(text: str) -> types.TextPlain:
    return types.TextPlain(text)


def cell(text: str, **facts: Any) -> types.PageTableCell:
    return types.PageTableCell(text=plain(text), **facts)


def test_a_rich_message_is_text_with_entities():
    """Headings, lists with boxes, rows that name their columns, quotations, code, struck-out words."""
    struck = types.TextConcat([types.TextStrike(plain("50")), plain(" 40 😀")])
    rows = [
        types.PageTableRow([cell("Город", header=True), cell("Цена", header=True)]),
        types.PageTableRow([cell("Лумск"), cell("90 крон")]),
    ]
    blocks = [
        types.PageBlockHeading1(plain("Тарифы")),
        types.PageBlockParagraph(struck),
        types.PageBlockList([types.PageListItemText(plain("проезд"), checkbox=True, checked=True)]),
        types.PageBlockOrderedList(
            [types.PageListOrderedItemBlocks([types.PageBlockParagraph(plain("раз"))])]
        ),
        types.PageBlockTable(plain("Таблица"), rows),
        types.PageBlockDivider(),
        types.PageBlockBlockquote(plain("сказано"), plain("мэр")),
        types.PageBlockPreformatted(types.TextUrl(plain("x = 1"), "https://e.org", 0), "python"),
    ]
    made = post("", rich_message=types.RichMessage(blocks, [], []))
    assert made.text.split("\n") == [
        *("Тарифы", "50 40 😀", "☑ проезд", "1. раз", "Таблица", "Город | Цена"),
        *("Город: Лумск | Цена: 90 крон", "сказано", "мэр", "x = 1"),
    ]
    encoded = made.text.encode("utf-16-le")
    told = [
        (e["kind"], encoded[2 * e["offset"] : 2 * (e["offset"] + e["length"])].decode("utf-16-le"))
        for e in made.entities
    ]
    assert told == [
        ("bold", "Тарифы"),
        ("strikethrough", "50"),
        ("blockquote", "сказано"),
        ("text_link", "x = 1"),
        ("pre", "x = 1"),
    ]
    assert made.entities[-1]["language"] == "python"
    assert made.links == ["https://e.org"]


def test_a_text_nested_without_end_keeps_only_its_plain_form():
    """Deeper than any client shows: the message is kept with its text instead of stopping the page."""
    from ingest import history_pages

    nested: Any = plain("deep")
    for _ in range(200):
        nested = types.TextBold(nested)
    rich = types.RichMessage([types.PageBlockParagraph(nested)], [], [])
    [made] = history_pages.converted([message("the text", rich_message=rich)], {})
    assert (made.text, made.parts) == ("the text", [])


def test_who_hides_is_named_as_telegram_names_them():
    """A forward from an account not in the answer still has the name that the message gives."""
    known = types.MessageFwdHeader(WHEN, from_id=types.PeerChannel(5), from_name="Other")
    unknown = types.MessageFwdHeader(WHEN, from_id=types.PeerUser(6), from_name="Somebody")
    assert post(fwd_from=known).forward_title == "Source"
    assert post(fwd_from=unknown).forward_title == "Somebody"
    assert post(fwd_from=types.MessageFwdHeader(WHEN)).forward_title is None


def test_every_medium_has_a_kind():
    """Of all classes of the layer; only a message without a medium has none."""
    assert {type_ for type_, (kind, _) in media.RULES.items() if kind is None} == {types.MessageMediaEmpty}
    assert set(media.RULES) == set(classes("MessageMedia"))
