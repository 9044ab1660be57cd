"""Encodings: what is read, and that nothing is read as what it is not."""

import pytest

from index.briefs import brief_id
from index.decoding import decode
from index.errors import BriefUnreadable
from index.loaders import load_brief

ENGLISH = "“Café prices – in Genève – won’t rise,” señor Núñez told Der Spiegel’s Jürgen Größe. It’s £5 … or 3½ €.\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_what_is_certain_is_read(encoding):
    text = decode(ENGLISH.encode(encoding), "a.txt")
    assert text.removeprefix("\ufeff") == ENGLISH


def test_utf_16_of_either_order_is_read_by_its_mark():
    for mark, encoding in (("\ufeff", "utf-16-le"), ("\ufeff", "utf-16-be")):
        assert decode((mark + ENGLISH).encode(encoding), "a.txt") == ENGLISH


def test_the_mark_of_utf_8_stays_in_the_text_so_that_ids_stay():
    brief = load_brief(b"\xef\xbb\xbfOf dams.", "a.txt")
    assert brief.text == "\ufeffOf dams." and brief.id == brief_id("\ufeffOf dams.")


@pytest.mark.parametrize(
    "text",
    [
        "José Álvarez",
        "RÉSUMÉ",
        "À Paris",
        "Élysée",
        "créée",
        "naïve Ångström",
        "¿Quién? ¡Nada!",
        "Œuvre",
        "«Où?»",
        "€ 5",
    ],
)
def test_western_words_in_windows_1252(text):
    assert decode(text.encode("cp1252"), "a.txt") == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Цены на зерно выросли", "cp1251"),
        ("Цены на зерно выросли", "koi8-r"),
        ("Οι τιμές αυξήθηκαν", "cp1253"),
        ("穀物の価格", "shift-jis"),
        ("谷物价格上涨", "gbk"),
        ("Lech Wałęsa i Łódź żyją", "cp1250"),
        ("Lech Wałęsa i Łódź żyją", "iso8859-2"),
        ("It’s “overdue”, he said", "mac-roman"),
        ("The café won", "mac-roman"),
        ("Recep Tayyip Erdoğan", "cp1254"),
        ("naïve", "cp437"),
    ],
)
def test_another_encoding_is_refused_not_misread(text, encoding):
    with pytest.raises(BriefUnreadable, match=r"a.txt is not UTF-8 \(byte 0x.*save it as UTF-8"):
        decode(text.encode(encoding), "a.txt")


def test_damaged_utf_8_is_refused_not_misread():
    with pytest.raises(BriefUnreadable, match="a.txt is not UTF-8"):
        decode("Café prices rose".encode() + b" by \xe9 crowns", "a.txt")


@pytest.mark.parametrize("content", [b"\0\1\2", b"a\0b", b"\xff\xfea\0\0\0", "\ufeffa".encode("utf-32-le"), b"\x80\0"])
def test_what_holds_nulls_is_no_text(content):
    with pytest.raises(BriefUnreadable, match="a.txt holds null bytes"):
        decode(content, "a.txt")


def test_half_a_letter_of_utf_16_is_refused():
    with pytest.raises(BriefUnreadable, match="a.txt is not the utf-16 that it says it is"):
        decode(b"\xff\xfea", "a.txt")
