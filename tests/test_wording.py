"""Messages count in the right number."""

from __future__ import annotations

import pytest

from workbench.wording import counted


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1234, "1,234 rows"), (-1, "-1 rows")]
)
def test_a_noun_is_counted(number: int, said: str) -> None:
    assert counted(number, "row") == said


def test_a_plural_may_be_another_word() -> None:
    assert [counted(number, "class", "classes") for number in (1, 2)] == ["1 class", "2 classes"]
