"""Photographs on a cluster: Ray Data hands out shards of paths, and actors read, estimate and write them.

What goes through Ray are paths and counts. Each actor has one network and its own share of the cores, and writes its
shards itself: Ray's own `write_parquet` (seen in Ray 2.60) names files by chance and writes them in place, so that a
killed job leaves halves, and workers that outlive it leave rows twice. Needs `agelens[ray]`.
"""

import logging
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agelens.distributed.shards import Counts, ShardFolder, cut
from agelens.distributed.sources import list_photographs
from agelens.errors import AgeLensError
from agelens.inference.image_files import LeftOut
from agelens.inference.predict_files import refuse_photographs
from agelens.inference.prediction_config import PredictionConfig, fingerprint
from agelens.utils.progress import say
from agelens.utils.reasons import last_line

# Most photographs of a shard: some seconds' work, which is what a killed worker loses; and into how many shards few
# photographs are cut at least, so that every actor has some.
MOST, LEAST_SHARDS = 256, 16
# Memory that Ray sets aside for an actor, which takes some 600 MB with photographs of a megapixel (benchmarks).
ACTOR_BYTES = 1 << 30
# How long a cluster that is named by its address is waited for.
_PATIENCE_SECONDS = 10


class NoClusterError(AgeLensError):
    """There is no cluster at the address that was given."""


@dataclass(frozen=True)
class RayConfig:
    """How a job is spread.

    Attributes:
        address: of a cluster, or "auto" for the one of this machine; None starts Ray here for the job alone.
        actors: how many; None takes as many as the cores give.
        threads: cores of each actor.
    """

    address: str | None = None
    actors: int | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("actors", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise AgeLensError(f"{name} is a number from 1 up, not {value}.")


class ShardPredictor:
    """An actor: one network on some cores, and the shards that it is given.

    Args:
        place: the folder of the job. config: how photographs are estimated; ``threads`` is this actor's share.
    """

    def __init__(self, place: str, config: PredictionConfig) -> None:
        import cv2

        # This process is the actor's own, and its other cores are other actors'.
        cv2.setNumThreads(config.threads or 0)
        self._folder, self._config = ShardFolder(place), config
        self._predictor = config.load()

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[int]]:
        """Return the counts of the shards of a batch once they are written."""
        import pyarrow as pa

        from agelens.distributed.table import predict_table

        done = []
        for number, paths in zip(batch["shard"], batch["paths"], strict=True):
            table = pa.table({"path": pa.array([str(path) for path in paths], pa.string())})
            found = predict_table(table, self._predictor, self._config.crops, self._config.selection)
            done.append(self._folder.write(int(number), found))
        return {name: [getattr(one, name) for one in done] for name in vars(Counts())}


