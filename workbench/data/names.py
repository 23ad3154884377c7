"""Names of columns as they are compared."""

from __future__ import annotations


def plain_name(name: str) -> str:
    """In lower case without separators, and without the type that follows a colon in RecBole's `user_id:token`."""
    return "".join(letter for letter in name.partition(":")[0].lower() if letter.isalnum())
