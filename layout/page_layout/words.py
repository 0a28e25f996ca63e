"""Words, sentences, names and addresses of many languages; the languages of the test are not those of training."""

from __future__ import annotations

import calendar
import random
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Final

from faker import Faker

from .vocabulary import VOCABULARY


@dataclass(frozen=True)
class Language:
    """A language as typst (`code`, `region`) and Faker (`locale`) know it; `script` is one of `fonts`' names."""

    code: str
    locale: str
    script: str = "latin"
    weight: float = 1.0
    held_out: bool = False
    region: str | None = None

    @property
    def right_to_left(self) -> bool:
        return self.script in ("arabic", "hebrew")

    @property
    def spaced(self) -> bool:
        """Whether spaces stand between words."""
        return self.script not in ("hans", "hant", "kana", "thai")

    @property
    def square(self) -> bool:
        """Whether its characters fill squares, as Chinese ones do: no italics, no capitals."""
        return self.script in ("hans", "hant", "kana", "hangul")

    @property
    def cased(self) -> bool:
        return self.script in ("latin", "vietnamese", "cyrillic", "greek")


LANGUAGES: Final = (
    Language("en", "en_US", weight=14),
    Language("de", "de_DE", weight=4),
    Language("fr", "fr_FR", weight=3),
    Language("es", "es_ES", weight=3),
    Language("pt", "pt_PT", weight=2),
    Language("nl", "nl_NL", weight=2),
    Language("da", "da_DK"),
    Language("id", "id_ID"),
    Language("la", "la", weight=1.5),
    Language("vi", "vi_VN", "vietnamese"),
    Language("ru", "ru_RU", "cyrillic", weight=2),
    Language("uk", "uk_UA", "cyrillic"),
    Language("zh", "zh_CN", "hans", weight=2, region="cn"),
    Language("zh", "zh_TW", "hant", weight=0.7, region="tw"),
    Language("ja", "ja_JP", "kana", weight=1.5),
    Language("ar", "ar_AA", "arabic", weight=1.3),
    Language("hi", "hi_IN", "devanagari", weight=0.7),
    # ---- never seen in training ----
    Language("it", "it_IT", weight=3, held_out=True),
    Language("pl", "pl_PL", weight=3, held_out=True),
    Language("cs", "cs_CZ", weight=3, held_out=True),
    Language("sv", "sv_SE", weight=2, held_out=True),
    Language("fi", "fi_FI", weight=2, held_out=True),
    Language("tr", "tr_TR", weight=2, held_out=True),
    Language("el", "el_GR", "greek", weight=2, held_out=True),
    Language("ko", "ko_KR", "hangul", weight=2, held_out=True),
    Language("he", "he_IL", "hebrew", held_out=True),
    Language("th", "th_TH", "thai", weight=0.7, held_out=True),
)


@cache
def _faker(locale: str) -> Faker:
    return Faker("en_US" if locale == "la" else locale)


@cache
def _vocabulary(language: Language) -> tuple[list[str], list[float]]:
    """Its words, and weights by which short ones come oftener, as in real text."""
    if language.code in VOCABULARY:
        words = VOCABULARY[language.code].split()
    else:
        provider = import_module(f"faker.providers.lorem.{language.locale}").Provider
        words = [word for word in provider.word_list if 0 < len(word) < 18 and word.strip() == word]
        words += list(getattr(provider, "common_words", ())) or []

    return words, [1 / (1 + len(word)) for word in words]


QUOTES: Final = {
    "de": "„“",
    "cs": "„“",
    "pl": "„”",
    "fr": "«»",
    "ru": "«»",
    "uk": "«»",
    "el": "«»",
    "it": "«»",
    "zh": "“”",
    "ja": "「」",
}


