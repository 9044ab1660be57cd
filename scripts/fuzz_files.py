"""Files to fuzz the loaders with: real ones of every format, mutations of them, and structures made to hurt."""

import base64
import io
import random
import zipfile
import zlib
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import docx

SAMPLES = Path(__file__).parent.parent / "index" / "samples"
File = tuple[str, bytes]
"""Name and content."""
_TOKENS = [
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\xe2\x80\xa8",
    b"\r",
    b"\f" * 9,
    b"---\n",
    b"|",
    b"<",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"&#x110000;",
    b"&#0;",
    b"<table><tr><td>",
    b"</body>",
    b"<script>",
    b"<?xml version='1.0' encoding='utf-7'?>",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"endobj",
    b"xref",
    b"trailer",
    b"/Count -1",
    b"/Length 99999999999",
    b"/Kids[1 0 R]",
    b"stream\n",
    b"PK\x01\x02",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"March 3, 2021 | ",
    b"February 30, 2021",
    b"# ",
    b"By ",
    b"Tags: ",
    b"Content-Type: multipart/mixed; boundary=a\n\n--a\n",
    b"=?utf-8?b?/////w==?=",
    b"title: [",
    b"*a",
    b"&a",
    b"\xf0\x9f\x98\x80",
]


def seeds() -> list[File]:
    """Small real files of every format, made from the sample briefs."""
    made: list[File] = []
    for path in sorted(SAMPLES.glob("*.txt"))[::6]:
        text = path.read_text("utf-8")
        title = text.split("\n")[2]
        blocks = [block for block in text.split("\n\n") if block.strip()]
        made += [
            ("a.txt", text.encode()),
            ("a.txt", text.encode("utf-16")),
            ("a.txt", text.encode("cp1252", "replace")),
            (
                "a.md",
                f'---\ntitle: "{title}"\ndate: 2020-05-06\nauthors: [A B, C D]\n---\n# {title}\n\n{text}'.encode(),
            ),
            ("a.docx", _docx(title, blocks)),
            ("a.html", _html(title, blocks)),
            ("a.pdf", pdf(blocks)),
            ("a.eml", _eml(title, text, _html(title, blocks).decode())),
        ]
        made.append(("a.zip", _zip([(f"{n}/{name}", content) for n, (name, content) in enumerate(made[-8:])])))
    return made


def fuzzed(rng: random.Random, real: list[File]) -> tuple[str, File]:
    """One file, and how it was made."""
    if rng.random() < 0.2:
        make = rng.choice(HOSTILE)
        size = int(10 ** rng.uniform(0, 6))
        return f"{make.__name__.strip('_')} {size}", make(rng, size)
    name, content = rng.choice(real)
    how = rng.choice(MUTATIONS)
    content = how(rng, content, rng.choice([other for kind, other in real if kind == name]))
    if rng.random() < 0.05:
        name = rng.choice(real)[0]
    return f"{how.__name__.strip('_')} of {name}", (name, content)


# ---- mutations: (rng, content, another of its kind) → content ----


