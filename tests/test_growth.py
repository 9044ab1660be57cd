"""How an index grows: segments, what is taken over, what is merged; always the same as one made anew."""

import random
import shutil

import numpy as np
import pytest
from conftest import BRIEF, OTHER, HashEmbedder, KeywordReader

from index import builder, loaders
from index.builder import build_index
from index.check import check_index
from index.embedded import EMBEDDED, EmbeddedLog
from index.errors import InputMissing
from index.generation import _to_merge
from index.settings import IndexSettings
from index.store import Store
from index.types import Filters
from qa.assistant import Assistant

TOPICS = ("dams", "grain", "harbour", "railway", "census", "tariff", "border", "wages", "canal", "school")


def text_of(rng: random.Random) -> str:
    """A brief of one to four paragraphs, some of which occur in other briefs too."""
    words = [rng.choice(TOPICS) for _ in range(3)]
    paragraphs = [f"The {rng.choice(words)} {rng.choice(TOPICS)} report {rng.randrange(30)}." for _ in range(4)]
    title = f"On {words[0]} and {words[1]}"
    date = f"March {rng.randrange(1, 29)}, 20{rng.randrange(10, 24)} | Insight"
    return "\n\n".join([date, title, date, title, *paragraphs[: rng.randrange(1, 5)]])


def contents(store: Store, embedder) -> dict:
    """Everything that a question could tell of an index; not the rows, nor BM25 scores.

    Those count words of passages that are gone until tantivy merges the segment they were in.
    """
    passages = dict(zip(store.rows().tolist(), store.passages(store.rows()), strict=True))

    def named(hits):
        rows, scores = hits
        found = zip(rows.tolist(), scores.tolist(), strict=True)
        return sorted((round(score, 3), passages[row].brief_id, passages[row].start) for row, score in found)

    questions = ("the dams report", "harbour and railway wages")
    numbers = store.brief_numbers(store.rows()).tolist()
    return {
        "briefs": [(b.id, b.source, b.path, b.text, b.date) for b in store.briefs(Filters())],
        "passages": sorted((p.brief_id, p.start, p.text, p.header) for p in passages.values()),
        "files": {s: (r.path, r.sha256, r.brief_id) for s, r in store.file_records().items()},
        "counts": (store.n_briefs, store.n_passages, len(set(numbers))),
        "dense": [named(store.search_dense(embedder.embed_questions([q])[0], 1000)) for q in questions],
        "words": [sorted(hit[1:] for hit in named(store.search_sparse(q, 1000))) for q in questions],
        "since": len(store.rows(Filters(after="2015-01-01"))),
    }


@pytest.mark.parametrize("seed", range(2))
def test_whatever_happens_to_the_folder_the_index_is_that_of_a_rebuild(tmp_path, embedder, monkeypatch, seed):
    """Add, edit, rename, copy, move, delete and restore files at random; compare with an index made from nothing."""
    monkeypatch.setattr(loaders, "_SETTLED_NS", 0)  # files as old as those of a user
    rng = random.Random(seed)
    folder, bin_ = tmp_path / "briefs", tmp_path / "bin"
    for place in (folder / "a", folder / "b", bin_):
        place.mkdir(parents=True)
    for n in range(12):
        (folder / "a" / f"{n:02d}.txt").write_text(text_of(rng), "utf-8")
    store = None
    n_segments = []
    for step in range(20):
        for _ in range(rng.choice((0, 1, 1, 2, 6))):
            files = sorted(folder.rglob("*.txt"))
            file = rng.choice(files)
            new = folder / rng.choice("ab") / f"{rng.randrange(100):02d}.txt"
            match rng.choice(("add", "edit", "rename", "copy", "delete", "restore")):
                case "add" | "edit" as what:
                    (file if what == "edit" else new).write_text(text_of(rng), "utf-8")
                case "rename":
                    file.rename(new)
                case "copy":
                    if file != new:
                        shutil.copy(file, new)
                case "delete" if len(files) > 3:
                    file.replace(bin_ / file.name)
                case "restore":
                    for old in sorted(bin_.iterdir())[:1]:
                        old.rename(folder / "b" / old.name)
        build_index(tmp_path / "ix", embedder, [folder], drop_missing=True)
        store = Store(tmp_path / "ix", store)
        shutil.rmtree(tmp_path / "fresh", ignore_errors=True)
        build_index(tmp_path / "fresh", embedder, [folder])
        assert contents(store, embedder) == contents(Store(tmp_path / "fresh"), embedder), f"step {step}"
        n_segments.append(len(store.segments))
    assert max(n_segments) > 1 and max(n_segments) <= 5
    assert len(list((tmp_path / "ix" / "segments").iterdir())) <= 7


