"""No code of this project unpickles or evaluates anything; what is stored cannot run code when it is loaded."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from workbench.contract import estimators, saving
from workbench.data import mapped

ROOT = Path(__file__).parent.parent
FOLDERS = ("workbench", "plugins", "alembic", "examples", "tests", "benchmarks", "docs")

MODULES = {"pickle", "_pickle", "cPickle", "joblib", "dill", "cloudpickle", "marshal", "shelve"}
CALLS = {
    "eval",
    "exec",
    "builtins.eval",
    "builtins.exec",
    "compile",
    "os.system",
    "os.popen",
    "pandas.read_pickle",
    "torch.load",
    "yaml.load",
    "yaml.unsafe_load",
    "yaml.full_load",
    "numpy.core.multiarray.fromstring",
}
EXCEPTIONS = {"tests/plugins/workbench_image/converting.py": "torch.load"}
"""A file and the one thing it may do."""


def forbidden(code: str) -> Iterator[str]:
    """What in a module's code unpickles, evaluates or asks a shell, by its line."""
    tree = ast.parse(code)
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
                if alias.name.partition(".")[0] in MODULES:
                    yield f"{node.lineno}: import {alias.name}"
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
            if str(node.module).partition(".")[0] in MODULES or {alias.name for alias in node.names} & MODULES:
                yield f"{node.lineno}: from {node.module} import"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
            name = dotted(node, names)
            if name in CALLS:
                yield f"{node.lineno}: {name}"
        if isinstance(node, ast.Call):
            yield from forbidden_call(node, dotted(node.func, names))


def forbidden_call(node: ast.Call, name: str) -> Iterator[str]:
    for keyword in node.keywords:
        off = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
        if keyword.arg in ("allow_pickle", "shell") and not off:
            yield f"{node.lineno}: {name}({keyword.arg}=...)"
        if keyword.arg == "trusted" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True:
            yield f"{node.lineno}: {name}(trusted=True)"
    first = node.args[0] if node.args else None
    text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
    if name.rpartition(".")[2] in ("import_module", "__import__") and text.partition(".")[0] in MODULES:
        yield f"{node.lineno}: {name}({text!r})"
    positional = {"numpy.load": 2, "numpy.save": 2}  # allow_pickle without its name
    if name in positional and len(node.args) > positional[name]:
        yield f"{node.lineno}: {name} with a third argument in order"


