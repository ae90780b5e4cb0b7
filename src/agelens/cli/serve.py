"""The command `serve`."""

from typing import Annotated

import typer

from agelens.cli.options import (
    Bundle,
    DetectorModel,
    DeviceName,
    MaxPixels,
    NoCache,
    Precision,
    Threads,
)

ADDRESS, LIMITS = "Address", "Limits"


def serve(
    bundle: Bundle = None,
    detector_model: DetectorModel = None,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on. Others than this machine's own are open to the network.",
            rich_help_panel=ADDRESS,
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            help="Port to listen on; 0 takes a free one.", min=0, max=65535, rich_help_panel=ADDRESS
        ),
    ] = 8000,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="Answer browsers that use this host name too, such as that of a proxy. Give it once for each name.",
            rich_help_panel=ADDRESS,
        ),
    ] = None,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser.", rich_help_panel=ADDRESS)
    ] = False,
    max_body: Annotated[
        int, typer.Option(help="Refuse requests of more megabytes than this.", min=1, rich_help_panel=LIMITS)
    ] = 64,
    max_pixels: MaxPixels = None,
    max_images: Annotated[
        int, typer.Option(help="Refuse requests with more images than this.", min=1, rich_help_panel=LIMITS)
    ] = 16,
    max_waiting: Annotated[
        int,
        typer.Option(
            help="Refuse further requests while so many are being received or answered.",
            min=1,
            rich_help_panel=LIMITS,
        ),
    ] = 64,
    precision: Precision = "auto",
    device: DeviceName = "auto",
    threads: Threads = None,
    no_cache: NoCache = False,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Let pages of this website ask the server, such as https://example.org; may be given again.",
            show_default=False,
        ),
    ] = None,
    grace: Annotated[
        int, typer.Option(help="Seconds that requests may go on after Ctrl-C or SIGTERM.", min=0)
    ] = 5,
) -> None:
    """Open a page and an HTTP interface on this machine; nothing is stored and nothing leaves it.

    Where $AGELENS_API_KEY is set, requests for the interface must bring it.
    """
    from agelens.serving.access import Access
    from agelens.serving.limits import MEGABYTE, Limits
    from agelens.serving.server import serve as serve_until_stopped

    limits = Limits(
        body_bytes=max_body * MEGABYTE,
        # At least four of the largest find room at one time.
        held_bytes=max(Limits.held_bytes, 4 * max_body * MEGABYTE),
        pixels=Limits.pixels if max_pixels is None else max_pixels,
        images=max_images,
        waiting=max_waiting,
    )
    serve_until_stopped(
        bundle, host, port, limits, allow_host or (), open_browser, precision, detector_model,
        Access.from_environment(cors_origin or ()), device, threads, not no_cache, grace,
    )  # fmt: skip
