"""Mails: what they say laid out like a brief, what is attached a brief of its own."""

from email.message import EmailMessage
from email.policy import SMTP

import pytest
from test_html import TEXT as PAGE_TEXT
from test_html import page
from test_pdf import Words
from test_pdf import written as pdf_of

from index.errors import BriefUnreadable
from index.loaders import load_brief, parts_of
from index.types import Failure, Part

BODY = "The strike ended in May, and fares rose by nine crowns.\n\nThe ministry called it “overdue” in its café.\n"
HEADS = {
    "Subject": "Ferry Fares “After” the Strike",
    "From": "Ada Frey <ada@mill.example>",
    "Date": "Mon, 15 Mar 2021 23:30:00 -0800",
}


def mail(body=BODY, html=None, heads=HEADS, **options) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    for name, value in heads.items():
        message[name] = value
    if body is not None:
        message.set_content(body, **options)
    if html is not None:
        (message.set_content if body is None else message.add_alternative)(html, subtype="html")
    return message


def parts(message: EmailMessage) -> list[Part | Failure]:
    return list(parts_of(message.as_bytes(), "a.eml"))


def test_a_mail_is_laid_out_like_a_brief():
    brief = load_brief(mail(html=page()).as_bytes(), "a.eml")
    assert brief.text == f"March 15, 2021\n\nFerry Fares “After” the Strike\n\n{BODY}"
    assert (brief.title, brief.date, brief.authors) == (HEADS["Subject"], "2021-03-15", ("Ada Frey",))
    assert [p.start for p in brief.paragraphs] == [brief.text.index("The strike"), brief.text.index("The ministry")]


def test_without_plain_text_its_page_is_read():
    brief = load_brief(mail(body=None, html=page()).as_bytes(), "a.eml")
    assert brief.text == PAGE_TEXT and brief.authors == ("Ada Frey", "Teo Marsh")  # as the page says


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252", "utf-16", "nonsense"])
def test_encodings(charset):
    words = "Fares rose in the café of Łódź.\n" if charset.startswith("utf") else "Fares rose in the café.\n"
    codec = charset if charset != "nonsense" else "utf-8"
    content = (
        f"Subject: =?utf-8?q?F=C3=A4hren?=\nContent-Type: text/plain; charset={charset}\n\n".encode()
        + words.encode(codec)
    )
    assert load_brief(content, "a.eml").text == f"Fähren\n\n{words}"


def test_a_brief_that_was_mailed_has_its_own_header():
    own = f"Ferries at Rest\n\nBy Teo Marsh | May 6, 2020\n\n{BODY}"
    brief = load_brief(mail(own).as_bytes(), "a.eml")
    assert (brief.text, brief.title, brief.date, brief.authors) == (
        own,
        "Ferries at Rest",
        "2020-05-06",
        ("Teo Marsh",),
    )


def test_what_a_program_put_before_a_subject_is_no_title():
    assert load_brief(mail(heads=HEADS | {"Subject": "Fwd: RE: Ferries"}).as_bytes(), "a.eml").title == "Ferries"


def test_lines_that_flow_are_joined():
    message = mail("Fares rose \nby nine \ncrowns.\n\n-- \nAda Frey\n")
    message.set_param("format", "flowed")
    assert load_brief(message.as_bytes(), "a.eml").text.endswith("\n\nFares rose by nine crowns.\n\n-- \nAda Frey\n")


def test_what_is_attached_is_a_brief_of_its_own():
    message = mail()
    rails = pdf_of([[Words("Rails were laid in the north.", 700)]])
    message.add_attachment(rails, maintype="application", subtype="pdf", filename="../rails.pdf")
    message.add_attachment(rails, maintype="application", subtype="pdf", filename="rails.pdf")
    message.add_attachment(b"GIF89a", maintype="image", subtype="gif", filename="logo.gif")
    message.add_attachment(b"PK", maintype="application", subtype="zip", filename="all.zip")
    message.add_attachment(mail("Dams hold water.", heads={"Subject": "On Dams"}))
    whole, first, second, archive, forwarded = parts(message)
    assert (whole.source, whole.content) == ("a.eml", message.as_bytes())
    assert (first, second) == (Part("a.eml/rails.pdf", rails), Part("a.eml/rails 2.pdf", rails))
    assert archive == Failure("a.eml/all.zip", "a.eml/all.zip is an archive inside a mail; save it beside it")
    brief = load_brief(forwarded.content, forwarded.source)
    assert (brief.source, brief.text) == ("a.eml/On Dams.eml", "On Dams\n\nDams hold water.\n")


def test_a_mail_that_only_brings_a_file_is_that_file():
    message = mail(" \n")
    message.add_attachment(b"Dams hold water.", maintype="text", subtype="plain", filename="dams.txt")
    assert [part.source for part in parts(message)] == ["a.eml/dams.txt"]
    assert [part.source for part in parts(mail(" \n"))] == ["a.eml"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "a.eml is no mail"),
        (b"A text that somebody called a mail.\n\nNo more.", "a.eml is no mail"),
        (mail("\n").as_bytes(), "a.eml holds no text; save what is attached to it"),
        (
            b"Subject: x\nContent-Type: multipart/encrypted; boundary=a\n\n--a--",
            "a.eml is encrypted; save it decrypted",
        ),
        (b"Subject: x\nContent-Type: application/pkcs7-mime\n\nMIIB", "a.eml is encrypted"),
        (b"Content-Type: message/rfc822\n\n" * 20_000 + b"Subject: x\n\nWords.", "a.eml is not a whole mail"),
        (b"Subject: x\nContent-Type: text/plain; charset=undefined\n\n\x81", "a.eml is not UTF-8"),
    ],
)
def test_what_is_no_readable_mail_is_refused(content, words):
    with pytest.raises(BriefUnreadable, match=words):
        for part in parts_of(content, "a.eml"):
            load_brief(part.content, part.source)


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Mar 2021", "9" * 3000, "\x00"])
@pytest.mark.parametrize("sender", ["", "<", "a@b", "(" * 3000, '"\\', "=?x?q?=FF?= <a@b>", "Frey, Ada <a@b>"])
def test_headers_that_say_nothing_are_no_obstacle(date, sender):
    brief = load_brief(f"Subject: =?utf-8?b?/w==?= x\nFrom: {sender}\nDate: {date}\n\nWords here.\n".encode(), "a.eml")
    assert brief.date is None and brief.text.endswith("\n\nWords here.\n")
