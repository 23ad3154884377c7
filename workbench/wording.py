"""Words that messages have in common."""

from __future__ import annotations


def counted(number: int, what: str, plural: str = "") -> str:
    """`1 row`, `2 rows`, `1,234 rows`, `2 classes`.

    Args:
        number: of things.
        what: one of them.
        plural: several of them, where that is not `what` with an s.
    """
    return f"{number:,} {what if number == 1 else plural or what + 's'}"
