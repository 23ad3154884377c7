"""Text from files, rows and plugins as a terminal may show it: characters that would steer the terminal are escaped."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable

_STEERING = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Categories of Unicode: controls, formatting (with what turns the direction of text), surrogates, ends of lines."""

_ARABIC_SIGNS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
"""Characters of category Cf that are visible: signs that stand around the digits that follow them."""

_JOINERS = "\u200c\u200d"
"""Zero width non-joiner and joiner: between two letters of Persian or Hindi, or two emoji, they are spelling."""

_SUSPECT = re.compile(r"[^\x20-\x7e\xa1-\xac\xae-\u02ff]")
"""Characters that may have to be escaped; nearly all text has none."""


def _as_python(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def printable(text: str) -> str:
    """Text that no terminal or database stumbles over, with its line ends and tabs.

    Emoji and every script stay as they are. Control characters, lone surrogates, marks that turn the direction of
    text and characters without width become escapes such as `\\x1b`. Zero-width joiners stay between two characters
    that they can join, which no character of ASCII is.
    """
    return escaped(text, keep="\n\t")


def one_line(text: str) -> str:
    """The same on one line: line ends and tabs become escapes, too."""
    return escaped(text)


def json_text(document: str) -> str:
    """A JSON document with the same characters spelt as JSON spells them: it says what it said."""
    return escaped(document, keep="\n", spelt=lambda letter: json.dumps(letter)[1:-1])


def steers(letter: str) -> bool:
    """Whether a character is no sign of any script but changes how others are shown, or is nothing to be seen."""
    code = ord(letter)
    if unicodedata.category(letter) in _STEERING:
        return letter not in _ARABIC_SIGNS
    return 0xE0000 <= code <= 0xE0FFF or 0xFFF0 <= code <= 0xFFF8 or code & 0xFFFE == 0xFFFE


def escaped(text: str, keep: str = "", spelt: Callable[[str], str] = _as_python) -> str:
    """Text whose characters that steer are spelt out.

    Args:
        text: any.
        keep: characters that stay all the same.
        spelt: how a character is written.
    """

    def shown(match: re.Match[str]) -> str:
        letter, at = match[0], match.start()
        if letter in keep or not steers(letter) or (letter in _JOINERS and _joins(text, at)):
            return letter
        return spelt(letter)

    return _SUSPECT.sub(shown, text)


def _joins(text: str, at: int) -> bool:
    around = text[at - 1 : at] + text[at + 1 : at + 2]
    return len(around) == 2 and all(ord(letter) > 0x7F and not steers(letter) for letter in around)