def predict_with_ray(source: str, out: str, config: PredictionConfig, how: RayConfig | None = None) -> int:
    """Estimate photographs on a cluster and write Parquet; killed and started again, it goes on.

    Args:
        source: see `agelens.distributed.sources.list_photographs`.
        out: a folder, or an address, that all workers reach; takes ``part-*.parquet`` with one row a photograph, and
            ``_counts.json``.
        config: how photographs are estimated; what belongs to files alone is left out of account.
        how: how the job is spread.

    Returns:
        how many photographs could not be read, over all starts of the job, and names that hold no photograph.

    Raises:
        AgeLensError: there is no photograph, the folder was begun with others, a bundle is missing, whole photographs
            were given as crops, or Ray failed.
    """
    how = how or RayConfig()
    left_out = LeftOut()
    photographs = list_photographs(source, left_out)
    # Loaded here too, so that what is missing is told before a cluster is asked.
    predictor = config.load()
    refuse_photographs(photographs, predictor, config)
    known = fingerprint(predictor, config)
    _look_for(how.address)
    folder = ShardFolder(out if "://" in out else str(Path(out).absolute()))
    is_new = not folder.is_begun()
    fitting = min(MOST, -(-len(photographs) // LEAST_SHARDS))
    size = folder.begin(photographs, fitting, known)
    shards, finished = -(-len(photographs) // size), folder.finished()
    if finished:
        say(f"{len(finished):,} of {shards:,} parts are done already; going on.")
    waiting = list(cut(photographs, size, finished))
    if waiting:
        try:
            _run(waiting, folder.place, config, how)
        except NoClusterError:
            # What has not begun leaves nothing behind.
            if is_new:
                folder.forget_plan()
            raise
    total = folder.finish(shards)
    if total.photographs != len(photographs):
        raise AgeLensError(
            f"{out} tells of {total.photographs:,} photographs, and the source has {len(photographs):,}; "
            "remove it and start again."
        )
    say(f"{out}: {total}.")
    return total.failed + len(left_out.errors)


def _run(waiting: list[dict[str, Any]], place: str, config: PredictionConfig, how: RayConfig) -> None:
    ray = _import_ray()
    _start(ray, how)
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        # Nothing is left out in silence.
        context.max_errored_blocks = 0
        actors, memory = room(ray.cluster_resources(), how, len(waiting))
        counted = ray.data.from_items(waiting, override_num_blocks=len(waiting)).map_batches(
            ShardPredictor,
            fn_constructor_args=(place, replace(config, threads=how.threads)),
            batch_size=1,
            num_cpus=how.threads,
            memory=memory,
            compute=ray.data.ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=2),
        )
        for _ in counted.iter_rows():
            pass
    except (
        ray.exceptions.RayError, ray.data.exceptions.SystemException, ray.data.exceptions.ExecutionTimeoutError
    ) as error:  # fmt: skip
        raise AgeLensError(
            f"Ray gave up: {last_line(error)}; the same command goes on from what is done."
        ) from None
    finally:
        ray.shutdown()


def room(resources: Mapping[str, float], how: RayConfig, waiting: int) -> tuple[int, int]:
    """Return how many actors there are, and the bytes of memory that are set aside for each, 0 for none.

    Args:
        resources: of the cluster, as Ray tells them: ``CPU`` and ``memory`` (bytes).
        how: whose actors are taken as asked for; each then has its share of the memory if there is less.
        waiting: shards that are to be done.
    """
    memory, fitting = resources.get("memory"), int(resources.get("CPU", 1)) // how.threads
    if memory is not None:
        fitting = min(fitting, int(memory) // ACTOR_BYTES)
    actors = min(how.actors or max(1, fitting), waiting)
    return actors, 0 if memory is None else min(ACTOR_BYTES, int(memory) // actors)


def _look_for(address: str | None) -> None:
    """Refuse, with an AgeLensError, an address where nobody answers; Ray itself would try for minutes."""
    found = re.fullmatch(r"(?:ray://)?(?P<host>.+):(?P<port>\d{1,5})", address or "")
    if found is None:
        return
    try:
        socket.create_connection((found["host"].strip("[]"), int(found["port"])), _PATIENCE_SECONDS).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise _no_ray(str(address), str(getattr(error, "strerror", None) or error)) from None


def _no_ray(address: str, reason: str) -> NoClusterError:
    return NoClusterError(
        f"There is no Ray at {address}: {reason}; start one with 'ray start', or leave --address out."
    )


def _import_ray() -> Any:
    # Before Ray is imported: it would tell its makers of each start.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # What concerns a person is raised.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray
    import ray.data
    import ray.data.exceptions

    logging.getLogger("ray").setLevel(logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return ray


def _start(ray: Any, how: RayConfig) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    if how.address is not None:
        try:
            ray.init(address=how.address, **quiet)
        except (ConnectionError, ValueError) as error:
            raise _no_ray(how.address, last_line(error)) from None
        return
    cores = None if how.actors is None else how.actors * how.threads
    # On this machine alone: nobody else is to reach it, and no page of it is needed.
    ray.init("local", num_cpus=cores, include_dashboard=False, _node_ip_address="127.0.0.1", **quiet)
