"""Files that are made to hurt who reads them; each maker is given chance and a size from 1 to a million."""

import io
import random
import zipfile
import zlib
from collections.abc import Callable

from fuzz_made import File, docx_of, pdf_of, printed, unzipped, zip_of


def _deep_html(rng: random.Random, n: int) -> File:
    tag = rng.choice(["div", "b", "table><tr><td", "ul><li", "blockquote", "span", "p", "font", "a href=x", "article"])
    words = "<p>The strike ended in May, and fares rose by nine crowns. </p>" * rng.randrange(9)
    return "a.html", f"<html><body>{f'<{tag}>' * n}{words}".encode()


def _wide_html(rng: random.Random, n: int) -> File:
    tag = rng.choice(
        [
            "p", "br", "li", "h2", "td", "i", "hr", "a href='x'", "img src=x", "x-y", "tr", "option",
            "meta content='2020-01-01'",
        ]
    )  # fmt: skip
    words = rng.choice(["", "x", "Fares rose by nine crowns in May, the ministry said. "])
    return "a.html", f"<html><body><article>{f'<{tag}>{words}' * min(n, 20_000_000 // (len(words) + 9))}".encode()


def _odd_html(rng: random.Random, n: int) -> File:
    part = rng.choice(
        [
            "&amp;", "&#128512;", "<!--", "<", ">", "</p", '<a b="', "<p a=1 ", "<![CDATA[", "<?", "\x00",
            "data:;base64,A", "2020-01-01 ", "January 1, 2020 ", "<title>", "<script>", "<p>a", "\u202e", "\u0301",
            "<meta charset=",
        ]
    )  # fmt: skip
    return "a.html", f"<html><body><p>Words of an article that is long enough.</p>{part * n}".encode()


def _long_line(rng: random.Random, n: int) -> File:
    part = rng.choice(
        [
            "a", "a ", "A. ", "Dr. A. ", "…", "“", "a.b", "U.S.", "1,0", "a-", "\u0301", "😀", "Anna Bell, ", "|",
            "\t", "!?", "(", "x\u2028", "Anna Bell and ", "March 1, 2020 | ", "# ", "By A B, ", "e.g. ", "¹",
            "et al. ", ";",
        ]
    )  # fmt: skip
    name = rng.choice(["a.txt", "a.md", "a.docx", "a.eml"])
    words = f"A Title\n\nA first paragraph.\n\n{part * min(20 * n, 19_000_000 // len(part.encode()))}"
    return name, docx_of("", [words.replace("\x00", "")]) if name == "a.docx" and n < 50_000 else words.encode()


