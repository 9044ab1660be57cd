"""What makes the page a service: its guard, /healthz, /metrics, and an end that cuts nobody short."""

import logging
import signal
import threading
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ui.guard import Guard, is_signed_in
from ui.monitor import Monitor

_PATIENCE = 60.0
"""Seconds that what runs is given to end; a question takes less than one, a step of the indexer a few."""
_DELIVERY = 0.5
"""Seconds for the last replies to reach who asked."""
_log = logging.getLogger("briefqa.serve")


def guarded(hosts: Sequence[str], auth: tuple[str, str] | None, monitor: Monitor | None) -> dict[str, Any]:
    """What the web application is made with: the guard before everything and, with a `monitor`, its addresses."""
    routes = []
    if monitor:
        watched = monitor

        def healthz(request: Request) -> JSONResponse:
            ok, told = watched.health()
            if auth and not is_signed_in(request.scope, auth):  # a load balancer has no password
                told = {"ok": ok}
            return JSONResponse(told, 200 if ok else 503, {"Cache-Control": "no-store"})

        def metrics(request: Request) -> Response:
            return Response(watched.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

        routes = [Route("/healthz", healthz), Route("/metrics", metrics)]
    return {"middleware": [Middleware(Guard, hosts=hosts, auth=auth, monitor=monitor)], "routes": routes}


def serve_until_told(page: Any, monitor: Monitor, url: str) -> None:  # noqa: ANN401  # gradio is not typed
    """Serves until SIGTERM or SIGINT; then what runs ends, the writer at its next step, and the server closes.

    A second signal ends the program at once; the index stands that too.
    """
    told = threading.Event()

    def tell(number: int, frame: FrameType | None) -> None:
        told.set()
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, signal.SIG_DFL)

    before = {number: signal.signal(number, tell) for number in (signal.SIGTERM, signal.SIGINT)}
    _, health = monitor.health()
    _log.info("started", extra={"fields": {"url": url} | health})
    try:
        told.wait()
        _log.info("stopping")
        ended = monitor.stop(_PATIENCE)
        time.sleep(_DELIVERY)
        page.close(verbose=False)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    _log.info("stopped", extra={"fields": {"all_ended": ended}})