def dotted(node: ast.expr, names: dict[str, str]) -> str:
    """`torch.load` for `t.load` after `import torch as t`; empty for what is no name."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value, names)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


def modules() -> list[Path]:
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def test_no_module_unpickles_evaluates_or_asks_a_shell() -> None:
    found = []
    for path in modules():
        name = path.relative_to(ROOT).as_posix()
        lines = forbidden(path.read_text(encoding="utf-8"))
        found += [f"{name}:{line}" for line in lines if line.partition(": ")[2] != EXCEPTIONS.get(name)]
    assert found == []


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_an_exception_reads_tensors_alone(name: str) -> None:
    """Numbers only, in every call, and it is needed."""
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and dotted(node.func, {}) == EXCEPTIONS[name]
    ]
    given = [{each.arg: ast.unparse(each.value) for each in call.keywords} for call in calls]
    assert [each["weights_only"] for each in given] == ["True"]


def test_the_walk_covers_the_project() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in modules()}
    assert {"workbench/contract/saving.py", "alembic/env.py", "tests/test_security.py"} <= names
    assert "plugins/workbench_recommend/ease.py" in names
    assert len(names) > 80


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "import pickle as harmless",
        "from pickle import loads",
        "import joblib.externals",
        "from joblib import load as read",
        "import dill",
        "import cloudpickle",
        "def f():\n    import marshal",
        "import shelve",
        "from sklearn.externals import joblib",
        "import importlib\nimportlib.import_module('pickle')",
        "__import__('pickle').loads(b'')",
        "import torch\ntorch.load('f', weights_only=True)",
        "import torch as t\nt.load('f')",
        "from torch import load\nload('f')",
        "import torch\nreader = torch.load",
        "import numpy as np\nnp.load('f', allow_pickle=True)",
        "import numpy as np\nnp.load('f', allow_pickle=bool(1))",
        "import numpy as np\nnp.load('f', None, True)",
        "from numpy import load\nload('f', allow_pickle=True)",
        "import numpy as np\nnp.save('f', a, allow_pickle=True)",
        "import yaml\nyaml.load('f')",
        "from yaml import unsafe_load",
        "import pandas as pd\npd.read_pickle('f')",
        "eval('1')",
        "f = eval",
        "exec('1')",
        "import builtins\nbuiltins.eval('1')",
        "compile('1', '', 'eval')",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "import subprocess\nsubprocess.Popen('ls', shell=1)",
        "import os\nos.system('ls')",
        "from os import popen\npopen('ls')",
        "import skops.io\nskops.io.load('f', trusted=True)",
    ],
)
def test_the_walk_finds_what_is_planted(code: str) -> None:
    if code == "from yaml import unsafe_load":
        code += "\nunsafe_load('f')"
    assert list(forbidden(code))


@pytest.mark.parametrize(
    "code",
    [
        "import numpy as np\nnp.load('f', allow_pickle=False)\nnp.load('f', mmap_mode='r')",
        "import json\njson.load(f)\nmodel.eval()",
        "import yaml\nyaml.safe_load('f')",
        "import subprocess\nsubprocess.run(['ls'], shell=False)",
        "import re\nre.compile('a')",
        "text = 'import pickle; eval(1)'",
        "import skops.io\nskops.io.load('f', trusted=list(TRUSTED))",
    ],
)
def test_the_walk_leaves_what_is_harmless(code: str) -> None:
    assert list(forbidden(code)) == []


# The canary: pickles that would make a file, written by hand.


@dataclass(frozen=True)
class Canary:
    """Payloads, and the file that any of them would make if it were unpickled."""

    mark: Path
    payloads: dict[str, bytes]


@pytest.fixture
def canary(tmp_path: Path) -> Canary:
    mark = tmp_path / "canary"
    stream = b"cbuiltins\nopen\n(V%s\nVw\ntR." % str(mark).encode()

    def header(start: bytes) -> bytes:
        text = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
        text += b" " * ((64 - (len(text) + 11) % 64) % 64) + b"\n"
        return start + len(text).to_bytes(2, "little") + text

    npy = header(b"\x93NUMPY\x01\x00") + stream

    def zipped(files: dict[str, bytes]) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return buffer.getvalue()

    opener = {
        "__class__": "function",
        "__module__": "builtins",
        "__loader__": "FunctionNode",
        "__id__": 1,
        "content": {"module_path": "builtins", "function": "open"},
    }
    reduced = {
        "__class__": "open",
        "__module__": "builtins",
        "__loader__": "ReduceNode",
        "__id__": 1,
        "__reduce__": {"args": {"__loader__": "JsonNode", "content": json.dumps([str(mark), "w"])}},
        "content": None,
    }
    payloads = {
        "pickle": stream,
        "npy": npy,
        "npz": zipped({"format.npy": npy, "data.npy": npy, "indices.npy": npy, "indptr.npy": npy, "shape.npy": npy}),
        "torch zip": zipped({"archive/data.pkl": stream, "archive/version": b"3\n"}),
        "skops function": zipped(
            {"schema.json": json.dumps({**opener, "protocol": 2, "_skops_version": "0.11"}).encode()}
        ),
        "skops reduce": zipped(
            {"schema.json": json.dumps({**reduced, "protocol": 2, "_skops_version": "0.11"}).encode()}
        ),
        "json": json.dumps({"py/reduce": [{"py/function": "builtins.open"}, [str(mark), "w"]]}).encode(),
    }
    return Canary(mark, payloads)


def test_the_canary_is_alive(canary: Canary, tmp_path: Path) -> None:
    (tmp_path / "payload").write_bytes(canary.payloads["pickle"])
    (tmp_path / "payload.npy").write_bytes(canary.payloads["npy"])
    for code in (
        "import pickle, sys; pickle.load(open(sys.argv[1], 'rb'))",
        "import numpy, sys; numpy.load(sys.argv[1] + '.npy', allow_pickle=True)",
    ):
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "payload")], capture_output=True, timeout=60)
        assert canary.mark.exists(), done.stderr.decode()
        canary.mark.unlink()


def names_of(kind: str) -> list[str]:
    """What a file of attribute `x_` may be called."""
    return {
        "array": ["arrays.safetensors"],
        "plain": ["plain.json"],
        "text": ["x_.npy"],
        "sparse": ["x_.npz"],
        "lightgbm": ["x_.lightgbm.txt"],
        "skops": ["x_.skops"],
        "pickle": ["x_.pkl", "x_.pickle", "x_.joblib"],
        "torch": ["x_.pt", "x_.pth"],
    }[kind]


KINDS = ("array", "plain", "text", "sparse", "lightgbm", "skops", "pickle", "torch")


@pytest.mark.parametrize("kind", KINDS)
def test_no_loader_of_saved_models_runs_a_payload_under_any_name(canary: Canary, tmp_path: Path, kind: str) -> None:
    class Anything:
        pass

    every_name = ["arrays.safetensors", "plain.json", "attributes.json", *(n for each in KINDS for n in names_of(each))]
    for payload in canary.payloads.values():
        for spoilt in (names_of(kind), every_name):
            folder = tmp_path / "model"
            folder.mkdir()
            (folder / "attributes.json").write_text(json.dumps({"x_": kind}))
            (folder / "plain.json").write_text("{}")
            for name in spoilt:
                (folder / name).write_bytes(payload)
            found = Anything()
            with contextlib.suppress(Exception):  # whether and how it is refused is the library's affair
                saving.restore_attributes(found, folder)
            read_all(vars(found))
            assert not canary.mark.exists()
            shutil.rmtree(folder)


def read_all(loaded: dict[str, Any]) -> None:
    """Look into what numpy opens without reading: a zip, whatever it is called."""
    for value in loaded.values():
        for name in getattr(value, "files", ()):
            with contextlib.suppress(ValueError):
                _ = value[name]


@dataclass
class Holder:
    """An encoding with a field of each sort."""

    numbers: Any
    words: Any


@pytest.mark.parametrize("name", ["numbers.npy", "words.arrow", "fields.json"])
def test_no_loader_of_encodings_runs_a_payload(canary: Canary, tmp_path: Path, name: str) -> None:
    for number, payload in enumerate(canary.payloads.values()):
        root = tmp_path / str(number)
        mapped.Writer(root).write(Holder(np.arange(3), pa.array(["a", "b"])), "encoding")
        assert mapped.read(Holder, root, "encoding").words.to_pylist() == ["a", "b"]
        (root / "encoding" / name).write_bytes(payload)
        with contextlib.suppress(Exception):
            read_all(vars(mapped.read(Holder, root, "encoding")))
        assert not canary.mark.exists()


def test_no_file_of_a_saved_model_vouches_for_its_own_types(tmp_path: Path) -> None:
    assert isinstance(estimators.TRUSTED_TYPES, tuple)
    assert not [
        name for name in estimators.TRUSTED_TYPES if name.startswith(("builtins.", "os.", "operator.", "numpy."))
    ]


@pytest.mark.parametrize("name", ["__class__", "save", "fit", "_x_", "x", "a.b_", "", "__init__"])
def test_a_saved_model_sets_learned_attributes_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / "attributes.json").write_text(json.dumps({name: "plain"}))
    (tmp_path / "plain.json").write_text(json.dumps({name: 1}))

    class Anything:
        pass

    with pytest.raises(saving.ModelError, match="is no name of a learned attribute"):
        saving.restore_attributes(Anything(), tmp_path)


def test_a_password_is_printed_by_no_command(workbench: Callable[..., Any]) -> None:
    address = "postgresql://ada:c%40nary@127.0.0.1:1/db?password=c%40nary"
    for command in (
        ("leaderboard", "--db", address),
        ("runs", "--json", "--debug", "--db", address),
        ("run", "--task", "recommend", "--db", address),
        ("run", "--task", "recommend", "--data", address),  # where no address belongs
        ("show", address, "--debug"),
        (address,),
    ):
        called = workbench(*command)
        assert called.code == 2, called.err
        assert "c%40nary" not in called.out + called.err and "c@nary" not in called.out + called.err, command
