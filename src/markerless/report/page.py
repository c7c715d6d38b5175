"""One self-contained HTML page: figures are inside, nothing is loaded from anywhere, light and dark.

page = Page("Evaluation of run1", "Pranav's open field")
page.text("Mean test error 2.6 px.")
page.figure(figure, "Errors per keypoint")
page.write(path)
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from markerless.core.storage import write_text
from markerless.version import VERSION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = """
:root{color-scheme:light dark;--ink:#1d2430;--soft:#5c6675;--line:#dfe3e9;--ground:#f6f7f9;--card:#fff;--accent:#0b6bb3}
@media(prefers-color-scheme:dark){
:root{--ink:#e6e9ee;--soft:#9aa5b5;--line:#303846;--ground:#12161c;--card:#1a2029;--accent:#63b3ed}
img{filter:brightness(.92)}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink)}
body{font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1080px;margin:0 auto;padding:36px 22px 60px}
header{margin-bottom:26px}h1{font-size:1.7rem;line-height:1.25;margin:0}header p{margin:.3em 0 0;color:var(--soft)}
h2{font-size:1.15rem;margin:2.2em 0 .6em}p{max-width:74ch;margin:.5em 0}
.cards{display:flex;flex-wrap:wrap;gap:12px;margin:18px 0}
.card{flex:1 1 165px;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:13px 16px}
.card b{display:block;font-size:1.65rem;font-weight:600;line-height:1.2;white-space:nowrap}
.card span{color:var(--soft);font-size:.86rem}
.scroll{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:10px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.88rem}
th,td{padding:7px 9px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left}th{color:var(--soft);font-weight:600}tr:last-child td{border-bottom:0}
figure{margin:16px 0;background:#fff;border:1px solid var(--line);border-radius:10px;overflow:hidden}
figure img{display:block;width:100%;height:auto}
figcaption{padding:9px 16px;font-size:.9rem;color:var(--soft);background:var(--card);border-top:1px solid var(--line)}
.gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:14px;margin:18px 0}
.gallery figure{margin:0;background:var(--card)}.gallery figcaption{overflow-wrap:anywhere}
.name{white-space:nowrap;margin-left:.5em}
.name i{display:inline-block;width:.7em;height:.7em;border-radius:50%;margin-right:.3em}
ul{padding-left:1.2em}details{margin:14px 0}summary{cursor:pointer;color:var(--accent)}
footer{margin-top:44px;color:var(--soft);font-size:.85rem}
@media print{body{background:#fff}figure,.scroll{break-inside:avoid}}
"""


@dataclass(frozen=True)
class Picture:
    """One of a gallery.

    Attributes:
        jpeg: The encoded picture.
        title: What it shows, in bold.
        text: Below it.
        names: Names and their colors (RGB, 0 to 255), a colored dot before each.
    """

    jpeg: bytes
    title: str
    text: str
    names: tuple[tuple[str, tuple[int, int, int]], ...] = ()


class Page:
    """An HTML page under construction; every text is escaped.

    Args:
        title: Heading and title of the page.
        subtitle: One line below it.
    """

    def __init__(self, title: str, subtitle: str = "") -> None:
        self._title = title
        self._subtitle = subtitle
        self._parts: list[str] = []

    def heading(self, text: str) -> None:
        self._parts.append(f"<h2>{escape(text)}</h2>")

    def text(self, text: str) -> None:
        """A paragraph."""
        self._parts.append(f"<p>{escape(text)}</p>")

    def items(self, texts: Iterable[str]) -> None:
        """A bulleted list."""
        self._parts.append(f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>")

    def cards(self, values: Sequence[tuple[str, str]]) -> None:
        """Headline numbers: (number with its unit, what it is)."""
        cards = "".join(f'<div class="card"><b>{escape(n)}</b><span>{escape(what)}</span></div>' for n, what in values)
        self._parts.append(f'<div class="cards">{cards}</div>')

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A table; the first column names the row, the others are numbers."""
        head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        self._parts.append(
            f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        )

    def figure(self, figure: Figure, caption: str) -> None:
        """A matplotlib figure; the caption is also its text for screen readers."""
        self._image(figure_png(figure), "png", caption)

    def png(self, encoded: bytes, caption: str) -> None:
        """A figure that is encoded already: to draw one again takes longer than all else."""
        self._image(encoded, "png", caption)

    def photo(self, figure: Figure, caption: str) -> None:
        """A figure that consists of camera pictures: a tenth of the bytes as JPEG."""
        buffer = io.BytesIO()
        figure.savefig(buffer, format="jpeg", pil_kwargs={"quality": 88})
        self._image(buffer.getvalue(), "jpeg", caption)

    def gallery(self, pictures: Iterable[Picture]) -> None:
        """Small pictures side by side, as many in a row as fit."""
        cells = "".join(f"<figure>{_picture(picture)}</figure>" for picture in pictures)
        self._parts.append(f'<div class="gallery">{cells}</div>')

    def _image(self, encoded: bytes, kind: str, caption: str) -> None:
        data = base64.b64encode(encoded).decode("ascii")
        self._parts.append(
            f'<figure><img alt="{escape(caption)}" src="data:image/{kind};base64,{data}">'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )

    def settings(self, title: str, values: Mapping[str, object]) -> None:
        """A table that is folded away until it is wanted."""
        rows = "".join(f"<tr><td>{escape(str(k))}</td><td>{escape(str(v))}</td></tr>" for k, v in values.items())
        self._parts.append(
            f"<details><summary>{escape(title)}</summary>"
            f'<div class="scroll"><table><tbody>{rows}</tbody></table></div></details>'
        )

    def html(self) -> str:
        """The whole page."""
        subtitle = f"<p>{escape(self._subtitle)}</p>" if self._subtitle else ""
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{escape(self._title)}</title><style>{STYLE}</style></head>\n"
            f"<body><main><header><h1>{escape(self._title)}</h1>{subtitle}</header>\n"
            + "\n".join(self._parts)
            + f"\n<footer>Made by markerless {escape(VERSION)}.</footer></main></body></html>\n"
        )

    def write(self, path: Path) -> None:
        """Write the page atomically.

        Raises:
            StorageError: the file cannot be written.
        """
        write_text(path, self.html())


def _picture(picture: Picture) -> str:
    data = base64.b64encode(picture.jpeg).decode("ascii")
    names = " ".join(
        f'<span class="name"><i style="background:rgb{color}"></i>{escape(name)}</span>'
        for name, color in picture.names
    )
    return (
        f'<img alt="{escape(f"{picture.title}: {picture.text}")}" src="data:image/jpeg;base64,{data}">'
        f"<figcaption><b>{escape(picture.title)}</b> {names}<br>{escape(picture.text)}</figcaption>"
    )


def figure_png(figure: Figure) -> bytes:
    """The figure as PNG, without date or version inside, so that equal figures are equal files."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
