"""How what a model learned is stored: by type, in formats that cannot run code when they are read.

| type                         | stored as                                                      |
|------------------------------|----------------------------------------------------------------|
| numpy array, numpy scalar    | `arrays.safetensors`                                           |
| numpy array of text          | `<name>.npy`, without pickles                                  |
| scipy sparse matrix or array | `<name>.npz` (CSR or CSC), without pickles                     |
| scikit-learn estimator       | `<name>.skops`, deflated; see `workbench.contract.estimators`  |
| LightGBM booster             | `<name>.lightgbm.txt`                                          |
| plain values                 | `plain.json`: None, bool, int, float, str, lists, string-keyed dicts |

Anything else is refused with the attribute's name. A torch network is stored by `workbench.blocks.networks`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

from workbench.errors import ModelError

_ARRAYS, _PLAIN, _INDEX = "arrays.safetensors", "plain.json", "attributes.json"


def save_attributes(model: Any, folder: Path, without: Collection[str] = ()) -> None:
    """Write every attribute of `model` that ends in `_` into `folder`, but those that the model stores itself.

    Args:
        model: fitted.
        folder: empty.
        without: the attributes that are left out.

    Raises:
        ModelError: an attribute of a type that cannot be stored without pickle, by name.
    """
    learned = {name: value for name, value in vars(model).items() if name.endswith("_") and not name.startswith("_")}
    for name in without:
        del learned[name]
    arrays: dict[str, Any] = {}
    plain: dict[str, Any] = {}
    index: dict[str, str] = {}
    for name, value in learned.items():
        index[name] = kind = _kind(value)
        if kind == "array":
            arrays[name] = value
        elif kind == "plain":
            plain[name] = value
        elif not kind or not _save_one(kind, value, folder / name):
            raise ModelError(
                f"{type(model).__name__}.{name} is a {_described(value)}, which cannot be stored without pickle; keep "
                "arrays, sparse matrices, scikit-learn estimators, LightGBM boosters or plain values, or override save "
                "and restore"
            )
    if arrays:
        import numpy as np
        from safetensors.numpy import save_file

        save_file({name: np.asarray(value, order="C") for name, value in arrays.items()}, folder / _ARRAYS)
    (folder / _PLAIN).write_text(json.dumps(plain), encoding="utf-8")
    (folder / _INDEX).write_text(json.dumps(index), encoding="utf-8")


def restore_attributes(model: Any, folder: Path) -> None:
    """Set on `model` what `save_attributes` wrote.

    Raises:
        ModelError: the folder holds something that this version does not load.
    """
    index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    plain = json.loads((folder / _PLAIN).read_text(encoding="utf-8"))
    arrays: dict[str, Any] = {}
    if (folder / _ARRAYS).exists():
        from safetensors.numpy import load_file

        arrays = load_file(folder / _ARRAYS)
    for name, kind in index.items():
        if not name.isidentifier() or not name.endswith("_") or name.startswith("_"):
            raise ModelError(f"{name!r} is no name of a learned attribute")
        if kind == "array":
            value = arrays[name]
        elif kind == "plain":
            value = plain[name]
        else:
            value = _restore_one(kind, folder / name)
        setattr(model, name, value)


def _kind(value: Any) -> str:
    """How `value` is stored, or an empty string. Reads module names, so that no library is imported to ask."""
    import numpy as np

    if isinstance(value, np.ndarray | np.generic):
        if isinstance(value, np.ma.MaskedArray) or (value.dtype.kind == "f" and value.dtype.itemsize > 8):
            return ""
        return {"U": "text", "b": "array", "i": "array", "u": "array", "f": "array"}.get(value.dtype.kind, "")
    if _is_plain(value):
        return "plain"
    roots = {base.__module__.partition(".")[0] for base in type(value).__mro__}
    if "scipy" in roots and hasattr(value, "tocsr"):
        return "sparse"
    if "lightgbm" in roots and type(value).__name__ == "Booster":
        return "lightgbm"
    if "sklearn" in roots:
        return "skops"
    return ""


def _described(value: Any) -> str:
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if hasattr(value, "dtype"):
        return f"{kind} of {value.dtype}"
    return f"{kind} ({value})" if isinstance(value, float) else kind


def _is_plain(value: Any) -> bool:
    match value:
        case None | bool() | int() | str():
            return True
        case float():
            return math.isfinite(value)
        case list():
            return all(map(_is_plain, value))
        case dict():
            return all(isinstance(key, str) and _is_plain(inner) for key, inner in value.items())
    return False


def _save_one(kind: str, value: Any, path: Path) -> bool:
    """Store one value beside `path`; False when its own format refuses it."""
    if kind == "text":
        import numpy as np

        np.save(path.with_suffix(".npy"), value, allow_pickle=False)
    elif kind == "sparse":
        import scipy.sparse as sp

        sp.save_npz(path.with_suffix(".npz"), value if value.format in ("csr", "csc") else value.tocsr())
    elif kind == "lightgbm":
        from workbench.contract.boosters import check_booster

        text = value.model_to_string()
        check_booster(text)
        path.with_suffix(".lightgbm.txt").write_text(text, encoding="utf-8", newline="\n")
    elif kind == "skops":
        from zipfile import ZIP_DEFLATED

        import skops.io

        from workbench.contract.estimators import TRUSTED_TYPES, check_estimator

        target = path.with_suffix(".skops")
        skops.io.dump(value, target, compression=ZIP_DEFLATED)
        check_estimator(value)
        untrusted = set(skops.io.get_untrusted_types(file=target)) - set(TRUSTED_TYPES)
        return not untrusted
    return True


def _restore_one(kind: str, path: Path) -> Any:
    match kind:
        case "text":
            import numpy as np

            found = np.load(path.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)  # no larger than its file
            if not isinstance(found, np.ndarray) or found.dtype.kind != "U":
                raise ModelError(f"{path.name} is no array of text")
            return np.array(found)
        case "sparse":
            import scipy.sparse as sp

            from workbench.contract.estimators import check_packed

            packed = path.with_suffix(".npz")
            check_packed(packed)
            matrix = sp.load_npz(packed)
            if matrix.format not in ("csr", "csc"):
                raise ModelError(f"{packed.name} is no sparse matrix in rows or columns")
            matrix.check_format(full_check=True)  # compiled code follows its indices without a look
            return matrix
        case "lightgbm":
            import lightgbm

            from workbench.contract.boosters import check_booster

            text = path.with_suffix(".lightgbm.txt").read_text(encoding="utf-8")
            check_booster(text)
            return lightgbm.Booster(model_str=text)
        case "skops":
            from workbench.contract.estimators import load_estimator

            return load_estimator(path.with_suffix(".skops"))
    raise ModelError(f"{path.name} is stored as {kind!r}, which this version does not load")
