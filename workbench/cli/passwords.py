"""Passwords of database addresses, misspelled ones among them, are kept off the screen."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote, unquote

HIDDEN = "***"

_SHORTEST = 3
"""Characters of a secret that is hidden wherever it stands; a shorter one would hide parts of ordinary words."""

_ADDRESS = re.compile(r"(:/+[^\s:@]*):[^\s]*@")
_WRITTEN = re.compile(r"(?P<scheme>(?!sqlite)[\w+.-]+:)?(?P<slashes>/*)(?P<user>[^:@]*):(?P<rest>.*)", re.DOTALL)
_NAMED = re.compile(r"(?i)(\w*(?:password|passwd|pwd)=)('[^']*'?|\"[^\"]*\"?|[^\s&]*)")


def hidden(text: str, arguments: Sequence[str]) -> str:
    """A text without the passwords of the addresses that were given, in the command line or by the environment.

    Args:
        text: to be shown.
        arguments: of the command line.
    """
    given = [*arguments, os.environ.get("WORKBENCH_DB", "")]
    for secret in sorted(_secrets(given), key=len, reverse=True):
        for spelling in {secret, quote(secret), quote(secret, safe=""), unquote(secret)}:
            if len(spelling) >= _SHORTEST:
                text = text.replace(spelling, HIDDEN)
    return _NAMED.sub(rf"\1{HIDDEN}", _ADDRESS.sub(rf"\1:{HIDDEN}@", text))


def _secrets(given: Sequence[str]) -> Iterable[str]:
    """What may be a password, and its pieces where the shell has cut it."""
    if secret := os.environ.get("PGPASSWORD"):
        yield secret
    for position, argument in enumerate(given):
        for match in _NAMED.finditer(argument):
            yield match[2].strip("'\"")
            yield from _pieces(given[position + 1 :]) if match.end() == len(argument) else ()
        written = _WRITTEN.match(argument.partition("=")[2] if argument.startswith("--") else argument)
        if written is None or not (written["scheme"] or written["slashes"]):
            continue
        rest = written["rest"]
        if "@" in rest:
            yield rest.rpartition("@")[0]
        elif not re.match(r"\d+(/|$)", rest):  # else the port of a host
            pieces = list(_pieces(given[position + 1 :]))
            if pieces or len(written["slashes"]) > 1:  # else a file whose name has a colon
                yield from [rest, *pieces]


def _pieces(arguments: Sequence[str]) -> Iterable[str]:
    """The rest of an address that had blanks, up to its host; nothing where no host follows."""
    found: list[str] = []
    for argument in arguments:
        if argument.startswith("-") or "=" in argument:
            return
        if "@" in argument:
            yield from [*found, argument.rpartition("@")[0]]
            return
        found.append(argument)
