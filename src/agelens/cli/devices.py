"""The command `devices`."""


def devices() -> None:
    """List the devices that networks can run on here, and what to install for the others."""
    from agelens.runtime.devices import each_line

    for line in each_line():
        print(line)
