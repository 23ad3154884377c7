"""Whether a model has changed the files of a run's data, which all processes of the run map into memory."""

from __future__ import annotations

from pathlib import Path

DATA_CHANGED = "a model has changed the files of the run"
"""Start of the reason of a trial or run whose files a model has changed; no later result can be trusted."""


class Originals:
    """Files as they were written.

    They are made read-only, which stops a program that writes to them by mistake. A program of the same user can change
    them all the same, so that changes are looked for.
    """

    def __init__(self) -> None:
        self._states: dict[Path, tuple[int, int, int]] = {}

    def add(self, folder: Path) -> None:
        """Watch the files below a folder that are not watched yet."""
        for path in folder.rglob("*"):
            if path.is_file() and path not in self._states:
                path.chmod(0o444)
                self._states[path] = _state(path)

    def changed(self) -> Path | None:
        """A file that has changed; None where there is none. A removed file is not one: processes have it mapped."""
        for path, state in self._states.items():
            try:
                if _state(path) != state:
                    return path
            except OSError:
                continue
        return None


def _state(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
