"""Networks that are compiled when they are first needed, and once more in a process that was forked.

OpenVINO works in threads, and threads do not live on in a fork: a network that a forked process inherits, or compiles
beside threads that are no more, waits for ever. So networks are let go before a fork, OpenVINO's threads end with the
last of them, and the parent and each child compile anew what they need.
"""

import gc
import os
import threading
import weakref
from collections.abc import Callable

import openvino as ov

from agelens.errors import AgeLensError

_TOO_LATE = (
    "This process was forked while networks of AgeLens were at work in another thread, and they cannot go on in a "
    "fork; fork before that, or start processes with multiprocessing.get_context('spawn')."
)


class Compiled:
    """A network that is compiled at its first use in each process. May be used from several threads.

    Args:
        compile_: does it; called again after a fork.
        forget: lets go of what was made from the compiled network, such as its requests.
    """

    def __init__(
        self, compile_: Callable[[], ov.CompiledModel], forget: Callable[[], object] = lambda: None
    ) -> None:
        self._compile = compile_
        self._forget = forget
        self._network: ov.CompiledModel | None = None
        self._lock = threading.Lock()
        _watch(self)

    def get(self) -> ov.CompiledModel:
        """The compiled network.

        Raises:
            AgeLensError: it cannot be compiled, or not in this process, which was forked too late.
        """
        network = self._network
        if network is not None:
            return network
        with self._lock:
            if self._network is None:
                if _state.too_late:
                    raise AgeLensError(_TOO_LATE)
                self._network = self._compile()
                _state.compiled.append(weakref.ref(self._network))
            return self._network

    def release(self) -> None:
        """Let go of the compiled network; whoever works with it keeps it until that is done."""
        self._network = None
        self._forget()

    def holds(self, network: ov.CompiledModel) -> bool:
        """Whether this compiled network is the one in use."""
        return self._network is network

    def renew_lock(self) -> None:
        """In a forked process: the thread that held the lock may not live on."""
        self._lock = threading.Lock()


class _State:
    """What this process has compiled, and whether it was forked while some of that was at work."""

    def __init__(self) -> None:
        self.all: weakref.WeakSet[Compiled] = weakref.WeakSet()
        self.compiled: list[weakref.ref[ov.CompiledModel]] = []
        self.watching = False
        self.too_late = False

    def alive(self) -> bool:
        self.compiled = [one for one in self.compiled if one() is not None]
        return bool(self.compiled)

    def before_fork(self) -> None:
        if not self.alive():
            return
        # A property of the process, so any core sets it: the threads end with the last network.
        ov.Core().set_property({"FORCE_TBB_TERMINATE": True})
        for one in list(self.all):
            one.release()
        gc.collect()

    def in_child(self) -> None:
        self.too_late = self.too_late or self.alive()
        for one in list(self.all):
            one.renew_lock()


_state = _State()


def _watch(compiled: Compiled) -> None:
    _state.all.add(compiled)
    if not _state.watching and hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_state.before_fork, after_in_child=_state.in_child)
        _state.watching = True
