"""Nobody without the token, no foreign page, no foreign name; nothing too large; careful headers."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from markerless.server.app import AppOptions, create_app
from markerless.server.security import MOST_BYTES, host_name

ADDRESS, TOKEN = "http://localhost:8421", "a-secret-of-these-tests"


@pytest.fixture
def stranger(options: AppOptions) -> TestClient:
    """A client without the token."""
    return TestClient(create_app(options), ADDRESS, raise_server_exceptions=False, follow_redirects=False)


@pytest.mark.parametrize("path", ["/", "/js/main.js", "/api/session", "/api/openapi.json", "/api/nothing"])
def test_without_the_token_nothing_is_shown(stranger: TestClient, path: str) -> None:
    assert stranger.get(path).status_code == 401
    assert stranger.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert stranger.get(f"{path}?token=wrong").status_code == 401
    assert stranger.get(path, headers={"Authorization": f"Bearer {TOKEN}"}).status_code in {200, 404}


def test_the_first_page_turns_the_token_into_a_cookie(stranger: TestClient) -> None:
    welcome = stranger.get(f"/?token={TOKEN}")
    assert (welcome.status_code, welcome.headers["location"]) == (303, "./")
    cookie = welcome.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    assert stranger.get("/api/session").status_code == 200  # the client keeps the cookie


@pytest.mark.parametrize(
    "others", [b'g_state={"i_l":0}', b"flag", b"theme=dark mode", "name=Jos\u00e9".encode(), b"=", b'a="', b"a[b]=c"]
)
def test_cookies_of_other_programs_do_no_harm(stranger: TestClient, others: bytes) -> None:
    name, _, value = stranger.get(f"/?token={TOKEN}").headers["set-cookie"].partition(";")[0].partition("=")
    stranger.cookies.clear()
    own, wrong = f"{name}={value}".encode(), f"{name}=wrong".encode()
    for cookies in (own, others + b"; " + own, own + b"; " + others, others + b";" + own + b";" + others):
        assert stranger.get("/api/session", headers={b"Cookie": cookies}).status_code == 200
    for cookies in (others, wrong, others + b"; " + wrong, b"other-" + own, others + b"; " + name.encode()):
        assert stranger.get("/api/session", headers={b"Cookie": cookies}).status_code == 401


def test_the_token_in_an_address_opens_the_first_page_alone(stranger: TestClient) -> None:
    assert stranger.get(f"/api/session?token={TOKEN}").status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8421", "", "localhost.evil.example", "127.0.0.1.nip.io"]
)
def test_an_unknown_name_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/api/session", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost:8421", "127.0.0.1:9000", "[::1]:8421", "LOCALHOST"])
def test_this_machine_is_known_at_any_port(client: TestClient, host: str) -> None:
    assert client.get("/api/session", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ],
)
def test_pages_of_other_sites_are_refused(client: TestClient, headers: dict[str, str]) -> None:
    assert client.get("/api/session", headers=headers).status_code == 403
    assert client.get("/", headers=headers).status_code == 403


def test_own_pages_and_links_from_elsewhere_are_welcome(client: TestClient) -> None:
    assert client.get("/api/session", headers={"Origin": ADDRESS}).status_code == 200
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=followed).status_code == 200


def test_large_bodies_are_refused(client: TestClient) -> None:
    assert client.post("/api/session", content=b"x" * (MOST_BYTES + 1)).status_code == 413
    assert client.post("/api/session", content=b"x", headers={"Content-Length": "-5"}).status_code == 413


@pytest.mark.parametrize(
    "path", ["/../app.py", "/%2e%2e/app.py", "/js/..%2f..%2fapp.py", "/..%5capp.py", "//etc/passwd"]
)
def test_no_file_beside_the_pages_is_served(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert b"create_app" not in answer.content


def test_every_answer_tells_browsers_to_be_careful(client: TestClient, stranger: TestClient) -> None:
    for answer in (client.get("/"), client.get("/api/session"), stranger.get("/")):
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_errors_are_one_line_of_json(client: TestClient) -> None:
    for answer in (client.get("/api/nothing"), client.post("/api/session")):
        assert set(answer.json()) == {"error"} and "\n" not in answer.json()["error"]


def test_projects_outside_the_roots_stay_closed(client: TestClient, options: AppOptions) -> None:
    workspace = client.app.state.workspace  # type: ignore[attr-defined]
    assert workspace.allows(options.roots[0] / "new")
    assert not workspace.allows(Path("/etc"))
    assert not workspace.allows(options.roots[0] / ".." / "elsewhere")
    link = options.roots[0] / "link"
    link.symlink_to("/etc")
    assert not workspace.allows(link / "passwd")


def test_host_names() -> None:
    assert [host_name(host) for host in ("a.b:80", "[::1]:80", "A.B", "", "[::1")] == ["a.b", "::1", "a.b", "", ""]