def _many_lines(rng: random.Random, n: int) -> File:
    part = rng.choice(
        [
            "\n", "\r", "\r\n \t", "a\n\n", "a\n", "March 1, 2020 | Memo\n\n", "By A B\n\n", "Tags: a, b\n\n",
            "- a\n", "\f", "# A\n\n", "x. \n\n", "Anna Bell is a fellow at the X.\n\n", "\u2029", "Key Takeaways\n\n",
            "[1] a\n\n", "| a | b |\n",
        ]
    )  # fmt: skip
    return rng.choice(["a.txt", "a.md"]), (part * min(n, 19_000_000 // len(part))).encode()


def _front_matter(rng: random.Random, n: int) -> File:
    made = rng.choice(
        [
            "title: " + "[" * n, "title: " + "{a: " * n, "a: &a [x]\n" + "b: [*a, *a]\n" * n, "title: " + "x" * n,
            "- " * n, "title: !!python/object/apply:os.system ['x']", "title: !!binary |\n " + "A" * n, "? " * n,
            "date: " + "2" * n, "title: 'x\n" * min(n, 900), "authors:\n" + "- name: A B\n" * n, "<<: *x\n" * n,
            'title: "\\ud800"', "tags: [" + "a, " * n,
        ]
    )  # fmt: skip
    return "a.md", f"---\n{made}\n---\nA paragraph. And more.\n\nAnother.\n".encode()


def _noise(rng: random.Random, n: int) -> File:
    name = rng.choice(["a.txt", "a.md", "a.html", "a.htm", "a.docx", "a.pdf", "a.eml", "a.zip", "a.exe", "", "a"])
    head = rng.choice(
        [
            b"", b"%PDF-1.7\n", b"PK\x03\x04", b"<html>", b"\xff\xfe", b"\xfe\xff", b"\xd0\xcf\x11\xe0",
            b"From: a\n\n", b"---\n",
        ]
    )  # fmt: skip
    return name, head + rng.randbytes(n)


def _encoding(rng: random.Random, n: int) -> File:
    text = "Überschrift — “Zitat”, naïve façade, Ελλάδα, 日本語, العربية, ไทย.\n\nZweiter Absatz.\n" * (1 + n // 5000)
    codec = rng.choice(
        [
            "utf-7", "utf-32", "utf-16-le", "shift_jis", "gb18030", "koi8-r", "cp437", "iso8859-6", "utf-8-sig",
            "cp1250", "mac-roman", "big5", "iso2022_jp",
        ]
    )  # fmt: skip
    said = rng.choice(
        [
            "utf-8", codec, "base64", "rot13", "zlib", "unicode_escape", "idna", "x-user-defined", "a" * 50,
            "undefined", "punycode",
        ]
    )  # fmt: skip
    name = rng.choice(["a.txt", "a.html", "a.eml"])
    head = {
        "a.html": f"<meta charset={said}><p>",
        "a.eml": f"Content-Type: text/plain; charset={said}\nSubject: x\n\n",
    }.get(name, "")
    return name, head.encode() + text.encode(codec, "ignore")


def _docx_bomb(rng: random.Random, n: int) -> File:
    part = rng.choice(
        [
            "word/document.xml", "docProps/core.xml", "[Content_Types].xml", "word/_rels/document.xml.rels",
            "word/styles.xml",
        ]
    )  # fmt: skip
    laughs = (
        "<!DOCTYPE a [<!ENTITY b0 'x'>" + "".join(f"<!ENTITY b{i} '{f'&b{i - 1};' * 10}'>" for i in range(1, 12)) + "]>"
    )
    body = rng.choice(
        [
            f"{laughs}<a>&b11;</a>", "<w:p xmlns:w='x'>" * n, "<a b='" + "x" * n + "'/>", "<a>" * n + "</a>" * n,
            " " * (100 * n), "<a/>" * n, f"<!DOCTYPE a SYSTEM 'file:///etc/hostname'><a>{'x' * n}</a>",
            "<a>" + "<b>" * n, "<" * n,
        ]
    )  # fmt: skip
    opened = "<w:document xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'><w:body>"
    inner = rng.choice(
        [
            "<w:p>", "<w:tbl><w:tr><w:tc>", "<w:r>", "<w:ins>", "<w:p><w:r><w:t>word </w:t></w:r></w:p>",
            "<w:p><w:r><w:br/>",
        ]
    )  # fmt: skip
    nested = f"{opened}{inner * n}" + (
        "</w:body></w:document>" if "</w:p>" in inner else _closing(inner) * n + "</w:body></w:document>"
    )
    parts = dict(unzipped(docx_of("A", ["A paragraph. Another."])))
    parts[part if rng.random() < 0.5 else "word/document.xml"] = (body if rng.random() < 0.4 else nested).encode()
    return "a.docx", zip_of(list(parts.items()))


def _closing(tags: str) -> str:
    return "".join(
        f"</{tag.split('>')[0]}>" for tag in reversed(tags.split("<")[1:]) if not tag.split(">")[0].endswith("/")
    )


def _zip_bomb(rng: random.Random, n: int) -> File:
    inner: list[File] = rng.choice(
        [
            [("a.txt", b"a b. " * (40 * n))], [(f"{i}.txt", b"A paragraph.") for i in range(min(n, 70_000))],
            [("../../etc/x.txt", b"A paragraph.")], [("/etc/x.txt", b"A.")], [("C:\\x.txt", b"A.")],
            [("a\\..\\..\\b.txt", b"A.")], [("a.txt", b"A."), ("a.txt", b"B."), ("A.TXT", b"C.")],
            [("a.zip", zip_of([("b.zip", zip_of([("c.txt", b"C is here.")]))]))],
            [("a" * min(n, 60_000) + ".txt", b"A.")], [("", b"A")], [("\x00.txt", b"A")], [(".txt", b"A")],
            [("a/.b/c.txt", b"A b c.")], [("a.docx", _docx_bomb(rng, min(n, 100_000))[1])],
            [("a.html", _deep_html(rng, n)[1])], [("__MACOSX/._a.txt", b"\x00\x05\x16\x07")],
            [("😀/é.txt", b"A b c.")], [("a.eml", _mail(rng, min(n, 10_000))[1])], [],
        ]
    )  # fmt: skip
    content = bytearray(zip_of(inner))
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
            + "--b--", "Subject: " + "=?utf-8?q?=41?= " * n + "\n\nBody here.",
            "Subject: a\n" + " b\n" * n + "\nBody here.", "From: " + "a@b, " * n + "\n\nBody.",
            "From: " + "(" * n + "\n\nBody here.", 'From: "' + "\\" * n + "\n\nBody here.",
            "Date: " + "9" * n + "\n\nBody here.", "Content-Transfer-Encoding: base64\n\n" + "QUJD" * n,
            "Content-Transfer-Encoding: quoted-printable\n\n" + "=\n=41=" * n,
            "Content-Type: text/html\n\n" + "<div>" * n + "A page.",
            "Content-Type: text/plain; " + "a*0*=b; " * n + "\n\nBody here.",
            "Content-Transfer-Encoding: x-uuencode\n\nbegin 644 a\n" + "M" * n, "From: " + "<" * n + "\n\nBody.",
            "From: " + "a:" * n + ";\n\nBody.",
        ]
    )  # fmt: skip
    return "a.eml", made.encode()[:19_000_000]


def _pdf_bomb(rng: random.Random, n: int) -> File:
    shown = rng.choice(
        [
            "BT /F 11 Tf 72 700 Td (Words.) Tj ET\n" * n, "q " * n, "[" * n, "(" * n, "BT /F 1e30 Tf (A b c.) Tj ET",
            "/X Do " * n, "BT /F 11 Tf (" + "A b. " * n + ") Tj ET",
            "BT /F 11 Tf 0 0 Td " + "(a) Tj 5 0 Td " * n + "ET", "0 0 m " + "9 9 l " * n + "S",
        ]
    )  # fmt: skip
    how = rng.choice(["plain", "flate", "twice", "pages", "loop", "forms"])
    if how == "pages":
        return "a.pdf", printed(["Words on a page."] * min(n, 3_000), a_page=1)
    packed = (
        zlib.compress(shown.encode())
        if how == "flate"
        else zlib.compress(zlib.compress(b" " * (20 * n), 9), 9)
        if how == "twice"
        else shown.encode()
    )
    says = {"flate": "/Filter/FlateDecode", "twice": "/Filter[/FlateDecode/FlateDecode]"}.get(how, "")
    content = pdf_of([packed], says)
    if how == "loop":
        content = content.replace(
            b"/Kids[6 0 R]", rng.choice([b"/Kids[2 0 R]", b"/Kids[6 0 R 2 0 R]", b"/Kids[5 0 R]"])
        )
    if how == "forms":
        content = content.replace(b"/Font<<", b"/XObject<</X 5 0 R>>/Font<<")
    return "a.pdf", content


HOSTILE: list[Callable[[random.Random, int], File]] = [
    _deep_html, _wide_html, _odd_html, _long_line, _many_lines, _front_matter, _noise, _encoding, _docx_bomb,
    _zip_bomb, _link_zip, _mail, _pdf_bomb,
]  # fmt: skip
