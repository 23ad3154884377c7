"""Arrays that all workers of a run read: computed once under a lock, renamed into place, mapped read-only."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np


def arrays(folder: Path, key: str, compute: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """The arrays of `key`, read-only.

    Args:
        folder: where the run keeps them.
        key: names the computation and all it depends on.
        compute: returns name -> array; called once in a run, whichever worker asks first.
    """
    name = hashlib.sha256(key.encode()).hexdigest()[:32]
    target = folder / name
    if not target.exists():
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # let go by the kernel if this process is killed
            if not target.exists():
                _compute(target, compute)
    return {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in target.iterdir()}


def _compute(target: Path, compute: Callable[[], Mapping[str, Any]]) -> None:
    draft = target.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    for name, array in compute().items():
        np.save(draft / f"{name}.npy", np.asarray(array), allow_pickle=False)
    os.rename(draft, target)  # noqa: PTH104 - atomic
