"""The words of the calendar in Russian and English, and the patterns that name spans of time with them.

Texts are in lower case with е for ё. Every repetition is bounded.
"""

from datetime import timedelta

_MONTHS = (
    ("январ", "jan"),
    ("феврал", "feb"),
    ("март", "mar"),
    ("апрел", "apr"),
    ("ма", "may"),
    ("июн", "jun"),
    ("июл", "jul"),
    ("август", "aug"),
    ("сентябр", "sep"),
    ("октябр", "oct"),
    ("ноябр", "nov"),
    ("декабр", "dec"),
)
_WEEKDAYS = (
    ("понедельник", "mon"),
    ("вторник", "tue"),
    ("сред", "wed"),
    ("четверг", "thu"),
    ("пятниц", "fri"),
    ("суббот", "sat"),
    ("воскресен", "sun"),
)
_SEASONS = (("весн", "spring", 3), ("лет", "summer", 6), ("осен", "autumn", 9), ("осен", "fall", 9))
_NUMBERS = {
    "один": 1, "одну": 1, "одна": 1, "one": 1, "a": 1, "an": 1, "пару": 2, "два": 2, "две": 2, "two": 2,
    "couple": 2, "a couple of": 2, "три": 3, "three": 3, "few": 3, "a few": 3, "несколько": 3, "четыре": 4,
    "four": 4, "пять": 5, "five": 5, "шесть": 6, "six": 6, "семь": 7, "seven": 7, "восемь": 8, "eight": 8,
    "девять": 9, "nine": 9, "десять": 10, "ten": 10,
}  # fmt: skip
_UNITS = (("час", "hour", timedelta(hours=1)), ("недел", "week", timedelta(days=7)),
          ("месяц", "month", timedelta(days=30)), ("год", "year", timedelta(days=365)),
          ("лет", "year", timedelta(days=365)))  # fmt: skip
_BACK = ("прошл", "минувш", "прошедш", "last", "past", "previous", "той", "том", "то ")
_AHEAD = ("следующ", "будущ", "next", "coming")


def month(word: str) -> int:
    """The number of a month, 1…12, from a form of its name."""
    for at, (russian, english) in enumerate(_MONTHS, start=1):
        if word.startswith((russian, english)) and not (at == 5 and word.startswith(("март", "mar"))):
            return at
    raise ValueError(word)


def weekday(word: str) -> int:
    """The number of a weekday, 0 for Monday."""
    return next(at for at, stems in enumerate(_WEEKDAYS) if word.startswith(stems))


def season(word: str) -> int:
    """The first month of a season; winter begins in December."""
    return next((first for *stems, first in _SEASONS if word.startswith(tuple(stems))), 12)


def number(word: str) -> int:
    """A small number in figures or words. Raises ValueError for another word."""
    plain = " ".join(word.split())
    return int(plain) if plain.isdecimal() else _NUMBERS[plain]


def length(unit: str) -> timedelta:
    """The length of a unit of time; a month counts as 30 days."""
    return next((size for *stems, size in _UNITS if unit.startswith(tuple(stems))), timedelta(days=1))


def direction(which: str) -> int:
    """−1 for the last, 0 for this, +1 for the next."""
    return -1 if which.startswith(_BACK) else 1 if which.startswith(_AHEAD) else 0


_MONTH = (
    r"(?P<month>январ[ьея]|феврал[ьея]|марта?|марте|апрел[ьея]|ма[йяе]|июн[ьея]|июл[ьея]|августа?|августе|"
    r"сентябр[ьея]|октябр[ьея]|ноябр[ьея]|декабр[ьея]|january|february|march|april|may|june|july|august|"
    r"september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b"
)
_DAY_RU = (
    r"(?P<day>понедельник[аеу]?|вторник[аеу]?|сред[аеуы]|четверг[аеу]?|пятниц[аеуы]|суббот[аеуы]|"
    r"воскресень[яею])\b"
)
_DAY_EN = r"(?P<day>mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|satur|sat|sun)(?:day)?\b"
_DAY_EN_LONG = r"(?P<day>monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b"
_WHICH_RU = r"(?P<which>(?:прошл|минувш|прошедш|эт|следующ|ближайш|будущ)\w{1,4})"
_WHICH_EN = r"(?P<which>last|past|previous|this|coming|next)"
_N = (
    r"(?P<n>\d{1,3}|один|одн[уа]|пару|два|две|три|несколько|четыре|пять|шесть|семь|восемь|девять|десять|"
    r"one|two|three|four|five|six|seven|eight|nine|ten|a couple of|couple|a few|few|an?)"
)
_UNIT = (
    r"(?P<unit>час(?:а|ов)?|сут(?:ки|ок)|дн(?:я|ей|и)|день|недел[юьи]|недель|месяц(?:а|ев)?|год(?:а)?|лет|"
    r"hours?|days?|weeks?|months?|years?)\b"
)
_YEAR_TAIL = r"(?:,? (?P<year>(?:19|20)\d\d)\b(?: ?(?:года|году|год|г\b\.?))?)?"
_D = r"(?P<d>[12]\d|3[01]|0?[1-9])"
_FIRST = r"(?P<first>[12]\d|3[01]|0?[1-9])"
_TO = r" ?(?:по|до|to|through|until|till|and|[–—-]) ?"

