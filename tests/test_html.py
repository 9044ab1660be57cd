"""Web pages: the article without the page around it, laid out like a brief."""

import pytest

from index.briefs import brief_id
from index.errors import BriefUnreadable
from index.loaders import load_brief

PAGE = """<!DOCTYPE html><html><head><meta charset="{charset}">
<title>Ferry Fares After the Strike | Harbour Watch</title>
<meta property="og:title" content="Ferry Fares After the Strike"><meta name="author" content="Ada Frey; Teo Marsh">
<meta property="article:published_time" content="2021-03-15T08:00:00Z"><script>var menu = "x";</script></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/a">About us</a></li><li><a href="/d">Donate</a></li></ul></nav>
<div class="cookie">We use cookies. <button>Accept</button></div>
<article><h1>Ferry Fares After the Strike</h1><p class="date">March 15, 2021</p>
<p>The strike ended in May, and fares rose by nine crowns.
 The <a href="x">ministry of transport</a> defended the rise, which it called “overdue” in its café.</p>
<h2>What it cost</h2>
<p>Wheat rose to 310 crowns a tonne in May. The flood had closed the canal for six weeks.<br>A second line.</p>
<ul><li>Economist Teo Varga recommended a reserve of 200,000 tonnes.</li><li>No boat sails at night, he said.</li></ul>
<table><tr><th>Year</th><th>Crowns</th></tr><tr><td>2019</td><td>310</td></tr></table>
<img src="data:image/png;base64,{data}"></article>
<aside><h3>Related</h3><a href="1">Ten dams that failed</a></aside>
<footer>Copyright 2024 Harbour Watch. All rights reserved. <a href="/p">Privacy</a></footer></body></html>
"""
TEXT = """March 15, 2021

Ferry Fares After the Strike

The strike ended in May, and fares rose by nine crowns. The ministry of transport defended the rise, \
which it called “overdue” in its café.

What it cost

Wheat rose to 310 crowns a tonne in May. The flood had closed the canal for six weeks.
A second line.

Economist Teo Varga recommended a reserve of 200,000 tonnes.

No boat sails at night, he said.

Year

Crowns

2019

310
"""


def page(charset="utf-8", data="AAAA"):
    return PAGE.format(charset=charset, data=data)


def test_a_page_becomes_a_brief():
    brief = load_brief(page().encode(), "saved.html")
    assert brief.text == TEXT
    assert (brief.title, brief.date, brief.authors) == (
        "Ferry Fares After the Strike", "2021-03-15", ("Ada Frey", "Teo Marsh"),
    )  # fmt: skip
    assert TEXT[brief.paragraphs[0].start :].startswith("The strike ended")
    assert brief.id == brief_id(TEXT) == load_brief(page().encode(), "other.HTM").id


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        ("utf-8", "utf-8-sig"),
        ("iso-8859-1", "cp1252"),  # as browsers read it
        ("iso-8859-1", "utf-8"),  # a page that says what it is not
        ("windows-1252", "cp1252"),
        ("utf-8", "cp1252"),
        ("mac-roman", "mac-roman"),
        ("nonsense", "utf-8"),
        ("utf-8", "utf-16"),
    ],
)
def test_encodings_declared_and_not(charset, encoding):
    assert load_brief(page(charset).encode(encoding), "saved.html").text == TEXT


def test_a_page_that_is_not_what_it_declares_is_refused():
    with pytest.raises(BriefUnreadable, match="saved.html is not the shift-jis that it says it is; save it as UTF-8"):
        load_brief(page("shift-jis").encode("cp1252"), "saved.html")


def test_pictures_inside_the_page_do_not_matter():
    assert load_brief(page(data="QUJD" * 3_000_000).encode(), "saved.html").text == TEXT


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "saved.html holds no article"),
        (b"<html><body><script>var a = 1;</script></body></html>", "saved.html holds no"),
        (b"<b>" * 60_001, "saved.html has 60,001 tags"),
    ],
)
def test_what_holds_no_article_is_refused(content, words):
    with pytest.raises(BriefUnreadable, match=words):
        load_brief(content, "saved.html")


def test_no_page_is_too_deep():
    deep = "<div>" * 50_000 + "<p>The strike ended in May, and fares rose by nine crowns.</p>"
    try:
        assert "strike" in load_brief(deep.encode(), "saved.html").text
    except BriefUnreadable as exc:
        assert str(exc).startswith("saved.html ")
