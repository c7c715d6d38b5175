"""The application: the API's modules, the pages, and the guard before both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from markerless.registry import Registry
from markerless.server.answers import Answer, answer_errors
from markerless.server.security import LOOPBACK, Guard
from markerless.server.workspace import Workspace
from markerless.version import VERSION

STORIES = Registry("api", "markerless.server.api")
STATIC = Path(__file__).resolve().parent / "static"


@dataclass(frozen=True)
class AppOptions:
    """How a server is started.

    Attributes:
        token: The secret that every request must know.
        project: Project to open at once; None to begin at the start page.
        roots: Folders below which files are shown and projects opened.
        hosts: Names that the server answers to, without ports.
    """

    token: str
    project: Path | None = None
    roots: tuple[Path, ...] = field(default_factory=lambda: (Path.home(), Path.cwd()))
    hosts: frozenset[str] = LOOPBACK


class Pages(StaticFiles):
    """The files of the pages; browsers ask each time whether they have changed, so that an update is seen at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def create_app(options: AppOptions) -> FastAPI:
    """The application, ready for uvicorn or for a test's client.

    Raises:
        ProjectError: `options.project` is no project.
    """
    workspace = Workspace(options.roots)
    if options.project is not None:
        workspace.start_with(options.project)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        workspace.close()

    app = FastAPI(
        title="markerless",
        version=VERSION,
        default_response_class=Answer,
        lifespan=lifespan,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        middleware=[Middleware(Guard, token=options.token, hosts=options.hosts)],
    )
    app.state.workspace = workspace
    answer_errors(app)
    for name in STORIES.names():
        app.include_router(STORIES.get(name).router, prefix="/api")
    app.mount("/", Pages(directory=STATIC, html=True))
    return app
