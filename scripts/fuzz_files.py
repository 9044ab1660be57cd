"""Files to fuzz the loaders with: small real ones of every format, mutations of them, and hostile ones."""

import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

from fuzz_hostile import HOSTILE
from fuzz_made import File, docx_of, html_of, mail_of, printed, zip_of

SAMPLES = Path(__file__).parent.parent / "index" / "samples"
_TOKENS = [
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xe2\x80\xa8", b"\r", b"\f" * 9, b"---\n", b"|", b"<",
    b"<![CDATA[", b"]]>", b"<!--", b"&#x110000;", b"&#0;", b"<table><tr><td>", b"</body>", b"<script>",
    b"<?xml version='1.0' encoding='utf-7'?>", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"endobj", b"xref", b"trailer",
    b"/Count -1", b"/Length 99999999999", b"/Kids[1 0 R]", b"stream\n", b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06",
    b"March 3, 2021 | ", b"February 30, 2021", b"# ", b"By ", b"Tags: ",
    b"Content-Type: multipart/mixed; boundary=a\n\n--a\n", b"=?utf-8?b?/////w==?=", b"title: [", b"*a", b"&a",
    b"\xf0\x9f\x98\x80",
]  # fmt: skip


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
            ("a.docx", docx_of(title, blocks)), ("a.html", html_of(title, blocks)), ("a.pdf", printed(blocks)),
            ("a.eml", mail_of(title, text, html_of(title, blocks).decode())),
        ]  # fmt: skip
        made.append(("a.zip", zip_of([(f"{n}/{name}", content) for n, (name, content) in enumerate(made[-8:])])))
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
    return zip_of(parts)


MUTATIONS: list[Callable[[random.Random, bytes, bytes], bytes]] = [
    _bits, _cut, _hole, _splice, _again, _tokens, _numbers, _inside,
]  # fmt: skip
