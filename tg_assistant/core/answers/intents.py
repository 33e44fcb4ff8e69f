"""The intents of questions and the words that show them, in Russian and English."""

import re
from enum import StrEnum

from tg_assistant.core.understanding.time_spans import Tense
from tg_assistant.core.understanding.words import content_words, stem


class Intent(StrEnum):
    """What kind of answer a question wants."""

    fact = "fact"
    current = "current"  # a value that changes: of posts that agree otherwise the newest counts
    news = "news"  # what is new, what happened: pieces of news of a span of time
    agenda = "agenda"  # what happens on a day
    listing = "listing"  # all posts about something, or how many there are
    opinion = "opinion"  # who says what
    small_talk = "small_talk"
    assistant = "assistant"  # about the assistant itself
    incomplete = "incomplete"  # no subject: asks back


WITHOUT_SEARCH = frozenset({Intent.small_talk, Intent.assistant, Intent.incomplete})

_SMALL_TALK = """
привет|приветик|здравствуй|здравствуйте|добрый день|добрый вечер|доброе утро|доброй ночи|хай|салют|ку|
спасибо|спасибо большое|большое спасибо|спс|благодарю|пасиб|от души|пока|до свидания|до завтра|ок|окей|ага|
ладно|хорошо|понятно|понял|поняла|ясно|круто|класс|супер|отлично|молодец|спасибо за помощь|как дела|
новый разговор|новая тема|сменим тему|как ты|как жизнь|ты тут|ты здесь|тест|
hi|hello|hey|good morning|good evening|good afternoon|good night|thanks|thank you|thank you very much|
thanks a lot|thx|ty|bye|goodbye|see you|ok|okay|cool|great|nice|got it|well done|how are you|
how is it going|how's it going|what's up|are you there|test|new conversation|new topic
"""
_ABOUT_ASSISTANT = "|".join(
    [
        r"^(а )?(кто|что) ты( (такой|такая|такое))?$",
        r"^что ты (умеешь|можешь|делаешь|знаешь)|^(а )?что (ты )?умеешь|^как тебя зовут|^чем (ты )?(можешь )?помочь",
        r"^ты (бот|робот|человек|нейросеть|ии|живой|chatgpt|gpt)\b|^как (ты )?работаешь|^помоги$|^помощь$",
        r"^откуда ты (берешь|знаешь)|^на чем ты (работаешь|основан)|^какие (у меня )?каналы ты читаешь",
        r"^who are you|^what are you$|^what can you do|^are you (a |an )?(bot|human|robot|ai|real|chatgpt)",
        r"^help$|^how do you work|^what do you know$|^what('s| is) your name|^where do you (get|take)",
    ]
)
_NEWS = "|".join(
    [
        r"\b(что|че|чо|чего)( там| тут| у нас| у вас)? (\w+ ){0,3}?(нового|новенького|слышно|интересного|важного)\b",
        r"\b(что|че|чо) (там |тут |еще )?(произошло|случилось|было|писали|пишут|происходит|творится|стряслось|"
        r"обсуждают|обсуждали|сообщают|сообщали|говорят|опубликовали|публиковали|постили)\b",
        r"\bновост(и|ей|ям|ях)\b|\bновостях\b|\bдайджест\w*|\bсводк[ау] (за|по|дня|новостей)|\bитоги (дня|недели)",
        r"\b(что|много ли) (я )?пропустил\w*|\bо чем (там )?(пишут|писали|говорят|речь)\b|\bв двух словах за\b",
        r"\b(перескажи|расскажи|подытожь|кратко)\b.{0,40}\b(за|новост|день|недел|вчера|сегодня|посты|канал)",
        r"\bwhat('s| is| has been| was)? (new|happening|going on|the latest( news)?$|the latest (news )?(on|about|in|from))\b|\bwhat (has )?happened\b",
        r"^(расскажи|расскажите|подробнее|подробности|инфа)( мне)?( подробнее)?( про| о| об| по)\b",
        r"^tell me (more )?about\b",
        r"^(ну )?(что|че|чо|как)( там| тут)? (с|со|по|про|насчет|на счет) \w+",
        r"\b(latest|recent|any|the|today's|yesterday's) news\b|\bnews (about|on|from|for|today|of)\b|^news\b",
        r"\b(digest|recap|catch me up|what did i miss|what have i missed|summar(y|ise|ize) of)\b",
        r"\bwhat (did|do|have) (they|channels|people|my channels|the channels) (write|post|say|written|posted)\b",
        r"\bwhat was (written|posted|said|published)\b|\banything new\b",
    ]
)
_LISTING = "|".join(
    [
        r"^(перечисли|покажи|найди|выведи|собери|дай|назови|скинь) (мне )?(все|всё|список|посты|новости|сообщения|"
        r"каждый|где)\b|^список\b|^все (посты|сообщения|новости|упоминания)\b",
        r"\bсколько (было )?(раз (писали|упомин\w+|говорили|сообщали|постили)|постов|сообщений|упоминаний|публикаций|новостей)\b",
        r"^(list|show me|find( me)?|give me) (all|every|the list|a list|posts)\b|^(all|which) posts\b",
        r"\bhow many (posts|mentions|messages)\b",
    ]
)
_OPINION = "|".join(
    [
        r"\b(что|как) (\w+ )?(думают|говорят|пишут|считают|отзываются|относятся) (о|об|про|к|насчет|по поводу)\b",
        r"\b(какие|какое) (есть )?(мнени[яе]|отзывы?)\b|\bстоит ли\b|\bмнения (о|об|про)\b|\bотзывы (о|об|на|про)\b",
        r"\bwhat (do|did) (\w+ ){1,3}(think|say|feel) (about|of)\b|\bopinions? (on|about|of)\b|\breviews? of\b",
    ]
)
_AGENDA = "|".join(
    [
        r"\bкуда (можно |бы )?(сходить|пойти|съездить|податься)\b|\bчем (можно )?заняться\b|\bчто поделать\b",
        r"\b(мероприяти\w+|афиш\w+|событи\w+)\b|\bчто (будет|ожидается|намечается|запланировано|планируется)\b",
        r"\bwhere to go\b|\bwhat to do\b|\bwhat('s| is) on\b|\b(upcoming )?events\b",
    ]
)
_CURRENT = "|".join(
    [
        r"\b(сейчас|щас|ща|теперь|на данный момент|на сегодня|сегодняшн\w+|актуальн\w+|текущ\w+|нынешн\w+|ныне)\b",
        r"\bпоследн(ий|яя|ее|ем|ей|его|юю|ие|их)\b|\bсколько (\w+ )?(стоит|стоят)\b|\bпоч[её]м\b|\bкурс\b|\bкак сыграл|\b(какой|с каким) счет",
        r"\b(какая|какова) (\w+ )?цена\b|\b(now|currently|current|at the moment|right now|these days|latest|last|"
        r"newest|still|yet)\b|\bhow much (is|are|does|do)\b|\bwhat('s| is) the price\b",
    ]
)
_PAST = (
    r"\b(был|была|было|были|вчера\w*|позавчера|прошл\w+|минувш\w+|прошедш\w+|назад|писали|"
    r"[а-я]{2,20}(ил|ял|ыл|нул|овал|ывал|грал|сал|тал|дал|жал|ал)|[а-я]{3,20}(ла|ло|ли|лось|лись|лась|лся)|прош[её]л|произош[её]л|наш[её]л|ушел|умер|"
    r"was|were|did|happened|yesterday|ago|last|previous|[a-z]{2,20}ed|won|said|went|came|took|lost|began)\b"
)
# nouns and conjunctions that look like verbs of the past
_NO_VERBS = """
канал журнал портал сигнал материал финал зал вокзал квартал капитал генерал ритуал персонал терминал
филиал карнавал сериал оригинал металл тыл автомобил если или после земли недели мысли роли соли цели
модели нули дела числа школа школы сила стекла масла ли доли боли пыли сели рубли корабли скажи вдали
около мало тело дело небо зеркало начало правила need feed speed indeed red bed bred shed united limited
"""
_NOT_PAST = frozenset(_NO_VERBS.split())
_FUTURE = (
    r"\b(будет|будут|завтра\w*|послезавтра|следующ\w+|ближайш\w+|предстоящ\w+|куда|сходить|пойти|съездить|"
    r"ожида\w+|планиру\w+|намеч\w+|запланирован\w*|состоится|пройдет|пройдут|откро(ет|ют)\w*|начнется|начнутся|"
    r"приедет|выступит|закро(ет|ют)\w*|will|going to|upcoming|next|tomorrow|planned|scheduled|coming)\b"
)
# Words that ask without naming a subject. Together with stop words they leave nothing of «Сколько стоит?».
_GENERIC = """
стоит стоят стоить цена цены ценник время работает работают открыт открыта открыто закрыт адрес находится
находятся будет будут произошло случилось происходит началось начнется закончилось закончилось нового новое
новенького новости новость новостей новостях последние последняя свежие главные главное важное важного
интересного интересное слышно писали пишут писать написали было дайджест сводка итоги расскажи расскажите
кратко скажи подскажи покажи пропустил пропустила обсуждают говорят говорили сообщают сообщали опубликовали
ожидается ожидаются намечается намечаются планируется планируются запланировано
сегодня вчера завтра сегодняшние вчерашние сходить пойти съездить куда заняться поделать мероприятия события
афиша событие каналах каналы канале канал постах посты пост раз всего именно примерно вообще такое там тут
пожалуйста плиз кстати чё че чо ага ну дай дайте хочу хотел можно нужно надо
cost costs price much long far time open opens closed located address happen happened happening going new news
latest recent today yesterday tomorrow tell show give summary digest recap miss missed anything something
please posts post channels channel said written posted events event thing things week day month go get know
"""
_GENERIC_STEMS = frozenset(stem(word) for word in _GENERIC.split())
_MARKS = re.compile(r"[^\w\s'’-]|_")
_POLITE = re.compile(
    r"^(скажи|скажите|подскажи|подскажите|а|ну|и|слушай|пожалуйста|please|hey|hi|привет|so|well|tell me)[,\s]+",
    re.IGNORECASE,
)
_ASKING_WORDS = re.compile(
    r"\b(что|чего|че|чо|какие|какая|какой|какое|где|когда|кто|кого|сколько|почему|зачем|как|о чем|про|об|о|по|"
    r"насчет|на тему|в|во|на|за|с|со|у|из|the|a|an|what|which|when|where|who|why|how|about|on|in|of|from|for|at|"
    r"is|are|was|were|did|do|does|has|have|been|there|any|в каналах|in (my |the )?channels)\b",
    re.IGNORECASE,
)


