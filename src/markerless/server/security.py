"""Who may talk to the server: nobody without the token, no other site's page, no name that was not agreed on.

- Token: the first page is opened with `?token=...`, which becomes a cookie; programs send `Authorization: Bearer`.
- Host: a name that the server was not started for is refused, so that a foreign site cannot point its own name at
  this machine (DNS rebinding).
- Origin: a request that another site's page makes is refused, whatever cookies the browser sends along.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from markerless.server.answers import Answer

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
MOST_BYTES = 4 << 20  # of a request's body; videos are never uploaded, they are on the server's disk
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
NO_TOKEN = """<!doctype html><meta charset="utf-8"><title>markerless</title>
<p>This address needs its token. Open the whole address that <code>markerless app</code> printed in the terminal.</p>"""


class _TooLargeError(Exception):
    """The body of a request passes the limit while it is read."""


@dataclass(frozen=True)
class Guard:
    """Middleware that lets through what may pass, and adds the headers that tell browsers to be careful.

    Attributes:
        app: What is guarded.
        token: The secret.
        hosts: Names under which the server may be spoken to, without ports.
    """

    app: ASGIApp
    token: str
    hosts: frozenset[str] = LOOPBACK

    @property
    def cookie(self) -> str:
        """Name of the cookie; cookies are shared by all ports of a host, so each server has a name of its own."""
        return f"markerless-{hashlib.sha256(self.token.encode()).hexdigest()[:10]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            refusal.headers.update(HEADERS)
            return await refusal(scope, receive, send)
        await self._pass(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        if host_name(headers.get("host", "")) not in self.hosts:
            return Answer({"error": f"this server does not answer to the name {headers.get('host', '')!r}"}, 400)
        if _is_foreign(headers):
            return Answer({"error": "a page of another site may not talk to this server"}, 403)
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[-1]
        if scope["path"] == "/" and given and self._is_token(given):
            return self._welcome()
        if not self._is_token(self._token_of(headers)):
            if scope["path"] == "/":
                return HTMLResponse(NO_TOKEN, 401)
            return Answer({"error": "expected the token of this server; open the address that it printed"}, 401)
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MOST_BYTES:
            return Answer({"error": f"expected a request of at most {MOST_BYTES >> 20} MB, got {length} bytes"}, 413)
        return None

    def _welcome(self) -> Response:
        # "./" and not "/": behind a proxy the app lies below a prefix that it does not know
        answer = RedirectResponse("./", 303)
        answer.set_cookie(self.cookie, self.token, max_age=30 * 86400, httponly=True, samesite="strict", path="/")
        return answer

    def _token_of(self, headers: Headers) -> str:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return token.strip()
        # not by http.cookies: one malformed cookie, which any program at another port may have set, would cost all
        cookies = (part.partition("=") for part in headers.get("cookie", "").split(";"))
        own = [value.strip() for name, _, value in cookies if name.strip() == self.cookie]
        return own[-1] if own else ""

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        n_bytes, begun = 0, False

        async def counted() -> Message:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > MOST_BYTES:
                raise _TooLargeError
            return message

        async def with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                present = {name for name, _ in message["headers"]}
                more = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]
                message["headers"] = [*message["headers"], *(pair for pair in more if pair[0] not in present)]
            await send(message)

        try:
            await self.app(scope, counted, with_headers)
        except _TooLargeError:
            if not begun:
                answer = Answer({"error": f"expected a request of at most {MOST_BYTES >> 20} MB, got more"}, 413)
                await answer(scope, receive, send)


def host_name(host: str) -> str:
    """The name in a Host header, without port and brackets, in lower case; "" when there is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_foreign(headers: Headers) -> bool:
    """True for a request made by another site's page; a link that was followed to the first page is none."""
    origin = headers.get("origin")
    if origin is not None and urlsplit_host(origin) != headers.get("host", "").lower():
        return True
    site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "")
    return site in {"cross-site", "same-site"} and mode != "navigate"


def urlsplit_host(url: str) -> str:
    """Host and port of a URL as a Host header has them, in lower case; "" for "null" and what is no URL."""
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""
