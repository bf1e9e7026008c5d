"""A body -> an HTML document that loads nothing from anywhere, light or dark as its reader likes it.

A document to keep holds its style sheet. One that is served links to it, as its Content-Security-Policy allows no
style inside of a page.
"""

from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Final

STYLE: Final = Path(__file__).with_name("page.css")

_NO_ICON: Final = '<link rel="icon" href="data:,">'  # else a browser asks for one


def document(title: str, body: Iterable[str], *, kind: str = "", links: str = "") -> str:
    """Write the whole document. ``kind`` is the body's class; with ``links``, tags of its head, it has no style."""
    style = links or f"{_NO_ICON}\n<style>\n{STYLE.read_text(encoding='utf-8')}</style>"
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n{style}\n"
        f'<body class="{kind}">\n<main>\n{"\n".join(body)}\n</main>\n'
    )
