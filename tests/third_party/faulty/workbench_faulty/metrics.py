"""Metrics; one of them works."""

import os


def length(scored):
    """How long each list is."""
    return (scored.answers["items"][:, :15] >= 0).sum(axis=1)


def broken(scored):
    raise RuntimeError("out of order")


def deadly(scored):
    os._exit(3)