PATTERNS: tuple[tuple[str, str], ...] = (
    ("last_units", rf"\b(?:за|в течение|for|in|over|during|within)? ?(?:the )?"
     rf"(?:последн\w{{2,3}}|прошедш\w{{2,3}}|last|past) {_N} {_UNIT}"),
    ("last_units", r"\bза (?P<n>)(?:последн\w{2,3}|прошедш\w{2,3}) "
     r"(?P<unit>час|сутки|день|неделю|месяц|год)\b"),
    ("last_units", r"\b(?:in|over|for|during|within) the (?P<n>)(?:last|past) (?P<unit>hour|day|week|month|year)\b"),
    ("ago", rf"\b{_N} {_UNIT} (?:тому )?(?:назад|ago)\b"),
    ("ago", r"\b(?P<n>)(?P<unit>час|день|неделю|месяц|год) (?:тому )?назад\b"),
    ("day-2", r"\bпозавчера\b|\b(?:the )?day before yesterday\b"),
    ("day+2", r"\bпослезавтра\b|\b(?:the )?day after tomorrow\b"),
    ("day-1", r"\b(?:вчера(?:шн\w{2,3})?|yesterday(?:'s)?|last night|прошлой ночью)\b"),
    ("day+1", r"\b(?:завтра(?:шн\w{2,3})?|tomorrow(?:'s)?)\b"),
    ("day+0", r"\b(?:сегодня(?:шн\w{2,3})?|today(?:'s)?|tonight|this (?:morning|afternoon|evening)|за день)\b"),
    # 3 to 10 November; 28 October to 3 November
    ("days", rf"\b(?:с |со |from |between )?{_FIRST}(?: (?P<first_month>[а-яa-z]{{3,9}}))?{_TO}{_D}(?:-?го|th|st|nd|rd)? "
     rf"(?:of )?{_MONTH}{_YEAR_TAIL}"),
    ("since_date", rf"\b(?:с|со|since|начиная с) {_D}(?:-?го|th|st|nd|rd)? (?:of )?{_MONTH}{_YEAR_TAIL}"),
    ("since_date", rf"\bsince {_MONTH} {_D}(?:th|st|nd|rd)?\b{_YEAR_TAIL}"),
    ("date", rf"\b{_D}(?:-?го|th|st|nd|rd)? (?:of )?{_MONTH}{_YEAR_TAIL}"),
    ("date", rf"\b{_MONTH} {_D}(?:th|st|nd|rd)?\b(?![:.]\d){_YEAR_TAIL}"),
    ("numeric", r"(?<![\d.,:-])(?P<year>20\d\d)-(?P<month>0[1-9]|1[0-2])-(?P<d>0[1-9]|[12]\d|3[01])(?![\d-])"),
    ("numeric", r"(?<![\d.,:])(?P<d>[12]\d|3[01]|0?[1-9])\.(?P<month>0?[1-9]|1[0-2])\.(?P<year>20\d\d|\d\d)(?![\d.])"),
    ("numeric", r"(?<![\d.,:])(?P<d>[12]\d|3[01]|0[1-9])\.(?P<month>0[1-9]|1[0-2])(?P<year>)"
     r"(?!\.?\d| ?(?:[%₽$€£°м]|руб|тыс|млн|р\b|m\b|км|кг|час))"),
    ("since_weekday", rf"\b(?:с|со|начиная с) (?:прошл\w{{2}} )?{_DAY_RU}"),
    ("since_weekday", rf"\bsince (?:last )?{_DAY_EN}"),
    ("period", r"\b(?:на |в |за |весь |всю )?(?P<which>(?:прошл|минувш|эт|следующ|будущ|той|том)\w{0,4}) "
     r"(?P<unit>недел[еюяи]|месяц[еа]?|год[уа]?)\b"),
    ("period", rf"\b(?:in |for |over |during )?{_WHICH_EN} (?P<unit>week|month|year)(?:'s)?\b"),
    ("weekend", rf"\b(?:на |в |за )?(?:{_WHICH_RU} )?выходн(?:ые|ых)\b"),
    ("weekend", rf"\b(?:on |over |at |during )?(?:the )?(?:{_WHICH_EN} )?weekend\b"),
    ("weekday", rf"\b(?:(?:в|во|на|к|до) )?(?:{_WHICH_RU} )?(?<!по ){_DAY_RU}"),
    ("weekday", rf"\b(?:on |by )?(?:{_WHICH_EN} )?{_DAY_EN_LONG}"),
    ("month", rf"\b(?:в|во|за|весь|in|during|since|last|this|next|с) {_MONTH}{_YEAR_TAIL}"),
    ("month", r"\b" + _MONTH + r" (?P<year>(?:19|20)\d\d)\b"),
    ("season", r"\b(?:(?P<which>(?:прошл|эт|следующ)\w{2,3}) )?(?P<season>весной|летом|осенью|зимой)"
     r"(?: (?P<year>20\d\d)\b(?: ?(?:года|г\b\.?))?)?(?!\w)"),
    ("season", r"\b(?P<which>last|this|next) (?P<season>spring|summer|autumn|fall|winter)(?P<year>)\b"),
    ("season", r"\b(?P<which>)in (?:the )?(?P<season>spring|summer|autumn|fall|winter)(?: of (?P<year>20\d\d))?\b"),
    ("year", r"\b(?:в|за|in|during) (?P<year>(?:19|20)\d\d)\b(?: ?(?:году|год|г\b\.?))?"),
)  # fmt: skip
