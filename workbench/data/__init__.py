"""Tables (Arrow) -> arrays: reading, ids, interactions, splits, fingerprints."""
