"""Which device a worker is bound to."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from workbench.contract import devices
from workbench.errors import SettingsError


@pytest.fixture
def allow(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda names: monkeypatch.setenv(devices.VARIABLE, names)


def test_workers_take_them_in_turn(allow: Callable[[str], None]) -> None:
    allow("cuda:0, cuda:3")
    assert [devices.pick("auto", slot) for slot in range(4)] == ["cuda:0", "cuda:3", "cuda:0", "cuda:3"]
    assert [devices.pick("cuda", slot) for slot in range(2)] == ["cuda:0", "cuda:3"]
    assert {devices.pick("cuda:3", slot) for slot in range(4)} == {"cuda:3"}
    assert devices.pick("cpu", 1) == "cpu"


def test_without_a_gpu_auto_is_the_processor_and_cuda_is_refused(allow: Callable[[str], None]) -> None:
    allow("cpu")
    assert devices.pick() == "cpu"
    with pytest.raises(SettingsError, match="--device cuda: there is no such device; WORKBENCH_DEVICES allows no GPU"):
        devices.pick("cuda")


def test_torch_is_asked_where_nothing_else_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(devices.VARIABLE, raising=False)
    monkeypatch.setattr(devices, "find_spec", lambda name: None)
    assert devices.pick() == "cpu"
    with pytest.raises(SettingsError, match="torch, which finds GPUs, is not installed"):
        devices.pick("cuda:0")
    monkeypatch.setattr(devices, "find_spec", lambda name: name)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=SimpleNamespace(device_count=lambda: 2)))  # type: ignore[arg-type]
    assert [devices.pick("auto", slot) for slot in range(3)] == ["cuda:0", "cuda:1", "cuda:0"]
    with pytest.raises(SettingsError, match="--device cuda:2: there is no such device; torch sees cuda:0, cuda:1"):
        devices.pick("cuda:2")


def test_what_is_no_device_is_refused(allow: Callable[[str], None]) -> None:
    allow("cuda:0,gpu")
    with pytest.raises(SettingsError, match="'gpu' is no device"):
        devices.allowed()
