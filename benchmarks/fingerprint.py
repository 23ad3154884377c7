"""Reading, numbering and fingerprinting generated interactions: CPU seconds.

python benchmarks/fingerprint.py [--rows 10000000]
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pyarrow as pa

from workbench import Source
from workbench.data.reading import fingerprint, read_interactions

USERS, ITEMS = 200_000, 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    count = parser.parse_args().rows
    rng = np.random.default_rng(0)
    pairs = rng.permutation(np.unique(rng.integers(0, USERS * ITEMS, int(count * 1.01)))[:count])
    table = pa.table(
        {
            "user": (pairs // ITEMS).astype(np.int32),
            "item": (pairs % ITEMS).astype(np.int32),
            "rating": rng.integers(1, 6, count).astype(np.float32),
            "timestamp": rng.integers(1_500_000_000, 1_600_000_000, count),
        }
    )
    start = time.process_time()
    dataset = read_interactions(Source(table), {})
    read = time.process_time()
    again = fingerprint(dataset.encoding.users, dataset.encoding.items, dataset.data)  # type: ignore[attr-defined]
    end = time.process_time()
    assert again == dataset.fingerprint
    print(f"{count:,} rows: {read - start:.2f} CPU s in all, {end - read:.2f} of them the fingerprint")


if __name__ == "__main__":
    main()
