"""How the API speaks: JSON without NaN, and every failure as `{"error": "<one line>"}`."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from markerless.core.plain import plain
from markerless.errors import MarkerlessError, RevisionError

LOG = logging.getLogger("markerless.server")
SHOWN_CHARACTERS = 80  # of a refused value


class Answer(JSONResponse):
    """JSON in which NaN and infinity are null, as JSON has neither, and paths are texts."""

    def render(self, content: Any) -> bytes:
        return json.dumps(plain(content), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
            "utf-8", "replace"
        )


def answer_errors(app: FastAPI) -> None:
    """Turn every error of `app` into one line of JSON: 4xx for what a user did, 500 for a bug."""

    @app.exception_handler(MarkerlessError)
    def of_user(_request: Request, error: MarkerlessError) -> Answer:
        return Answer({"error": one_line(str(error))}, 409 if isinstance(error, RevisionError) else 422)

    @app.exception_handler(RequestValidationError)
    def of_request(_request: Request, error: RequestValidationError) -> Answer:
        return Answer({"error": one_line(in_one_line(error.errors()))}, 422)

    @app.exception_handler(HTTPException)
    def of_http(_request: Request, error: HTTPException) -> Answer:
        return Answer({"error": one_line(str(error.detail))}, error.status_code, headers=error.headers)

    @app.exception_handler(Exception)
    def of_bug(request: Request, error: Exception) -> Answer:
        LOG.error("%s %s", request.method, request.url.path, exc_info=error)
        return Answer({"error": f"a bug in markerless: {type(error).__name__}; the terminal shows where"}, 500)


def one_line(text: str) -> str:
    """`text` without line breaks, which may come from the names of files."""
    return " ".join(text.splitlines())


def in_one_line(errors: Sequence[Any]) -> str:
    """What a request lacks, of the first thing that is wrong with it."""
    first = errors[0]
    where = ".".join(str(part) for part in first["loc"])
    got = repr(first.get("input"))
    short = got if len(got) <= SHOWN_CHARACTERS else f"{got[:SHOWN_CHARACTERS]}..."
    return f"{where}: {first['msg']}, got {short}"