def _bits(rng: random.Random, content: bytes, _: bytes) -> bytes:
    changed = bytearray(content)
    for _n in range(int(2 ** rng.uniform(0, 9))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(rng: random.Random, content: bytes, _: bytes) -> bytes:
    return content[: rng.randrange(len(content))]


def _hole(rng: random.Random, content: bytes, _: bytes) -> bytes:
    start = rng.randrange(len(content))
    return content[:start] + content[start + int(10 ** rng.uniform(0, 4)) :]


def _splice(rng: random.Random, content: bytes, other: bytes) -> bytes:
    return content[: rng.randrange(len(content))] + other[rng.randrange(len(other)) :]


def _again(rng: random.Random, content: bytes, _: bytes) -> bytes:
    start = rng.randrange(len(content))
    part = content[start : start + int(10 ** rng.uniform(0, 3.5))]
    return content[:start] + part * int(10 ** rng.uniform(0, 3)) + content[start:]


def _tokens(rng: random.Random, content: bytes, _: bytes) -> bytes:
    for _n in range(rng.randrange(1, 9)):
        at = rng.randrange(len(content))
        content = content[:at] + rng.choice(_TOKENS) * rng.choice([1, 1, 1, 50]) + content[at:]
    return content


def _numbers(rng: random.Random, content: bytes, _: bytes) -> bytes:
    """Digits changed where there are some: lengths, counts and places inside a file."""
    changed = bytearray(content)
    places = [at for at, byte in enumerate(changed) if 48 <= byte < 58]
    for at in rng.sample(places, min(len(places), rng.randrange(1, 20))):
        changed[at] = rng.choice(b"0123456789-9")
    return bytes(changed)


def _inside(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """A part of a zip changed and packed again, so that its checksum holds."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = [(name, archive.read(name)) for name in archive.namelist()]
    except (zipfile.BadZipFile, ValueError):
        return _tokens(rng, content, other)
    at = rng.randrange(len(parts))
    name, part = parts[at]
    parts[at] = (name, rng.choice(MUTATIONS[:7])(rng, part or b"<a/>", part or b"<a/>"))
    return _zip(parts)


MUTATIONS: list[Callable[[random.Random, bytes, bytes], bytes]] = [
    _bits,
    _cut,
    _hole,
    _splice,
    _again,
    _tokens,
    _numbers,
    _inside,
]


# ---- structures made to hurt: (rng, size from 1 to a million) → file ----


def _deep_html(rng: random.Random, n: int) -> File:
    tag = rng.choice(["div", "b", "table><tr><td", "ul><li", "blockquote", "span", "p", "font", "a href=x", "article"])
    words = "<p>The strike ended in May, and fares rose by nine crowns. </p>" * rng.randrange(9)
    return "a.html", f"<html><body>{f'<{tag}>' * n}{words}".encode()


def _wide_html(rng: random.Random, n: int) -> File:
    tag = rng.choice(
        [
            "p",
            "br",
            "li",
            "h2",
            "td",
            "i",
            "hr",
            "a href='x'",
            "img src=x",
            "x-y",
            "tr",
            "option",
            "meta content='2020-01-01'",
        ]
    )
    words = rng.choice(["", "x", "Fares rose by nine crowns in May, the ministry said. "])
    return "a.html", f"<html><body><article>{f'<{tag}>{words}' * min(n, 20_000_000 // (len(words) + 9))}".encode()


def _odd_html(rng: random.Random, n: int) -> File:
    part = rng.choice(
        [
            "&amp;",
            "&#128512;",
            "<!--",
            "<",
            ">",
            "</p",
            '<a b="',
            "<p a=1 ",
            "<![CDATA[",
            "<?",
            "\x00",
            "data:;base64,A",
            "2020-01-01 ",
            "January 1, 2020 ",
            "<title>",
            "<script>",
            "<p>a",
            "\u202e",
            "\u0301",
            "<meta charset=",
        ]
    )
    return "a.html", f"<html><body><p>Words of an article that is long enough.</p>{part * n}".encode()


def _long_line(rng: random.Random, n: int) -> File:
    part = rng.choice(
        [
            "a",
            "a ",
            "A. ",
            "Dr. A. ",
            "…",
            "“",
            "a.b",
            "U.S.",
            "1,0",
            "a-",
            "\u0301",
            "😀",
            "Anna Bell, ",
            "|",
            "\t",
            "!?",
            "(",
            "x\u2028",
            "Anna Bell and ",
            "March 1, 2020 | ",
            "# ",
            "By A B, ",
            "e.g. ",
            "¹",
            "et al. ",
            ";",
        ]
    )
    name = rng.choice(["a.txt", "a.md", "a.docx", "a.eml"])
    words = f"A Title\n\nA first paragraph.\n\n{part * min(20 * n, 19_000_000 // len(part.encode()))}"
    return name, _docx("", [words.replace("\x00", "")]) if name == "a.docx" and n < 50_000 else words.encode()


def _many_lines(rng: random.Random, n: int) -> File:
    part = rng.choice(
        [
            "\n",
            "\r",
            "\r\n \t",
            "a\n\n",
            "a\n",
            "March 1, 2020 | Memo\n\n",
            "By A B\n\n",
            "Tags: a, b\n\n",
            "- a\n",
            "\f",
            "# A\n\n",
            "x. \n\n",
            "Anna Bell is a fellow at the X.\n\n",
            "\u2029",
            "Key Takeaways\n\n",
            "[1] a\n\n",
            "| a | b |\n",
        ]
    )
    return rng.choice(["a.txt", "a.md"]), (part * min(n, 19_000_000 // len(part))).encode()


def _front_matter(rng: random.Random, n: int) -> File:
    made = rng.choice(
        [
            "title: " + "[" * n,
            "title: " + "{a: " * n,
            "a: &a [x]\n" + "b: [*a, *a]\n" * n,
            "title: " + "x" * n,
            "- " * n,
            "title: !!python/object/apply:os.system ['x']",
            "title: !!binary |\n " + "A" * n,
            "? " * n,
            "date: " + "2" * n,
            "title: 'x\n" * min(n, 900),
            "authors:\n" + "- name: A B\n" * n,
            "<<: *x\n" * n,
            'title: "\\ud800"',
            "tags: [" + "a, " * n,
        ]
    )
    return "a.md", f"---\n{made}\n---\nA paragraph. And more.\n\nAnother.\n".encode()


def _noise(rng: random.Random, n: int) -> File:
    name = rng.choice(["a.txt", "a.md", "a.html", "a.htm", "a.docx", "a.pdf", "a.eml", "a.zip", "a.exe", "", "a"])
    head = rng.choice(
        [
            b"",
            b"%PDF-1.7\n",
            b"PK\x03\x04",
            b"<html>",
            b"\xff\xfe",
            b"\xfe\xff",
            b"\xd0\xcf\x11\xe0",
            b"From: a\n\n",
            b"---\n",
        ]
    )
    return name, head + rng.randbytes(n)


def _encoding(rng: random.Random, n: int) -> File:
    text = "Überschrift — “Zitat”, naïve façade, Ελλάδα, 日本語, العربية, ไทย.\n\nZweiter Absatz.\n" * (1 + n // 5000)
    codec = rng.choice(
        [
            "utf-7",
            "utf-32",
            "utf-16-le",
            "shift_jis",
            "gb18030",
            "koi8-r",
            "cp437",
            "iso8859-6",
            "utf-8-sig",
            "cp1250",
            "mac-roman",
            "big5",
            "iso2022_jp",
        ]
    )
    said = rng.choice(
        [
            "utf-8",
            codec,
            "base64",
            "rot13",
            "zlib",
            "unicode_escape",
            "idna",
            "x-user-defined",
            "a" * 50,
            "undefined",
            "punycode",
        ]
    )
    name = rng.choice(["a.txt", "a.html", "a.eml"])
    head = {
        "a.html": f"<meta charset={said}><p>",
        "a.eml": f"Content-Type: text/plain; charset={said}\nSubject: x\n\n",
    }.get(name, "")
    return name, head.encode() + text.encode(codec, "ignore")


def _docx_bomb(rng: random.Random, n: int) -> File:
    part = rng.choice(
        [
            "word/document.xml",
            "docProps/core.xml",
            "[Content_Types].xml",
            "word/_rels/document.xml.rels",
            "word/styles.xml",
        ]
    )
    laughs = (
        "<!DOCTYPE a [<!ENTITY b0 'x'>" + "".join(f"<!ENTITY b{i} '{f'&b{i - 1};' * 10}'>" for i in range(1, 12)) + "]>"
    )
    body = rng.choice(
        [
            f"{laughs}<a>&b11;</a>",
            "<w:p xmlns:w='x'>" * n,
            "<a b='" + "x" * n + "'/>",
            "<a>" * n + "</a>" * n,
            " " * (100 * n),
            "<a/>" * n,
            f"<!DOCTYPE a SYSTEM 'file:///etc/hostname'><a>{'x' * n}</a>",
            "<a>" + "<b>" * n,
            "<" * n,
        ]
    )
    opened = "<w:document xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'><w:body>"
    inner = rng.choice(
        [
            "<w:p>",
            "<w:tbl><w:tr><w:tc>",
            "<w:r>",
            "<w:ins>",
            "<w:p><w:r><w:t>word </w:t></w:r></w:p>",
            "<w:p><w:r><w:br/>",
        ]
    )
    nested = f"{opened}{inner * n}" + (
        "</w:body></w:document>" if "</w:p>" in inner else _closing(inner) * n + "</w:body></w:document>"
    )
    parts = dict(_parts(_docx("A", ["A paragraph. Another."])))
    parts[part if rng.random() < 0.5 else "word/document.xml"] = (body if rng.random() < 0.4 else nested).encode()
    return "a.docx", _zip(list(parts.items()))


def _closing(tags: str) -> str:
    return "".join(
        f"</{tag.split('>')[0]}>" for tag in reversed(tags.split("<")[1:]) if not tag.split(">")[0].endswith("/")
    )


def _zip_bomb(rng: random.Random, n: int) -> File:
    inner: list[File] = rng.choice(
        [
            [("a.txt", b"a b. " * (40 * n))],
            [(f"{i}.txt", b"A paragraph.") for i in range(min(n, 70_000))],
            [("../../etc/x.txt", b"A paragraph.")],
            [("/etc/x.txt", b"A.")],
            [("C:\\x.txt", b"A.")],
            [("a\\..\\..\\b.txt", b"A.")],
            [("a.txt", b"A."), ("a.txt", b"B."), ("A.TXT", b"C.")],
            [("a.zip", _zip([("b.zip", _zip([("c.txt", b"C is here.")]))]))],
            [("a" * min(n, 60_000) + ".txt", b"A.")],
            [("", b"A")],
            [("\x00.txt", b"A")],
            [(".txt", b"A")],
            [("a/.b/c.txt", b"A b c.")],
            [("a.docx", _docx_bomb(rng, min(n, 100_000))[1])],
            [("a.html", _deep_html(rng, n)[1])],
            [("__MACOSX/._a.txt", b"\x00\x05\x16\x07")],
            [("😀/é.txt", b"A b c.")],
            [("a.eml", _mail(rng, min(n, 10_000))[1])],
            [],
        ]
    )
    content = bytearray(_zip(inner))
    if rng.random() < 0.3:  # sizes, flags (encrypted) and methods that are not true
        for mark in (b"PK\x01\x02", b"PK\x03\x04"):
            at = content.find(mark)
            if at >= 0:
                place = at + rng.choice([6, 8, 10, 16, 20, 22, 24, 26, 28, 30, 38, 40, 42])
                content[place : place + 4] = rng.choice([b"\x01\x00\x00\x00", b"\xff\xff\xff\xff", rng.randbytes(4)])
    return "a.zip", bytes(content)


def _link_zip(rng: random.Random, n: int) -> File:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        link = zipfile.ZipInfo("a.txt")
        link.create_system, link.external_attr = 3, rng.choice([0o120777, 0o020666, 0o010666, 0o060666]) << 16
        archive.writestr(link, "/etc/hostname" * (1 + n // 1000))
    return "a.zip", file.getvalue()


def _mail(rng: random.Random, n: int) -> File:
    made = rng.choice(
        [
            "".join(f"Content-Type: multipart/mixed; boundary=b{i}\n\n--b{i}\n" for i in range(n)),
            "X: y\n" * n + "\nBody here.",
            f"Content-Type: multipart/mixed; boundary={'b' * min(n, 70_000)}\n\n--{'b' * n}\nx",
            "Content-Type: message/rfc822\n\n" * n,
            "Content-Type: multipart/mixed; boundary=b\n\n"
            + "--b\nContent-Type: text/plain\n\nA part. \n" * n
            + "--b--",
            "Subject: " + "=?utf-8?q?=41?= " * n + "\n\nBody here.",
            "Subject: a\n" + " b\n" * n + "\nBody here.",
            "From: " + "a@b, " * n + "\n\nBody.",
            "From: " + "(" * n + "\n\nBody here.",
            'From: "' + "\\" * n + "\n\nBody here.",
            "Date: " + "9" * n + "\n\nBody here.",
            "Content-Transfer-Encoding: base64\n\n" + "QUJD" * n,
            "Content-Transfer-Encoding: quoted-printable\n\n" + "=\n=41=" * n,
            "Content-Type: text/html\n\n" + "<div>" * n + "A page.",
            "Content-Type: text/plain; " + "a*0*=b; " * n + "\n\nBody here.",
            "Content-Transfer-Encoding: x-uuencode\n\nbegin 644 a\n" + "M" * n,
            "From: " + "<" * n + "\n\nBody.",
            "From: " + "a:" * n + ";\n\nBody.",
        ]
    )
    return "a.eml", made.encode()[:19_000_000]


def _pdf_bomb(rng: random.Random, n: int) -> File:
    shown = rng.choice(
        [
            "BT /F 11 Tf 72 700 Td (Words.) Tj ET\n" * n,
            "q " * n,
            "[" * n,
            "(" * n,
            "BT /F 1e30 Tf (A b c.) Tj ET",
            "/X Do " * n,
            "BT /F 11 Tf (" + "A b. " * n + ") Tj ET",
            "BT /F 11 Tf 0 0 Td " + "(a) Tj 5 0 Td " * n + "ET",
            "0 0 m " + "9 9 l " * n + "S",
        ]
    )
    how = rng.choice(["plain", "flate", "twice", "pages", "loop", "forms"])
    if how == "pages":
        return "a.pdf", pdf(["Words on a page."] * min(n, 3_000), a_page=1)
    packed = (
        zlib.compress(shown.encode())
        if how == "flate"
        else zlib.compress(zlib.compress(b" " * (20 * n), 9), 9)
        if how == "twice"
        else shown.encode()
    )
    says = {"flate": "/Filter/FlateDecode", "twice": "/Filter[/FlateDecode/FlateDecode]"}.get(how, "")
    content = _pdf([packed], says)
    if how == "loop":
        content = content.replace(
            b"/Kids[6 0 R]", rng.choice([b"/Kids[2 0 R]", b"/Kids[6 0 R 2 0 R]", b"/Kids[5 0 R]"])
        )
    if how == "forms":
        content = content.replace(b"/Font<<", b"/XObject<</X 5 0 R>>/Font<<")
    return "a.pdf", content


HOSTILE: list[Callable[[random.Random, int], File]] = [
    _deep_html,
    _wide_html,
    _odd_html,
    _long_line,
    _many_lines,
    _front_matter,
    _noise,
    _encoding,
    _docx_bomb,
    _zip_bomb,
    _link_zip,
    _mail,
    _pdf_bomb,
]


# ---- files of each format ----


def _docx(title: str, blocks: list[str]) -> bytes:
    document = docx.Document()
    document.add_heading(title, 0)
    for block in blocks:
        document.add_paragraph(block)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _html(title: str, blocks: list[str]) -> bytes:
    body = "".join(f"<p>{block}</p>" for block in blocks)
    head = (
        f"<meta charset=utf-8><title>{title}</title><meta name=author content='A B'><meta name=date content=2020-05-06>"
    )
    return f"<html><head>{head}</head><body><nav><a href=/>Home</a></nav><article><h1>{title}</h1>{body}</article></body></html>".encode()


def _eml(title: str, text: str, page: str) -> bytes:
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


def _zip(files: list[File]) -> bytes:
    import warnings

    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # of names given twice
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _parts(content: bytes) -> Iterator[File]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        yield from ((name, archive.read(name)) for name in archive.namelist())


def pdf(blocks: list[str], a_page: int = 6) -> bytes:
    """A PDF file with a line of at most 90 characters after another."""
    lines = [block[at : at + 90] for block in blocks for at in range(0, len(block), 90)]
    pages = []
    for first in range(0, len(lines), 8 * a_page if a_page > 1 else 1):
        shown = "\n".join(
            f"BT /F 11 Tf 72 {760 - 14 * n} Td <{line.encode('cp1252', 'replace').hex()}> Tj ET"
            for n, line in enumerate(lines[first : first + (8 * a_page if a_page > 1 else 1)])
        )
        pages.append(shown.encode())
    return _pdf(pages)


def _pdf(pages: list[bytes], says: str = "") -> bytes:
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
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer<</Size {size}/Root 1 0 R/Info 4 0 R>>\nstartxref\n{len(made)}\n%%EOF"
    return bytes(made) + end.encode()


def encoded(content: bytes) -> str:
    """For a log: base64 of the beginning."""
    return base64.b64encode(content[:60]).decode()
