"""Files of every format that is read, made by what others make them with, or letter by letter."""

import io
import warnings
import zipfile
from collections.abc import Iterator
from email.message import EmailMessage

import docx

File = tuple[str, bytes]
"""Name and content."""


def docx_of(title: str, blocks: list[str]) -> bytes:
    """A Word document."""
    document = docx.Document()
    document.add_heading(title, 0)
    for block in blocks:
        document.add_paragraph(block)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def html_of(title: str, blocks: list[str]) -> bytes:
    """A page with a menu, an article, an author and a date."""
    body = "".join(f"<p>{block}</p>" for block in blocks)
    head = (
        f"<meta charset=utf-8><title>{title}</title><meta name=author content='A B'><meta name=date content=2020-05-06>"
    )
    menu = "<nav><a href=/>Home</a></nav>"
    return f"<html><head>{head}</head><body>{menu}<article><h1>{title}</h1>{body}</article></body></html>".encode()


def mail_of(title: str, text: str, page: str) -> bytes:
    """A mail with a text, a page and a file attached."""
    message = EmailMessage()
    message["Subject"], message["From"], message["Date"] = (
        title,
        "Ada Frey <ada@mill.example>",
        "Mon, 15 Mar 2021 08:00:00 +0000",
    )
    message.set_content(text)
    message.add_alternative(page, subtype="html")
    message.add_attachment(text.encode(), maintype="text", subtype="plain", filename="brief.txt")
    return message.as_bytes()


def zip_of(files: list[File]) -> bytes:
    """An archive, whatever its files are called."""
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # of names given twice
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def unzipped(content: bytes) -> Iterator[File]:
    """The files in an archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        yield from ((name, archive.read(name)) for name in archive.namelist())


def printed(blocks: list[str], a_page: int = 6) -> bytes:
    """A PDF file with a line of at most 90 characters after another."""
    lines = [block[at : at + 90] for block in blocks for at in range(0, len(block), 90)]
    pages = []
    for first in range(0, len(lines), 8 * a_page if a_page > 1 else 1):
        shown = "\n".join(
            f"BT /F 11 Tf 72 {760 - 14 * n} Td <{line.encode('cp1252', 'replace').hex()}> Tj ET"
            for n, line in enumerate(lines[first : first + (8 * a_page if a_page > 1 else 1)])
        )
        pages.append(shown.encode())
    return pdf_of(pages)


def pdf_of(pages: list[bytes], says: str = "") -> bytes:
    """A PDF file of pages with these contents; `says` goes into the dictionary of each."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Title(A)/CreationDate(D:20200506)>>",
    ]
    kids = []
    for shown in pages:
        objects.append(f"<</Length {len(shown)}{says}>>stream\n".encode() + shown + b"\nendstream")
        font = f"/MediaBox[0 0 595 842]/Contents {len(objects)} 0 R/Resources<</Font<</F 3 0 R>>>>"
        objects.append(f"<</Type/Page/Parent 2 0 R{font}>>".encode())
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<</Type/Pages/Count {len(kids)}/Kids[{' '.join(kids)}]>>".encode()
    made, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj" % number + content + b"endobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    head, tail = f"xref\n0 {size}\n0000000000 65535 f \n", f"/Root 1 0 R/Info 4 0 R>>\nstartxref\n{len(made)}\n%%EOF"
    return bytes(made) + f"{head}{table}trailer<</Size {size}{tail}".encode()
