"""The kind of thing a question asks for (a sum, a time, a reason…) and how to recognise one in a text."""

import re
from dataclasses import dataclass

_MONEY = "|".join(
    [
        r"[₽$€£¥]",
        r"\b(руб|коп(ее|\b)|тыс|млн|млрд|евро\b|доллар|крон[аы]?\b|франк|фунт|юан|тенге|бесплатн|даром)",
        r"\b(free|dollar|rub|usd|eur|euro|pound)",
        r"\b\d{1,3}(?:[ \u00a0\u202f]\d{3}){1,4}(?=$| за\b| в месяц|[,.;)])",
        r"\b(за|по|до) \d{3,}\b|\b\d{3,} (за|в месяц|с человека)\b",
    ]
)
_NUMBER = "|".join(
    [
        r"\d+",
        r"\b(один|одн[аоу]|дв[аеу]|три|четыр|пят|шест|сем[ьи]|восем|девят|десят|сто|ноль|половин|полтор)\w*",
        r"\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|half|twice|none)\b",
        r"\b(hundred|thousand|million|billion)",
    ]
)
_TIME = "|".join(
    [
        r"\d+",
        r"\b(понедельник|вторник|сред[аеуы]|четверг|пятниц|суббот|воскресен)\w*",
        r"\b(январ|феврал|март|апрел|ма[йея]\b|июн|июл|август|сентябр|октябр|ноябр|декабр)\w*",
        r"\b(сегодня|завтра|вчера|утр|вечер|ноч|полдень|весн|лет[оа]|осен|зим|недел|месяц)\w*",
        r"\b(mon|tues|wednes|thurs|fri|satur|sun)day",
        r"\b(january|february|march|april|may|june|july|august|september|october|november|december)\b",
        r"\b(today|tomorrow|yesterday|morning|evening|night|noon|spring|summer|autumn|winter|week|month)",
    ]
)
_PEOPLE = (
    r"\d\s*(человек|людей|зрител|болельщик|участник|посетител|гост|жител|people|visitors|spectators|guests)"
)
_AGE = r"\b\d+[ \u00a0-]?(лет|год|years?\b|year-old)|\b(лет|years)\b"
_NAME = r"(?<![.!?…\n] )(?<!^)(?<!\n)([«\"“]?[A-ZА-ЯЁ]|@)\w+"
_REASON = "|".join(
    [
        r"\b(потому|из-за|причин|оказал[ои]сь|поэтому|так как|поскольку|ведь|вызва[лн]|виноват)\w*",
        r"\b(because|due to|caus(e|ed|es)|reasons?|turned out|after|thanks to|owing to|so that)\b",
    ]
)
_WHICH = r"как(?:ой|ая|ое|ие|ого|ому|их|им|ую|ом)"
_WHEN = "|".join(
    [
        r"\b(во сколько|[сдок]{1,2} (какого|которого|скольки) (часа|часов|числа|месяца)|когда)\b",
        rf"\b(в|на|к) {_WHICH} (время|день|дни|дню|час|часы|число|месяц|год|году)\b",
        r"\b(what time|when|which day|what days?|what year|how soon|(opening|working) hours)\b",
    ]
)
# The verb of travel belongs to the match: «сколько стоит доехать» is answered by «билет 156 ₽», without it.
_HOW_DEAR = "|".join(
    [
        r"\bсколько (будет )?(стоит|стоят|стоил[аои]?)( (доехать|добраться|долететь)\b)?",
        r"\bсколько (\w+ )?(денег|просят|берут|платят|плат[ия]т|заплатил[аи]?)\b",
        r"\b(поч[её]м|цен[аеуы]\b|за какие деньги|во что (\w+ )?обо(шел|шла|шлось|шлась|йдется|йдётся)\b)",
        r"\bhow much (is|are|was|were|did (i|we|you|he|she|they) pay)\b",
        r"\b(cost( to (get|travel)\b)?|price|(what|how much) did (i|we|you|he|she|they) pay( for)?)",
    ]
)
_HOW_OLD = rf"\b(сколько лет|{_WHICH} возраста|how old|what age)\b"
_HOW_MANY = r"\b(сколько|скольких|how (many|much|long|heavy|tall|far|old|big|large|high|often|fast|deep))\b"
_SCORE = (
    r"\b(как (сыграл|сыграли|закончился|завершился)\w*|(какой|с каким) сч[её]т(ом)?|"
    r"результат\w* (матча|игры)|чем (закончился|завершился) матч|(what (was|is) )?the (final )?score)"
)
_STATE = (
    r"\b(ход[ия]т|работа[ею]т|езд[ия]т|лета[ею]т|открыт[аоы]?|закрыт[аоы]?|действу[ею]т|ид[её]т|"
    r"(is|are) (\w+ ){0,4}(running|open|closed|working|available))\b"
)
_IN_STATE = "|".join(
    [
        r"\b(стоит|стоят|ход[ия]т|закры|откры|отмен|работа[ею]т|приостанов|прекра[щт]|возобнов|перекры)",
        r"\b(задерж|не ид)",
        r"\b(suspend|cancel|closed|open|running|stopped|resumed|delayed|reopen)",
    ]
)
_RESULT = r"\b\d{1,2}[:–-]\d{1,2}\b"
_CAME = r"( (было|пришло|приехало|собралось|побывало)| (came|attended|were there))?"
_HOW_MANY_PEOPLE = rf"\b(сколько (было )?(народ[ау]?|человек|людей)|how many people){_CAME}\b"
_WHO = r"\b(кто|кого|кому|кем|чей|чья|чьё|who|whom|whose)\b"
_CALLED = rf"\b(как (зовут|звали|называется|назвали)|{_WHICH} (имя|название)|the name of|called|named)\b"
_WHY = r"\b(почему|отчего|из-за чего|зачем|по какой причине|why|what caused|how come|for what reason)\b"
# The thing counted or chosen is named right after these: «сколько этажей», "which firmware".
_COUNTED = re.compile(r"\b(сколько|скольких|how many|how much)\s+$")
_CHOSEN = re.compile(rf"(^|\s)({_WHICH}|what|which)\s+$")
_NEAR = 40  # characters before a word that are searched for the words that ask for it


