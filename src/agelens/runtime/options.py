"""How networks are run: the precision, the device, the threads, and whether what is compiled is kept."""

from dataclasses import dataclass

from agelens.errors import AgeLensError
from agelens.runtime.precision import check_precision


@dataclass(frozen=True)
class RuntimeOptions:
    """How networks are run.

    Attributes:
        precision: "bf16", "f32", or "auto", which leaves it to what the device does best.
        device: a name of `agelens.runtime.devices.DEVICES`, or "auto".
        threads: how many threads of the CPU compute; None is one for each core.
        cache: keep compiled networks in the user's cache folder, so that the next start is quick.
    """

    precision: str = "auto"
    device: str = "auto"
    threads: int | None = None
    cache: bool = False

    def __post_init__(self) -> None:
        check_precision(self.precision)
        if self.threads is not None and self.threads < 1:
            raise AgeLensError(f"threads is a number from 1 up, not {self.threads}.")