_TALK = re.compile(rf"(?:{''.join(_SMALL_TALK.split(chr(10)))})(?: (?:бот|друг|всем|там|bot|there|all))?")
_ABOUT = re.compile(_ABOUT_ASSISTANT)
_NEWS_WORDS, _LIST_WORDS, _OPINIONS = re.compile(_NEWS), re.compile(_LISTING), re.compile(_OPINION)
_NEWS_ANY_CASE, _LIST_ANY_CASE, _OPINION_ANY_CASE = (
    re.compile(pattern.pattern, re.IGNORECASE) for pattern in (_NEWS_WORDS, _LIST_WORDS, _OPINIONS)
)
_ABOUT_IT = re.compile(r"(ну )?(что|как)( там| тут)? (с|со|по|про|насчет|на счет) \w+")
_EDGES = " \t\n,.;:!?…—–-«»\"'()“”"
_AGENDA_WORDS, _NOW_WORDS = re.compile(_AGENDA), re.compile(_CURRENT)
_PAST_WORDS, _FUTURE_WORDS = re.compile(_PAST), re.compile(_FUTURE)


_AT_THIS_MOMENT = re.compile(
    r"\b(сейчас|теперь|на данный момент|уже|пока|еще|now|currently|at the moment|right now|yet|still)\b"
)
_EVENTS = re.compile(
    r"^сколько (было|случилось|произошло) \w+( в \w+| за \w+)?$|"
    r"^сколько \w+ (было|случилось|произошло)( в (сводках|каналах|городе|\w+е))?$|"
    r"^how many \w+ (were there|happened|have there been)( in \w+)?$"
)
_THANKS = re.compile(r"\b(спасиб\w*|спс|пасиб|благодарю|от души|молодец|thank\w*|thx|ty|well done)\b")
_AFRESH = re.compile(r"^(новый разговор|новая тема|сменим тему|new conversation|new topic)$")
_BYES = re.compile(r"\b(пока|до свидания|до завтра|ночи|bye|goodbye|see you|good night)\b")
_SLANG = {
    "скока": "сколько", "скок": "сколько", "скоко": "сколько", "щас": "сейчас", "ща": "сейчас", "чё": "что",
    "че": "что", "чо": "что", "када": "когда", "скажы": "скажи", "седня": "сегодня", "сёдня": "сегодня",
    "кто-нить": "кто-нибудь", "u": "you", "wat": "what", "whats": "what's", "wen": "when", "r": "are",
}  # fmt: skip
_SLANG_WORD = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, _SLANG))})(?![\w-])", re.IGNORECASE)


