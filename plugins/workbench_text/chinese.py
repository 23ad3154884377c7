"""Chinese cut into words by jieba, which is not always installed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from workbench.errors import PluginError

SHARE = 0.1
"""Of all characters: with fewer Chinese ones it hardly matters how they are cut."""

MOST_CHARACTERS = 4_000_000
"""Cutting a million takes three seconds."""


def worth_cutting(shape: Mapping[str, int]) -> bool:
    """Whether texts are Chinese enough to be cut into words, not too many, and there is what cuts them."""
    characters = shape["characters"]
    enough = shape["chinese"] >= SHARE * characters > 0
    return enough and characters <= MOST_CHARACTERS and find_spec("jieba") is not None


def check_installed() -> None:
    """Say what is missing.

    Raises:
        PluginError: jieba is not installed.
    """
    if find_spec("jieba") is None:
        raise PluginError(
            "Chinese is cut into words by jieba, which is missing: pip install 'automl-workbench[chinese]'"
        )


@cache
def cutter() -> Callable[[str], list[str]]:
    """What cuts a run of Chinese into the words of jieba's dictionary that are likeliest together.

    Raises:
        PluginError: jieba is not installed.
    """
    check_installed()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of how its source is written
        import jieba
    tokenizer = jieba.Tokenizer()
    # Left to itself it keeps its dictionary in the folder for temporary files, where it trusts whatever file it finds.
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(Path(jieba.__file__).with_name("dict.txt").open("rb"))
    tokenizer.initialized = True
    return lambda run: list(tokenizer.cut(run, HMM=False))
