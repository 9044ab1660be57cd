"""PDF files: lines become paragraphs again, what is not text of the brief goes, pages are known."""

import os
import shutil
import subprocess
from dataclasses import dataclass

import pytest

from index import pdf
from index.briefs import brief_id
from index.errors import BriefUnreadable
from index.loaders import load_brief

CHROMIUM = os.environ.get("BRIEFQA_CHROMIUM", "chromium")


@dataclass
class Words:
    """Some words on a page; places in points from the lower left corner."""

    text: str
    y: int
    x: int = 72
    size: int = 11


def written(
    pages: list[list[Words]], info: str = "", trailer: str = "", shape: str = "/MediaBox[0 0 595 842]"
) -> bytes:
    """A PDF file of A4 pages, unless they have another shape."""
    objects = ["<</Type/Catalog/Pages 2 0 R>>", "", "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", f"<<{info}>>"]
    kids = []
    for page in pages:
        shown = "\n".join(f"BT /F {w.size} Tf {w.x} {w.y} Td ({w.text}) Tj ET" for w in page)
        objects.append(f"<</Length {len(shown)}>>stream\n{shown}\nendstream")
        objects.append(f"<</Type/Page/Parent 2 0 R{shape}/Contents {len(objects)} 0 R/Resources<</Font<</F 3 0 R>>>>>>")
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<</Type/Pages/Count {len(kids)}/Kids[{' '.join(kids)}]>>"
    made, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(made))
        made += f"{number} 0 obj{content}endobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    return (
        f"{made}xref\n0 {size}\n0000000000 65535 f \n{table}"
        f"trailer<</Size {size}/Root 1 0 R/Info 4 0 R{trailer}>>\nstartxref\n{len(made)}\n%%EOF"
    ).encode("latin-1")


def text(*pages: list[Words]) -> str:
    return load_brief(written(list(pages)), "a.pdf").text


def test_lines_become_paragraphs_without_heads_and_page_numbers():
    def frame(n):
        return [Words("Harbour Watch", 800, 250, 9), Words(f"Page {n} of 3", 30, 280, 9)]

    content = written(
        [
            [
                *frame(1), Words("Ferry Fares After the Strike", 740, size=20), Words("March 15, 2021", 700),
                Words("The strike ended in May, and the fares rose by nine", 670), Words("crowns. None objected.", 656),
                Words("The flood had closed the canal, which the harbour", 630), Words("master had not", 616),
            ],
            [*frame(2), Words("foreseen. No boat sailed.", 740), Words("Teo Varga is an economist at the Mill.", 710)],
            [*frame(3), Words("Trade Shipping", 740)],
        ],
        info="/Title(Other Title)/Author(Ada Frey; Teo Marsh)/CreationDate(D:20200506120000Z)",
    )  # fmt: skip
    brief = load_brief(content, "ferry.pdf")
    assert brief.text == (
        "Ferry Fares After the Strike\n\nMarch 15, 2021\n\n"
        "The strike ended in May, and the fares rose by nine crowns. None objected.\n\n"
        "The flood had closed the canal, which the harbour master had not\fforeseen. No boat sailed.\n\n"
        "Teo Varga is an economist at the Mill.\n\n\fTrade Shipping\n"
    )
    assert (brief.title, brief.date) == ("Ferry Fares After the Strike", "2021-03-15")
    assert brief.authors == ("Teo Varga",) and "".join(brief.topics) == "TradeShipping"
    assert [brief.text[p.start : p.end][:9] for p in brief.paragraphs] == ["The strik", "The flood", "Teo Varga"]
    assert brief.id == brief_id(brief.text) == load_brief(content, "other.PDF").id


def test_properties_count_where_the_text_says_nothing():
    info = "/Title(Of Dams)/Author(Ada Frey; Teo Marsh)/CreationDate(D:20200506120000Z)"
    brief = load_brief(written([[Words("Dams hold water by their weight.", 700)]], info), "a.pdf")
    assert (brief.title, brief.date, brief.authors) == ("Of Dams", "2020-05-06", ("Ada Frey", "Teo Marsh"))


