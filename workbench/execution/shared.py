"""What all workers of a run read: computed once under a lock, renamed into place, mapped read-only."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.mapped import write_array

DRAFT = ".draft"


def arrays(folder: Path, key: str, compute: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """The arrays of `key`, read-only.

    Args:
        folder: where the run keeps them.
        key: names the computation and all it depends on.
        compute: returns name -> array; called once in a run, whichever worker asks first.
    """
    target = folder / _file_name(key)
    if not target.exists():
        with _locked(target):
            if not target.exists():
                _compute(target, compute)
    return _read(target)


def rows(
    folder: Path, key: str, names: NDArray[np.uint64], compute: Callable[[Sequence[int]], NDArray[Any]]
) -> NDArray[Any]:
    """A row for each name, as a copy; those that are new are computed and kept beside what is known.

    Args:
        folder: where the run keeps them.
        key: names the computation and all it depends on.
        names: uint64[n], equal ones of equal rows.
        compute: positions in `names` -> their rows; asked for no name twice in a run.
    """
    target = folder / _file_name(key)
    target.mkdir(exist_ok=True)
    with _locked(target):
        known = [_read(path) for path in target.iterdir() if path.suffix != DRAFT]
        there = np.concatenate([names[:0], *(each["names"] for each in known)])
        distinct, first = np.unique(names, return_index=True)
        new = first[~np.isin(distinct, there)]
        if len(new) or not known:
            _compute(target / str(len(known)), lambda: {"names": names[new], "rows": compute(new.tolist())})
            known.append(_read(target / str(len(known))))
            there = np.append(there, names[new])
    order = np.argsort(there)
    places = order[np.searchsorted(there, names, sorter=order)]
    found = np.empty((len(names), *known[0]["rows"].shape[1:]), known[0]["rows"].dtype)
    start = 0
    for each in known:
        here = np.flatnonzero((places >= start) & (places < start + len(each["names"])))
        found[here] = each["rows"][places[here] - start]
        start += len(each["names"])
    return found


def _file_name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[None]:
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go by the kernel if this process is killed
        yield


def _read(target: Path) -> dict[str, Any]:
    return {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in target.iterdir()}


def _compute(target: Path, compute: Callable[[], Mapping[str, Any]]) -> None:
    draft = target.with_suffix(DRAFT)
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    for name, array in compute().items():
        write_array(draft / f"{name}.npy", np.asarray(array))
    os.rename(draft, target)  # noqa: PTH104 - atomic