class Words:
    """All that is written in one document of one language, drawn from `rng`."""

    def __init__(self, language: Language, rng: random.Random) -> None:
        self.language = language
        self.rng = rng
        self._words, self._weights = _vocabulary(language)
        # a document has its own favourite words, and names that come back
        self._topic = [self.word() for _ in range(12)]
        self._fake = _faker(language.locale)
        self._fake.seed_instance(rng.getrandbits(32))
        self._separator = " " if language.spaced else ""
        cjk = language.script in ("hans", "hant", "kana")
        self.comma = ("、" if language.code == "ja" else "，") if cjk else "،" if language.script == "arabic" else ","
        self.stop = "。" if cjk else "।" if language.code == "hi" else "" if language.code == "th" else "."
        self.colon = "：" if cjk else ":"
        self.quotes = QUOTES.get(language.code, "“”")

    def word(self) -> str:
        return self.rng.choices(self._words, self._weights)[0]

    def words(self, count: int) -> list[str]:
        """Words that aren't all equally common: some are the document's own."""
        drawn = self.rng.choices(self._words, self._weights, k=count)
        return [self.rng.choice(self._topic) if self.rng.random() < 0.12 else word for word in drawn]

    def join(self, words: list[str]) -> str:
        """Words as they stand beside each other in this language."""
        return self._separator.join(words)

    def capital(self, text: str) -> str:
        """With a capital letter in front."""
        return text[:1].upper() + text[1:]

    def tokens(self, count: int) -> list[str]:
        """A sentence in pieces: words with the punctuation that sticks to them."""
        rng = self.rng
        words = self.words(count)
        words[0] = self.capital(words[0])
        for index in range(len(words)):
            roll = rng.random()
            if roll < 0.012:
                words[index] = f"({words[index]})"
            elif roll < 0.02:
                words[index] = f"{self.quotes[0]}{words[index]}{self.quotes[1]}"
            elif roll < 0.045:
                words[index] = self.number()
            elif roll < 0.055 and self.language.cased:
                words[index] = words[index].upper()[:5]
            elif roll < 0.075:
                words[index] = self.capital(words[index])
            if index < len(words) - 1 and rng.random() < 0.075:
                words[index] += self.comma if rng.random() < 0.85 else (self.colon if rng.random() < 0.5 else " –")
        words[-1] = words[-1].rstrip(" –,،，、:：") + (self.stop if rng.random() < 0.95 else "?")
        return words

    def sentence(self, low: int = 5, high: int = 24) -> str:
        """A sentence of so many words."""
        return self.join(self.tokens(self.rng.randint(low, high)))

    def phrase(self, low: int, high: int) -> str:
        """So many words without a full stop: a heading, a label, an entry."""
        return self.capital(self.join(self.words(self.rng.randint(low, high))))

    def headline(self, low: int = 2, high: int = 9) -> str:
        """A phrase as a heading has it; English ones sometimes in title case."""
        words = self.words(self.rng.randint(low, high))
        if self.language.code == "en" and self.rng.random() < 0.5:
            words = [word if len(word) < 4 else self.capital(word) for word in words]
        words[0] = self.capital(words[0])
        if len(words) > 4 and self.rng.random() < 0.15:
            words[1] += self.colon
        return self.join(words)

    def number(self) -> str:
        """A number of everyday text."""
        rng = self.rng
        return rng.choice(
            (
                str(rng.randint(1, 99)),
                str(rng.randint(100, 9999)),
                str(rng.randint(1900, 2030)),
                f"{rng.uniform(0, 100):.1f}",
                f"{rng.uniform(0, 1):.3f}",
                f"{rng.randint(1, 99)}%",
                f"{rng.randint(1, 999)},{rng.randint(0, 999):03d}",
            )
        )

    def name(self) -> str:
        return str(self._fake.name())

    def company(self) -> str:
        return str(self._fake.company())

    def job(self) -> str:
        return str(self._fake.job())

    def address(self) -> list[str]:
        """Two to four lines."""
        return [line for line in str(self._fake.address()).splitlines() if line.strip()]

    def city(self) -> str:
        return str(self._fake.city())

    def email(self) -> str:
        return str(self._fake.ascii_email())

    def phone(self) -> str:
        return str(self._fake.phone_number())

    def url(self) -> str:
        return f"https://{self._fake.domain_name()}/{self.rng.choice(('', 'docs', 'about', 'de', 'index.html'))}"

    def date(self) -> str:
        rng = self.rng
        year, month, day = rng.randint(1975, 2030), rng.randint(1, 12), rng.randint(1, 28)
        pattern = rng.choice(
            ("{y}-{m:02}-{d:02}", "{d:02}.{m:02}.{y}", "{d}/{m}/{y}", "{d} {n} {y}", "{n} {d}, {y}", "{n} {y}")
        )
        if self.language.script in ("hans", "hant", "kana"):
            pattern = "{y}年{m}月{d}日"
        month_name = calendar.month_name[month] if self.language.code == "en" else self.capital(self.word())[:9]
        return pattern.format(y=year, m=month, d=day, n=month_name)
