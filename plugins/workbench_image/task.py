"""The task `image-classification`: what an image shows."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from workbench import Answer, DataError, Dataset, Model, Option, Probe, Source, UserError
from workbench.blocks.supervised import Supervised
from workbench.contract.report import DataReport
from workbench.data.classes import known_classes, unmet
from workbench.data.examples import Examples, digests
from workbench.data.ids import encode, natural_order
from workbench.data.labelled import Labels
from workbench.metrics.classification import CLASSIFICATION
from workbench_image import made_up
from workbench_image.files import Found
from workbench_image.finding import labelled, listing, unlabelled
from workbench_image.reading import FOR_PRETRAINED, LARGEST, as_grey, is_grey, read_images, working_size

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Images(Examples):
    """Examples: `pixels` uint8[n, height, width, channels], 1 channel where all images of the data are grey, else 3.

    `pretrained` is the file with the weights of a network that was trained by others; empty without.
    """

    pixels: NDArray[np.uint8]
    pretrained: str = ""

    @property
    def shape(self) -> dict[str, int]:
        """Counts: `examples`, `classes`, `height`, `width`, `channels`."""
        height, width, channels = self.pixels.shape[1:]
        return {**super().shape, "height": height, "width": width, "channels": channels}

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """int64[n]: equal for equal images, which belong together."""
        known: dict[bytes, int] = {}
        digests = (hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in self.pixels)
        return np.array([known.setdefault(digest, len(known)) for digest in digests], np.int64)

    @property
    def contents(self) -> NDArray[np.uint64]:
        """By the pixels."""
        return digests(image.tobytes() for image in self.pixels)

    @property
    def provides(self) -> set[str]:
        """`classes`, `colour` or `grey`, and `pretrained` where there are such weights."""
        known = {"pretrained"} if self.pretrained else set()
        return {*super().provides, "colour" if self.pixels.shape[3] == 3 else "grey", *known}


@dataclass(frozen=True)
class Pictures(Labels):
    """The working size that all images are brought to, and whether they are `grey`."""

    height: int
    width: int
    grey: bool


class ImageClassification(Supervised[Images]):
    """Predicts what an image shows, from images whose folders or labels say so."""

    metrics = CLASSIFICATION
    baseline = "majority"
    part = Images
    encoding = Pictures
    options = {
        "image_size": Option("the working size of images, such as 64 or 48x64 (height first); else from the data"),
        "path": Option("of a table, the column with the paths of images; else the one called path, file or image"),
        "target": Option("of a table, the column with the labels; else the one called target, label, class or y"),
        "pretrained": Option("weights of EfficientNet-Lite0 as safetensors, for the model of that name", path=True),
        "images": Option("the folder where the paths of a table start; else that of the table", path=True),
    }
    usage = "--input FOLDER --output answers.csv"

    def read(self, source: Source, options: Mapping[str, str]) -> Dataset[Images]:
        """Read a folder for each class, a zip of such folders, or a table of paths and labels."""
        data = labelled(source.data, source, options)
        test = data.test
        if source.test_data is not None:
            if test:
                raise DataError(f"{source.name} has a test folder of its own; give that or --test-data, not both")
            other = labelled(source.test_data, source, options)
            test, data = other.test or other.images, replace(data, notes=(*data.notes, *other.notes))
        weights = options.get("pretrained", "")
        if weights and not Path(weights).is_file():
            raise DataError(f"--pretrained {weights}: no such file")
        size = working_size(data.images, options.get("image_size"), FOR_PRETRAINED if weights else LARGEST)
        pixels, good, notes = read_images(data.images, size, source.on_bad_rows, source.name)
        classes, lost = _classes(data.images, good, source.name)
        encoding = Pictures(options.get("target") or "class", classes, *size, grey=is_grey(pixels))
        images = _part([data.images[row] for row in good.tolist()], pixels, encoding)
        images = replace(images, pretrained=weights and str(Path(weights).resolve()))
        images, fingerprint = images.ordered(repr(encoding))
        notes = (*notes, *lost)
        skipped = len(data.images) - len(images)
        held = None
        if test:
            held, more = self._images(test, encoding, source)
            held, fingerprint = held.ordered(fingerprint, first=len(images))
            skipped, notes = skipped + len(test) - len(held), (*notes, *more)
        notes = (*data.notes, *notes)
        total = len(images) + len(held or ())
        kind = f"{encoding.width} x {encoding.height} {'grey' if encoding.grey else 'colour'}"
        counts = f"{total:,} images · {len(classes)} classes · read as {kind}"
        report = DataReport(counts, notes, {**images.shape, "skipped": skipped})
        return Dataset(source.name, images, held, encoding, fingerprint, report, source.made_up)

    def held_out(
        self, source: Source, options: Mapping[str, str], encoding: Pictures
    ) -> tuple[Images, tuple[str, ...]]:
        """Images with what they show; of data that has a test folder, those in it."""
        data = labelled(source.data, source, options)
        images, notes = self._images(data.test or data.images, encoding, source)
        images, seen = self.unseen(images, encoding, source)
        return images, (*data.notes, *notes, *seen)

    def answer(self, model: Model, encoding: Pictures, query: Mapping[str, Any]) -> Answer:
        """A row for each image of `input`, with its `path`; see `predictions`."""
        if query.get("input") is None:
            raise UserError("say which images to answer: --input FOLDER, or a zip, a table of paths, a single image")
        source = replace(Source.of_query(query), on_bad_rows="skip-any")
        data = unlabelled(source.data, source, {})
        size = encoding.height, encoding.width
        pixels, good, notes = read_images(data.images, size, source.on_bad_rows, source.name)
        examples = Images(
            target=np.zeros(len(good), np.int32),
            n_classes=len(encoding.classes),
            ids=np.arange(len(good)),
            pixels=_channels(pixels, encoding),
        )
        found = self.predictions(model, examples, encoding.classes)
        paths = pa.array([data.images[row].name for row in good.tolist()], pa.string())
        return Answer(found.add_column(0, "path", paths), (*data.notes, *notes))

    def probes(self, encoding: Pictures, folder: Path) -> tuple[Probe, ...]:
        """A folder of images, one of them large, one of a single point; a table; nothing that is an image."""
        made_up.write_odd_ones(folder / "odd")
        (folder / "other").mkdir()
        (folder / "other" / "notes.txt").write_text("no image", encoding="utf-8")
        (folder / "paths.csv").write_text("path\nodd/point.png\nodd/large.png\n", encoding="utf-8")
        return (
            Probe("images of other sizes and colours", {"input": str(folder / "odd")}, rows=made_up.ODD_ONES),
            Probe("a table of paths", {"input": str(folder / "paths.csv")}, rows=2),
            Probe("one image", {"input": str(folder / "odd/large.png")}, rows=1),
            Probe("a folder without images", {"input": str(folder / "other")}, refused=True),
            Probe("nothing", {}, refused=True),
        )

    def sample(self) -> Source:
        return Source(made_up.shapes(seed=0, n=400), made_up=True)

    def example(self, seed: int) -> Source:
        return Source(made_up.shapes(seed, n=72), made_up=True)

    def _images(self, images: Sequence[Found], encoding: Pictures, source: Source) -> tuple[Images, tuple[str, ...]]:
        """Those that can be read and are of known classes."""
        labels = pa.array([image.label for image in images], pa.string())
        numbers, notes = known_classes(labels, encoding.classes, encoding.target)
        met = np.flatnonzero(numbers >= 0)
        if len(met) < len(images):
            strange = unmet(labels.filter(pa.array(numbers < 0)), encoding.classes, all_are=not len(met), what="image")
            if not len(met):
                raise DataError(f"{source.name}: {strange}")
            notes = (*notes, strange)
        known = [replace(images[row], label=encoding.classes[numbers[row]]) for row in met.tolist()]
        pixels, good, more = read_images(known, (encoding.height, encoding.width), source.on_bad_rows, source.name)
        return _part([known[row] for row in good.tolist()], pixels, encoding), (*notes, *more)


def _part(images: Sequence[Found], pixels: NDArray[np.uint8], encoding: Pictures) -> Images:
    """Images of known classes, with their pixels in colour."""
    return Images(
        target=encode([image.label for image in images], pa.array(encoding.classes, pa.string())),
        n_classes=len(encoding.classes),
        labels=encoding.classes,
        ids=np.arange(len(images)),
        origin=pa.array([image.name for image in images], pa.string()),
        pixels=_channels(pixels, encoding),
    )


def _channels(pixels: NDArray[np.uint8], encoding: Pictures) -> NDArray[np.uint8]:
    return as_grey(pixels) if encoding.grey else pixels


def _classes(images: Sequence[Found], good: NDArray[np.int64], name: str) -> tuple[list[str], tuple[str, ...]]:
    """(what the images show that can be read, in natural order; a note on classes that have none such).

    Raises:
        DataError: it is one class, or some class has a single image, which no split can both learn and test.
    """
    counts = Counter(images[row].label for row in good.tolist())
    classes: list[str] = natural_order(pa.array(list(counts), pa.string())).to_pylist()
    lost = sorted({image.label for image in images} - set(classes))
    if len(classes) < 2:
        raise DataError(f"{name}: all images are of one class, {classes[0]!r}; two or more are needed")
    alone = [label for label in classes if counts[label] < 2]
    if alone:
        raise DataError(f"{name}: class {alone[0]!r} has a single image; give it more, or none")
    return classes, (f"no classes, as none of their images can be read: {listing(lost)}",) if lost else ()
