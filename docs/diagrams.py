"""Diagrams drawn from text, for `make docs`."""

import base64
from html import escape
from typing import Any

from markdown_svgbob.wrapper import text2svg


def diagram(source: str, *_: Any, **__: Any) -> str:
    """A fence of ``diagram``: a line that says what it shows, then boxes and arrows in text.

    As an image, since the style sheet inside of it would reach the rest of the page.
    """
    title, _, drawing = source.partition("\n")
    svg: bytes = text2svg(drawing, {"--font-family": "sans-serif", "--stroke-width": 1.5})
    source = f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
    style = "background: #fff; border-radius: 8px; padding: 8px"  # in the dark theme, too
    return f'<p><img alt="{escape(title)}" style="{style}" src="{source}"></p>'