def test_one_changed_brief_is_a_segment_of_its_own(tmp_path, embedder):
    folder = tmp_path / "briefs"
    folder.mkdir()
    rng = random.Random(5)
    for n in range(20):
        (folder / f"{n:02d}.txt").write_text(text_of(rng), "utf-8")
    build_index(tmp_path / "ix", embedder, [folder])
    first = Store(tmp_path / "ix")
    row_of = dict(zip(((p.brief_id, p.start) for p in first.passages(first.rows())), first.rows(), strict=True))
    (folder / "07.txt").write_text(BRIEF, "utf-8")
    report = build_index(tmp_path / "ix", embedder)
    second = Store(tmp_path / "ix", first)
    assert report.changed == ("07.txt",) and report.n_embedded == 3
    big, small = second.manifest.segments
    assert (big.name, small.name, small.n_briefs, big.gone) == ("seg-000001", "seg-000002", 1, (7,))
    assert second.segments[0] is first.segments[0]  # opened and verified once
    assert big.files == first.manifest.segments[0].files
    for row, passage in zip(second.rows().tolist(), second.passages(second.rows()), strict=True):
        assert row == row_of.get((passage.brief_id, passage.start), row)
    assert not set(second.rows(Filters(brief="07.txt")).tolist()) & set(first.rows().tolist())
    assert first.brief("07.txt").text != BRIEF and second.brief("07.txt").text == BRIEF
    with pytest.raises(Exception, match="no brief"):
        second.brief(first.brief("07.txt").id)


def test_what_is_merged():
    assert _to_merge([], [], 10) == set()
    assert _to_merge([1000], [1000], 10) == set()  # a small change leaves a large segment alone
    assert _to_merge([1000, 10], [1000, 10], 10) == {1}
    assert _to_merge([1000, 400, 90], [1000, 400, 90], 60) == {2}  # 60 + 90 are too little for 400
    assert _to_merge([2000, 400, 90], [2000, 400, 90], 120) == {1, 2}
    assert _to_merge([600, 50], [1000, 50], 0) == {0, 1}  # much of the first is gone
    assert _to_merge([0, 50], [9, 50], 0) == {0}  # nothing is left of it
    assert _to_merge([1000], [1000], 500) == {0}


def test_an_index_that_grows_by_single_briefs_has_few_segments():
    """By the sizes alone: 2,000 updates of 10 rows each, every row written again only a few times."""
    sizes: list[int] = []
    written = 0
    for _ in range(2000):
        merged = _to_merge(sizes, sizes, 10)
        new = 10 + sum(sizes[at] for at in merged)
        sizes = [size for at, size in enumerate(sizes) if at not in merged] + [new]
        written += new
    assert sum(sizes) == 20_000
    assert len(sizes) <= np.log2(2000)
    assert written <= 20_000 * np.log2(2000)


def test_a_file_nobody_wrote_to_is_not_read_again(tmp_path, folder, embedder, monkeypatch):
    monkeypatch.setattr(loaders, "_SETTLED_NS", 0)
    build_index(tmp_path / "ix", embedder, [folder])
    read = []
    monkeypatch.setattr(builder, "read_bytes", lambda file: read.append(file.source) or loaders.read_bytes(file))
    build_index(tmp_path / "ix", embedder)
    assert read == []
    time = (folder / "grain.txt").stat().st_mtime_ns
    # Same length, and the time of modification set back: only the time of change tells.
    (folder / "grain.txt").write_text(OTHER.replace("310", "320"), "utf-8")
    loaders.os.utime(folder / "grain.txt", ns=(time, time))
    assert build_index(tmp_path / "ix", embedder).changed == ("grain.txt",)
    assert read == ["grain.txt"]
    build_index(tmp_path / "ix", embedder, rebuild=True)
    assert read == ["grain.txt", "grain.txt", "harbour.txt"]


def test_a_file_written_just_now_is_read_again(tmp_path, folder, embedder):
    """A file system counts time in steps: two writes within one would look like one."""
    build_index(tmp_path / "ix", embedder, [folder])
    assert all(record.stamp == () for record in Store(tmp_path / "ix").file_records().values())


def test_a_file_that_changes_while_it_is_read(tmp_path, folder, embedder, monkeypatch):
    file = folder / "grain.txt"
    read_bytes = loaders.Path.read_bytes

    def written_meanwhile(path):
        content = read_bytes(path)
        if path.name == "grain.txt":
            path.write_bytes(content + b"\n\nMore.")
        return content

    monkeypatch.setattr(loaders.Path, "read_bytes", written_meanwhile)
    report = build_index(tmp_path / "ix", embedder, [folder])
    assert [f.reason for f in report.failed] == ["grain.txt changed while it was read; index again when it is complete"]
    monkeypatch.undo()
    assert build_index(tmp_path / "ix", embedder).added == ("grain.txt",)
    assert Store(tmp_path / "ix").brief("grain.txt").text == file.read_text("utf-8")


