# ruff: noqa: RUF001 (letters of other scripts are what is tested)
"""What a terminal may be shown."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.printable import json_text, one_line, printable, steers

ANY = st.text(st.characters(exclude_categories=[]))
"""Lone surrogates and controls, too."""

LEGITIMATE = [
    "naïve café 10\u00a0€ – “quoted”",
    "шаблон δοκιμή",
    "中文\u3000全角 かな 한국어",
    "שלום עולם",
    "مرحبا ١٢٣ \u06dd",
    "e\u0301 n\u0303",
    "नमस्ते क्\u200dष",
    "می\u200cخواهم",
    "😀 👍🏽 👩\u200d🔬 ❤\ufe0f 🏳\ufe0f\u200d🌈 1\ufe0f\u20e3",
    "[red]markup[/red] :skull: \\x1b",
]


@pytest.mark.parametrize("text", LEGITIMATE)
def test_text_of_every_script_stays(text: str) -> None:
    assert one_line(text) == printable(text) == json_text(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x07", "\\x1b[2J\\x07"),
        ("\x9b31m\x85", "\\x9b31m\\x85"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("\u202egnp.exe\u2066\u200f\u061c", "\\u202egnp.exe\\u2066\\u200f\\u061c"),
        ("a\u200bb\u200dc\u200cd\ufeff\xad", "a\\u200bb\\u200dc\\u200cd\\ufeff\\xad"),
        ("\u2028\u2029\0\x7f\udce9", "\\u2028\\u2029\\x00\\x7f\\udce9"),
        ("\u05d0\u200d\u200d\u05d0", "\u05d0\\u200d\\u200d\u05d0"),
        ("\U000e0041\ufffe", "\\U000e0041\\ufffe"),
    ],
)
def test_what_steers_a_terminal_is_spelt_out(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_a_traceback_keeps_its_lines() -> None:
    assert printable("a\n\tb\r\x1b") == "a\n\tb\\r\\x1b"


@given(ANY)
def test_nothing_that_is_shown_steers(text: str) -> None:
    for shown, allowed in ((one_line(text), ""), (printable(text), "\n\t"), (json_text(json.dumps(text)), "\n")):
        left = {letter for letter in shown if steers(letter) and letter not in allowed}
        assert left <= {"\u200c", "\u200d"}
        assert not {unicodedata.category(letter) for letter in left} & {"Cc", "Cs", "Zl", "Zp"}
    assert len(one_line(text).splitlines()) <= 1


@given(st.recursive(ANY, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY, inner, max_size=3)))
def test_json_says_what_it_said(document: object) -> None:
    for ascii_alone in (False, True):
        shown = json_text(json.dumps(document, ensure_ascii=ascii_alone, indent=2))
        assert json.loads(shown) == document
        assert shown.isascii() or not ascii_alone
