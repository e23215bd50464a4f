"""Work done on a real Dask cluster; what of it cannot be used is said."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from optimizer.engine.cluster import ALIKE, SAME, _unlike, cluster
from optimizer.engine.work import Died
from optimizer.errors import ClusterError
from tests.engine.dask_cluster import killed, needs_dask, started
from tests.engine.jobs import has_child, nap, squares
from tests.sweep.sweeps import quiet


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with started(tmp_path_factory.mktemp("dask"), 1) as begun:
        yield begun.address


@needs_dask
def test_a_piece_that_kills_its_workers_costs_itself_alone(address: str) -> None:
    with cluster(address, quiet) as engine:
        found = squares(engine, range(6))
    assert isinstance(found.pop(3), Died)
    assert found == {n: n * n for n in range(6) if n != 3}


@needs_dask
def test_a_worker_may_have_children(address: str) -> None:
    with cluster(address, quiet) as engine:
        assert list(engine.each(has_child, [1])) == [(1, True)]


@needs_dask
def test_work_that_a_worker_cannot_begin_is_the_cluster_s_fault(address: str) -> None:
    with (
        cluster(address, quiet) as engine,
        pytest.raises(ClusterError, match="could not do its work: ZeroDivisionError"),
    ):
        list(engine.each(_broken, [1]))


@needs_dask
def test_a_cluster_whose_last_worker_is_gone_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with started(tmp_path, 1) as begun, cluster(begun.address, quiet) as engine:
        monkeypatch.setattr("optimizer.engine.cluster.WORKERLESS_SECONDS", 1.0)
        answers = engine.each(nap, [0.0, 60.0])
        assert next(answers) == (0.0, None)
        killed(begun.workers[0])
        with pytest.raises(ClusterError, match="has had no workers"):
            next(answers)


@needs_dask
def test_a_scheduler_that_is_gone_is_told_whatever_is_asked_of_it_next(tmp_path: Path) -> None:
    import dask

    # In place of 30 s, in which it may come back.
    soon = dask.config.set({"distributed.comm.timeouts.connect": "3s"})
    with soon, started(tmp_path, 1) as begun, cluster(begun.address, quiet) as engine:
        answers = engine.each(nap, [0.0, 0.0, 0.0])
        assert next(answers) == (0.0, None)
        killed(begun.scheduler)
        # What has been answered already may still come.
        with pytest.raises(ClusterError, match="has gone"):
            list(answers)
        with pytest.raises(ClusterError, match="has gone"):
            engine.workers()
        with pytest.raises(ClusterError, match="has gone"):
            engine.keep(nap, [0.0])


@needs_dask
def test_workers_that_would_do_several_things_at_once_are_refused(tmp_path: Path) -> None:
    with (
        started(tmp_path, 1, "--nthreads=3") as begun,
        pytest.raises(ClusterError) as raised,
        cluster(begun.address, quiet),
    ):
        pass
    assert "has 3 threads. Start it with --nthreads 1" in str(raised.value)


@needs_dask
def test_a_scheduler_without_workers_says_how_to_start_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optimizer.engine.cluster.WORKERLESS_SECONDS", 1.0)
    with started(tmp_path, 0) as begun, pytest.raises(ClusterError) as raised, cluster(begun.address, quiet):
        pass
    assert f"On each machine start: dask worker {begun.address} --nthreads 1" in str(raised.value)


@needs_dask
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "no such address", "ftp://127.0.0.1:8786"])
def test_a_scheduler_that_does_not_answer_is_told_within_seconds(address: str) -> None:
    begun = time.monotonic()
    with pytest.raises(ClusterError) as raised, cluster(address, quiet):
        pass
    assert str(raised.value).startswith(f"No Dask scheduler answers at {address} (")
    # Dask's own patience is 30 s.
    assert time.monotonic() - begun < 20


@needs_dask
def test_a_server_of_another_kind_is_no_scheduler() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            with (
                pytest.raises(ClusterError, match="No Dask scheduler answers"),
                cluster(f"127.0.0.1:{server.server_port}", quiet),
            ):
                pass
        finally:
            server.shutdown()


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError) as raised, cluster("tcp://127.0.0.1:9", quiet):
        pass
    assert "pip install dask distributed" in str(raised.value)


def test_what_differs_between_machines_is_named() -> None:
    here = dict.fromkeys(ALIKE, "1.2.3") | {"python": "3.11.7.final.0"}
    there = here | {"highspy": "1.0", "hashlever": None}
    assert list(_unlike(_versions(here, {"a": here}))) == []
    there |= {"python": "3.11.9.final.0"}
    assert [line.removesuffix(f". {SAME}") for line in _unlike(_versions(here, {"b": there, "a": here}))] == [
        "  b has hashlever not, this machine 1.2.3",
        "  b has highspy 1.0, this machine 1.2.3",
    ]
    [python] = _unlike(_versions(here, {"a": here | {"python": "3.12.0.final.0"}}))
    assert python == f"  a has python 3.12, this machine 3.11. {SAME}"


def _versions(here: dict[str, Any], workers: dict[str, dict[str, Any]]) -> dict[str, Any]:
    packed = {name: {"packages": packages} for name, packages in workers.items()}
    return {"client": {"packages": here}, "workers": packed}


def _broken(n: int) -> float:
    return n / 0
