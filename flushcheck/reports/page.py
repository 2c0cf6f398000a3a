"""The frame of the service's pages that need no script: the catalogue, the measured servers, errors."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def page_html(title: str, body: str, root: str, *, links: Sequence[tuple[str, str]], head: str = "") -> str:
    """A page around its body.

    Args:
        title: of the page, as text.
        body: of its main part, as HTML.
        root: what leads from this page's address to the service's root, for example "../"; "" at the root.
        links: at the top: the address from the service's root, and its text.
        head: HTML for the head.
    """
    shown = " ".join(f'<a href="{root}{address}">{text}</a>' for address, text in links)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}: flushcheck</title>"
        f'<link rel="icon" href="{root}page/icon.svg" type="image/svg+xml">'
        f'<link rel="stylesheet" href="{root}page/style.css">{head}</head><body>'
        f'<header class="top"><a class="brand" href="{root or "./"}">'
        f'<img src="{root}page/icon.svg" alt="" width="28" height="28"> flushcheck</a>'
        f'<nav aria-label="Page">{shown}</nav></header>'
        f"<main>{body}</main></body></html>\n"
    )


def catalogue_page(title: str, body: str, root: str, *, head: str = "") -> str:
    """A page of the catalogue, with a place for what its scripts announce; arguments as above."""
    links = (("culprits", "All culprits"), ("culprits/measured", "Measured servers"))
    place = '<p id="announcement" class="off" role="status" aria-live="polite"></p>'
    return page_html(title, f"{place}{body}", root, links=links, head=head)