def spelt_out(text: str) -> str:
    """Return the question with slang and usual misspellings written out."""
    return _SLANG_WORD.sub(lambda match: _SLANG[match.group().lower()], text)


def _plain(text: str) -> str:
    return " ".join(_MARKS.sub(" ", text.lower().replace("ё", "е").replace("’", "'")).split())


def talk(text: str) -> str:
    """Return what a small-talk text is: "thanks", "bye", "hello", or "afresh" for a new conversation."""
    plain = _plain(text)
    if _AFRESH.search(plain):
        return "afresh"
    return "thanks" if _THANKS.search(plain) else "bye" if _BYES.search(plain) else "hello"


def without_search(text: str) -> Intent | None:
    """Return the intent of a text that needs no posts: a greeting, thanks, a question about the assistant."""
    plain = _plain(text)
    if _TALK.fullmatch(plain):
        return Intent.small_talk
    return Intent.assistant if _ABOUT.search(plain) else None


def asks_news(text: str) -> bool:
    """Return whether the question asks what is new, what happened, or for a digest."""
    return _NEWS_WORDS.search(_plain(text)) is not None


def asks_current(text: str) -> bool:
    """Return whether the question asks for a value as it is now, or for the last of a series."""
    return _NOW_WORDS.search(_plain(text)) is not None


