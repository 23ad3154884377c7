"""Databases that are not ours: their addresses without passwords, their errors as one line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import sqlalchemy as sa

from workbench.errors import StoreError


@contextlib.contextmanager
def foreign(url: str) -> Iterator[str]:
    """The address as it may be shown, while somebody else's code uses the database.

    Raises:
        StoreError: it is no address, or whatever the database says.
    """
    try:
        shown = sa.make_url(url).render_as_string(hide_password=True)
    except (sa.exc.ArgumentError, ValueError):
        raise StoreError("no database address; write it as sqlite:///optuna.db") from None
    try:
        yield shown
    except (sa.exc.SQLAlchemyError, ImportError) as error:
        first = (str(getattr(error, "orig", error)).splitlines() or [type(error).__name__])[0]
        raise StoreError(f"{shown} cannot be used: {first}") from error
