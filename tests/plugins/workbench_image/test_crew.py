"""Threads that read images."""

from __future__ import annotations

import time

from workbench_image.crew import Crew
from workbench_image.files import Found, Value

IMAGES = [Found(str(number), Value(b"")) for number in range(50)]


def test_results_come_in_order() -> None:
    assert [*Crew().each(lambda image: image.name, IMAGES)] == [image.name for image in IMAGES]


def test_once_interrupted_nothing_large_is_begun() -> None:
    crew, begun = Crew(), []

    def work(image: Found) -> None:
        if image.name == "0":
            return
        with crew.turn(large=True):
            begun.append(image.name)
            while not crew._stopped:
                time.sleep(0.001)

    found = crew.each(work, IMAGES)
    next(found)
    while not begun:
        time.sleep(0.001)
    found.close()
    assert len(begun) == 1