def test_words_parted_at_the_end_of_a_line():
    lines = [
        "It was a long-term plan of the gov-", "ernment, and the govern-", "ment said that the long-",
        "term view was right in 1914-", "18 and that the policy-",
        "making of its policy, and the making of policy, was",
    ]  # fmt: skip
    assert text([Words(line, 700 - 14 * n) for n, line in enumerate(lines)]) == (
        "It was a long-term plan of the government, and the government said that the long-term view was right in "
        "1914-18 and that the policy-making of its policy, and the making of policy, was\n"
    )


def test_a_word_parted_between_pages_is_on_the_second():
    assert text([Words("The gov-", 100)], [Words("ernment fell.", 700)]) == "The\fgovernment fell.\n"


def test_paragraphs_by_indent_lists_and_columns():
    assert text(
        [
            Words("First line of the one", 700), Words("and its second.", 686),
            Words("Next, set in a little,", 672, 90),
            Words("goes on here", 658), Words("in another column.", 700, 320), Words("- one thing", 660, 320),
            Words("with its rest", 646, 332), Words("- another", 632, 320),
        ]
    ) == (
        "First line of the one and its second.\n\nNext, set in a little, goes on here in another column.\n\n"
        "- one thing with its rest\n\n- another\n"
    )  # fmt: skip


def test_text_that_happens_to_stand_at_the_same_place_twice_stays():
    """Only what stands apart is a running head."""
    pages = [
        [Words("The same words begin", 780), Words("both of these pages.", 766), Words("So they do.", 752)]
        + [Words(f"And then {number} other words follow", 738), Words(more, 724)]
        for number, more in (("seven", "of no weight."), ("eight", "of some."))
    ]
    assert text(*pages).count("The same words begin both of these pages. So they do.") == 2


def test_a_page_without_words_counts():
    assert text([], [Words("On the second page.", 700)], [], [Words("On the fourth.", 700)]) == (
        "\fOn the second page.\n\n\f\fOn the fourth.\n"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "a.pdf is not a whole PDF file"),
        (b"%PDF-1.7 and no more", "a.pdf is not a whole PDF file"),
        (written([[]]), r"a.pdf holds pictures of pages and no text \(a scan\); have its text recognised"),
        (
            written(
                [[Words("Secret.", 700)]],
                trailer=f"/ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<{'00' * 32}>/U<{'00' * 32}>>>",
            ),
            "a.pdf is encrypted; save it without a password",
        ),
        (written([[]] * 1001), "a.pdf has 1,001 pages"),
    ],
)
def test_what_cannot_be_read_is_refused(content, words):
    with pytest.raises(BriefUnreadable, match=words):
        load_brief(content, "a.pdf")


def test_a_text_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(pdf, "_MAX_CHARS", 10)
    with pytest.raises(BriefUnreadable, match="a.pdf holds more than 10 characters"):
        pdf.text_of_pdf(written([[Words("More than ten.", 700)]]), "a.pdf")


@pytest.mark.browser
@pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="there is no Chromium")
def test_a_page_printed_by_a_browser(tmp_path):
    sentence = "The ministry defended the long-term plan, which the harbour master, who was “overdue”, had called off. "
    paragraphs = [f"Number {n}. {sentence * 3}".strip() for n in range(1, 9)]
    (tmp_path / "a.html").write_text(
        "<meta charset=utf-8><title>Ferry Fares</title><style>@page{size:A5;margin:20mm}p{font:11pt serif}</style>"
        "<h1>Ferry Fares After the Strike</h1>" + "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs),
        "utf-8",
    )
    made = tmp_path / "a.pdf"
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}/user",
        f"--print-to-pdf={made}",
    ]
    subprocess.run([CHROMIUM, *flags, str(tmp_path / "a.html")], check=True, capture_output=True, timeout=120)
    brief = load_brief(made.read_bytes(), "a.pdf")
    assert brief.title == "Ferry Fares After the Strike"
    assert [" ".join(brief.text[p.start : p.end].split()) for p in brief.paragraphs] == paragraphs
    assert brief.text.count("\f") > 0