def test_a_folder_that_vanished_is_asked_about(tmp_path, folder, embedder):
    other = tmp_path / "disk"
    other.mkdir()
    (other / "tariffs.txt").write_text("Tariffs fell.", "utf-8")
    build_index(tmp_path / "ix", embedder, [folder, other])
    (other / "tariffs.txt").unlink()
    with pytest.raises(InputMissing, match="disk held 1 brief and now holds none.*nothing was changed.*drop-missing"):
        build_index(tmp_path / "ix", embedder)
    with pytest.raises(InputMissing, match="disk held 1 brief"):
        build_index(tmp_path / "ix", embedder, rebuild=True)
    assert Store(tmp_path / "ix").n_briefs == 3
    assert build_index(tmp_path / "ix", embedder, drop_missing=True).removed == ("disk/tariffs.txt",)
    assert Store(tmp_path / "ix").n_briefs == 2


def test_an_index_is_emptied_only_when_told_so_and_then_answers_nothing(tmp_path, folder, embedder):
    index_dir = tmp_path / "ix"
    build_index(index_dir, embedder, [folder])
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(InputMissing, match="nothing was changed"):
        build_index(index_dir, embedder)
    report = build_index(index_dir, embedder, drop_missing=True)
    assert (report.removed, report.n_briefs, report.n_passages) == (("grain.txt", "harbour.txt"), 0, 0)
    assert all(finding.ok for finding in check_index(index_dir))
    assistant = Assistant(index_dir, embedder, KeywordReader())
    for filters in (Filters(), Filters(after="2001-01-01")):
        reply = assistant.ask("what did the ambassador object to", filters)
        assert (reply.found, reply.answers, reply.passages, assistant.briefs(filters)) == (False, (), (), ())
    (folder / "grain.txt").write_text(OTHER, "utf-8")
    assert build_index(index_dir, embedder).added == ("grain.txt",)
    assert assistant.ask("grain").passages


class DyingEmbedder(HashEmbedder):
    """Embeds so many passages, then the run ends."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def embed_passages(self, passages):
        if self.n_embedded + len(passages) > self.after:
            raise KeyboardInterrupt
        return super().embed_passages(passages)


@pytest.mark.parametrize("damage", ["none", "cut off", "bit flipped", "another dimension"])
def test_a_run_that_was_ended_while_embedding_goes_on_where_it_stopped(tmp_path, folder, damage):
    index_dir, settings = tmp_path / "ix", IndexSettings(batch_size=2)
    with pytest.raises(KeyboardInterrupt):
        build_index(index_dir, DyingEmbedder(after=4), [folder], settings=settings)
    log = index_dir / EMBEDDED
    content, size = bytearray(log.read_bytes()), 16 + 4 * 64 + 4
    assert len(content) == 4 * size
    kept = {"none": 4, "cut off": 3, "bit flipped": 2, "another dimension": 0}[damage]
    if damage == "cut off":
        del content[-7:]
    elif damage == "bit flipped":
        content[2 * size + 30] ^= 1
    log.write_bytes(content)
    embedder = HashEmbedder(dim=48) if damage == "another dimension" else HashEmbedder()
    report = build_index(index_dir, embedder, [folder], settings=settings)
    assert (report.n_passages, report.n_embedded, embedder.n_embedded) == (6, 6 - kept, 6 - kept)
    assert not log.exists()
    rebuilt = tmp_path / "other"
    build_index(rebuilt, embedder, [folder], settings=settings)
    np.testing.assert_array_equal(*(Store(at).segments[0].vectors for at in (index_dir, rebuilt)))


def test_the_log_of_a_run_goes_on_after_records_that_do_not_count(tmp_path):
    keys, vectors = [bytes([n]) * 16 for n in range(4)], np.arange(12, dtype=np.float32).reshape(4, 3)
    with EmbeddedLog(tmp_path, 3) as log:
        log.append(keys[:2] + keys[:1], vectors[[0, 1, 0]])  # the same text twice
    with (tmp_path / EMBEDDED).open("ab") as file:
        file.write(b"half a record")
    for known in (2, 4, 4):
        with EmbeddedLog(tmp_path, 3) as log:
            assert [log.known[key].tolist() for key in keys[:known]] == vectors[:known].tolist()
            assert len(log.known) == known
            if known == 2:
                log.append(keys[2:], vectors[2:])
