"""Which device a worker's models run on. Only workers ask: finding out may import torch."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec

from workbench.errors import SettingsError

VARIABLE = "WORKBENCH_DEVICES"
"""Environment variable with the devices that may be used, such as `cuda:0,cuda:2`; without it, all that torch sees."""


def allowed() -> tuple[str, ...] | None:
    """The devices of `WORKBENCH_DEVICES`; None where it is not set.

    Raises:
        SettingsError: it holds something that is no device.
    """
    given = os.environ.get(VARIABLE)
    if not given:
        return None
    names = tuple(name.strip() for name in given.split(","))
    for name in names:
        if not re.fullmatch(r"cpu|cuda:\d+", name):
            raise SettingsError(f"{VARIABLE}={given}: {name!r} is no device; write it as cuda:0,cuda:1 or cpu")
    return names


def pick(setting: str = "auto", slot: int = 0) -> str:
    """The device of one worker, `"cpu"` or `"cuda:n"`: workers take the devices in turn.

    Args:
        setting: `"auto"` (a GPU where there is one), `"cpu"`, `"cuda"` or `"cuda:n"`.
        slot: the worker's number, from 0.

    Raises:
        SettingsError: there is no such device.
    """
    if setting == "cpu":
        return "cpu"
    names = allowed()
    seen = f"{VARIABLE} allows" if names is not None else "torch sees"
    gpus = [name for name in (_seen_by_torch() if names is None else names) if name != "cpu"]
    if setting in gpus:
        return setting
    if setting in ("auto", "cuda") and gpus:
        return gpus[slot % len(gpus)]
    if setting == "auto":
        return "cpu"
    there = f"{seen} {', '.join(gpus) or 'no GPU'}"
    if names is None and find_spec("torch") is None:
        there = "torch, which finds GPUs, is not installed"
    raise SettingsError(f"--device {setting}: there is no such device; {there}")


def _seen_by_torch() -> tuple[str, ...]:
    if find_spec("torch") is None:
        return ()
    import torch

    return tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))
