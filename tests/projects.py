"""A project installed for a test, as pip would install it in place, but without pip or a network."""

from __future__ import annotations

import tomllib
from pathlib import Path


def install(project: Path) -> None:
    """Put a project's metadata beside its package, so that it counts as installed where its folder is imported from."""
    about = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    metadata = project / f"{about['name'].replace('-', '_')}-{about['version']}.dist-info"
    metadata.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {about['name']}", f"Version: {about['version']}"]
    lines += [f"Requires-Dist: {requirement}" for requirement in about["dependencies"]]
    (metadata / "METADATA").write_text("\n".join([*lines, ""]), encoding="utf-8")
    points = [
        f"[{group}]\n" + "".join(f"{name} = {where}\n" for name, where in entries.items())
        for group, entries in about["entry-points"].items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(points), encoding="utf-8")
