"""What keeps a Ray cluster from being used is one sentence; no test here needs Ray."""

import logging
import socket
import sys
import threading

import pytest

from valuedata import ray_engine
from valuedata.errors import EngineError
from valuedata.ray_engine import RayEngine, open_ray


@pytest.mark.parametrize(
    "command", ["build --value empathy", "survey", "label starter --out l.jsonl"]
)
def test_without_ray_one_sentence_says_what_to_install(run, monkeypatch, command) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    result = run(*command.split(), "--engine", "ray")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "Error: Engine ray needs Ray, which is not installed; install it with `pip install "
        "'valuedata[ray]'`, or leave --engine away."
    )
    assert result.stdout == ""


@pytest.mark.parametrize("address", ["here", "ray://host:10001", "host:", ":6379", "host:port"])
def test_an_address_that_is_none(address) -> None:
    message = r"is none; give HOST:PORT, .* or 'auto' for the cluster"
    with pytest.raises(EngineError, match=message), open_ray(address):
        pass


def test_nobody_at_the_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and not listening
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        message = rf"No Ray cluster answers at {address} \(.*\); start one with `ray start --head`"
        with pytest.raises(EngineError, match=message), open_ray(address):
            pass


def test_an_address_without_the_engine(run) -> None:
    result = run("survey", "--ray-address", "auto")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: --ray-address says where the engine ray runs; give")


def test_threads_of_ray_have_no_stdout(caplog, capsys) -> None:
    caplog.set_level(logging.INFO, "valuedata.ray_engine")
    stdout = ray_engine._Stdout(sys.stdout)
    told = threading.Thread(
        target=print, args=("\x1b[33ma worker\x1b[0m died",), kwargs={"file": stdout}, name="ray_x"
    )
    told.start()
    told.join()
    print("a result", file=stdout)
    assert capsys.readouterr().out == "a result\n"
    assert caplog.messages == ["Ray: a worker died"]
    assert stdout.encoding == sys.stdout.encoding


def test_versions_of_a_node() -> None:
    ray_engine._check_versions(RayEngine().versions)
    with pytest.raises(EngineError, match=r"has torch \S+ where this machine has 0\.1; install"):
        ray_engine._check_versions({**RayEngine().versions, "torch": "0.1"})


def test_a_package_that_a_node_lacks() -> None:
    message = r"has no installed valuedata-nowhere where this machine has 2\.0; install the same"
    with pytest.raises(EngineError, match=message):
        ray_engine._check_versions({"valuedata-nowhere": "2.0"})
