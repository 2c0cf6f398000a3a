"""The frame of the service's pages: links that lead to the service's root, and text that is escaped."""

import pytest

from flushcheck.reports.page import catalogue_page, page_html

LINKS = (("", "Start"), ("culprits", "All"))


@pytest.mark.parametrize(
    ("root", "brand", "links"),
    [
        ("", 'href="./"', '<a href="">Start</a> <a href="culprits">All</a>'),
        ("./", 'href="./"', '<a href="./">Start</a> <a href="./culprits">All</a>'),
        ("../", 'href="../"', '<a href="../">Start</a> <a href="../culprits">All</a>'),
    ],
)
def test_a_page_leads_to_the_root_of_the_service(root, brand, links):
    page = page_html("t", "<p>b</p>", root, links=LINKS)
    assert f'class="brand" {brand}' in page
    assert f'<nav aria-label="Page">{links}</nav>' in page
    assert f'href="{root}page/style.css"></head>' in page
    assert "<main><p>b</p></main>" in page


def test_a_title_is_text_and_a_head_is_html():
    page = page_html("<t>", "", "", links=(), head="<script></script>")
    assert "<title>&lt;t&gt;: flushcheck</title>" in page
    assert 'style.css"><script></script></head>' in page


def test_a_page_of_the_catalogue_has_a_place_for_announcements():
    page = catalogue_page("t", "<p>b</p>", "../")
    assert 'aria-live="polite"></p><p>b</p></main>' in page
    assert '<a href="../culprits/measured">Measured servers</a>' in page
