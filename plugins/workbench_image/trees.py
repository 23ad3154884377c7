"""Everything in a folder, however deep: files and folders by name, empty folders too."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from workbench import DataError
from workbench_image.files import Found, PlainFile


@dataclass
class Tree:
    """Files and folders below one root, hidden ones left out; names have `/` between folders.

    Args:
        files: in no order.
        folders: the names of all.
        notes: one line for each thing the user should know.
    """

    files: list[Found] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def add_folder(self, name: str) -> None:
        """A folder and those around it; the root, which has no name, is none."""
        while name and name not in self.folders:
            self.folders.add(name)
            name = name.rpartition("/")[0]

    def without(self, images: list[Found]) -> list[str]:
        """The outermost folders in which none of the images lies, by name."""
        full = {str(folder) for image in images for folder in PurePosixPath(image.name).parents}
        return sorted(folder for folder in self.folders - full if str(PurePosixPath(folder).parent) in full | {"."})


def folder_tree(root: Path) -> Tree:
    """The tree of a folder on disk.

    Raises:
        DataError: a folder cannot be read, or a link leads out of the root, nowhere or in a circle.
    """
    home = root.resolve()
    tree, waiting, odd = Tree(), [root], []
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise DataError(f"{shown(str(folder))} cannot be read: {error.strerror}") from error
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith("."):
                continue
            if entry.is_symlink():
                _check_link(path, home)
            name = path.relative_to(root).as_posix()
            if shown(name) != name:
                odd.append(shown(name))
            if entry.is_dir():
                waiting.append(path)
                tree.add_folder(shown(name))
            else:
                tree.files.append(Found(shown(name), PlainFile(path)))
    if odd:
        tree.notes.append(f"names that are not UTF-8 are shown with their bytes: {len(odd):,}, the first {odd[0]}")
    return tree


def shown(name: str) -> str:
    """A name of a file as text that can be stored: bytes of it that are not UTF-8 as `\\xe9`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _check_link(path: Path, home: Path) -> None:
    where = shown(str(path))
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise DataError(f"{where} is a link that leads nowhere or in a circle; remove it") from error
    if not target.is_relative_to(home):
        raise DataError(f"{where} is a link out of {home.name}; put the files there, or give a table of paths")
    if target.is_dir():
        raise DataError(f"{where} is a link to another folder of {home.name}, which would count twice; remove it")
