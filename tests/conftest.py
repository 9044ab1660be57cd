"""Fakes that implement the protocols, briefs on disk, and a guard against the network."""

import re
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest
from hashed import HashEmbedder
from hypothesis import settings

from qa.settings import AskSettings
from qa.spans import tidy_range
from qa.types import Hit, Span

# A busy machine is no fault of the code: no test asserts a time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

BRIEF = """March 15, 2021 | Insight

What the “Harbour” Talks Left Open

March 15, 2021 | Insight

What the “Harbour” Talks Left Open

Ambassador Ana Brook objected to the joint harbour project. She said it would cost $40 million a year. 😀 None answered.

The ministry of transport defended the plan. Lt. Col. Ivo Hale called it “overdue.”

Mara Quill is a senior fellow at the Coastal Institute. She was a reporter for nine years.


Indo-Pacific North Korea
"""
OTHER = """June 2, 2022 | Policy Brief

Grain Prices After the Flood

June 2, 2022 | Policy Brief

Grain Prices After the Flood

Wheat rose to 310 crowns a tonne in May. The flood had closed the canal for six weeks.

Economist Teo Varga recommended a reserve of 200,000 tonnes.

Teo Marsh is an analyst at the Granary Project.


Agriculture Trade
"""


class KeywordReader:
    """Answers with the rest of the sentence after the question's last word that occurs; score by words shared."""

    name = "keywords"
    folder = None

    def read(self, question: str, hits: Sequence[Hit], settings: AskSettings) -> list[Span]:
        words = [w for w in re.findall(r"\w+", question.lower()) if len(w) > 3]
        spans = []
        for hit in hits:
            text = hit.passage.text
            found = [m for w in words for m in re.finditer(rf"\b{w}\w*", text, re.IGNORECASE)]
            if found:
                start = max(m.end() for m in found)
                end = text.find(".", start)
                start, end = tidy_range(text, start, end if end > start + 1 else len(text))
                if end > start:
                    n_shared = len({m.group().lower() for m in found})
                    spans.append(Span(hit, hit.passage.start + start, hit.passage.start + end, 3.0 * n_shared - 4))
        return sorted(spans, key=lambda span: -span.score)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any connection that leaves this machine fails the test."""
    connect = socket.socket.connect

    def guarded(self, address):
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to reach {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.delenv("BRIEFQA_INDEX", raising=False)


@pytest.fixture
def embedder() -> HashEmbedder:
    return HashEmbedder()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two briefs."""
    briefs = tmp_path / "briefs"
    briefs.mkdir()
    (briefs / "harbour.txt").write_bytes(BRIEF.encode())
    (briefs / "grain.txt").write_bytes(OTHER.encode())
    return briefs


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