def counts_events(text: str) -> bool:
    """Return whether the question asks how many events there were: «сколько было пожаров»."""
    return _EVENTS.search(_plain(text)) is not None


def asks_now(text: str) -> bool:
    """Return whether the question asks how something is at this moment."""
    return _AT_THIS_MOMENT.search(_plain(text)) is not None


def named(text: str) -> Intent | None:
    """Return the intent that the question's own words name, if any does."""
    plain = _plain(text)
    if _LIST_WORDS.search(plain):
        return Intent.listing
    if _OPINIONS.search(plain):
        return Intent.opinion
    return None


def asks_agenda(text: str) -> bool:
    """Return whether the question asks where to go or what is on."""
    return _AGENDA_WORDS.search(_plain(text)) is not None


def begins_afresh(text: str) -> bool:
    """Return whether the person says that a new conversation begins."""
    return _AFRESH.search(_plain(text)) is not None


def tense_of(text: str) -> Tense:
    """Return whether the question looks back or ahead."""
    plain = _plain(text)
    if _FUTURE_WORDS.search(plain):
        return Tense.future
    past = [match.group() for match in _PAST_WORDS.finditer(plain)]
    return Tense.past if any(word not in _NOT_PAST for word in past) else Tense.unknown


def subject_of(text: str) -> str:
    """Return the content words that say what a question is about, in its order; "" for none.

    `text` is the question without its words of time.
    """
    plain = _POLITE.sub("", text.strip())
    words = content_words(plain)
    if all(stem(word) in _GENERIC_STEMS for word in words):
        return ""
    kept = plain.replace("ё", "е")
    for pattern in (_NEWS_ANY_CASE, _LIST_ANY_CASE, _OPINION_ANY_CASE):
        kept = pattern.sub(_last_word_of_place, kept)
    kept = _ASKING_WORDS.sub(" ", kept)
    shown = [word.strip(_EDGES) for word in kept.split()]
    return " ".join(word for word in shown if content_words(word) and stem(word) not in _GENERIC_STEMS)


def _last_word_of_place(match: re.Match[str]) -> str:
    """Of «что там по мосту» the last word is the subject; other patterns name none."""
    return f" {match.group().split()[-1]} " if _ABOUT_IT.fullmatch(match.group().lower()) else " "