@dataclass(frozen=True)
class Kind:
    """A kind of answer. `asks` is searched for in the lower-cased question, `shows` in a possible answer.

    `worth`: how far showing the kind covers the asking words, 0…1; a sum may be the price of something else.
    `needed`: a post that does not show the kind does not answer.
    """

    asks: re.Pattern[str]
    shows: re.Pattern[str]
    worth: float
    needed: bool = True


def _kind(asks: str, shows: str, worth: float, *, needed: bool = True, exact_case: bool = False) -> Kind:
    """Compile a kind; with `exact_case`, `shows` is case-sensitive."""
    return Kind(re.compile(asks), re.compile(shows, 0 if exact_case else re.IGNORECASE), worth, needed)


WHY = _kind(_WHY, _REASON, 0.6, needed=False)
_PRICE = _kind(_HOW_DEAR, _MONEY, 0.6)
_COUNT = _kind(_HOW_MANY, _NUMBER, 0.6)
# The first match wins, so specific kinds come first: «6 112 зрителей» answers «сколько народу пришло».
_KINDS = [
    WHY,
    _kind(_SCORE, _RESULT, 1.0),
    _kind(_WHEN, _TIME, 0.6),
    _PRICE,
    _kind(_HOW_OLD, _AGE, 1.0),
    _kind(_HOW_MANY_PEOPLE, _PEOPLE, 1.0, needed=False),
    _COUNT,
    _kind(_CALLED, _NAME, 0.4, exact_case=True),
    _kind(_WHO, _NAME, 0.6, exact_case=True),
    _kind(_STATE, _IN_STATE, 0.9, needed=False),
]


def asked_for(question: str) -> tuple[Kind, str] | tuple[None, str]:
    """Return the kind of answer asked for and the words that ask for it; (None, "") if it may be anything."""
    lower = question.lower()
    for kind in _KINDS:
        if found := kind.asks.search(lower):
            return kind, found.group()
    return None, ""


def is_counted(kind: Kind | None, before: str) -> bool:
    """Return whether the word that follows the text `before` names what is counted."""
    return kind is _COUNT and _COUNTED.search(before[-_NEAR:].lower()) is not None


def is_chosen(before: str) -> bool:
    """Return whether the word that follows the text `before` names what is to be chosen from."""
    return _CHOSEN.search(before[-_NEAR:].lower()) is not None


def is_priced(kind: Kind | None) -> bool:
    """Return whether a price is asked for."""
    return kind is _PRICE
