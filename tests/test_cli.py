"""The command line: exit code, streams and whole sentences; and once for real, with the shipped models."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import BRIEF, HashEmbedder, KeywordReader

from index.briefs import brief_id
from qa.assistant import Assistant
from ui import cli

SHARED = Path(__file__).parent.parent.parent / "shared"


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Runs `briefqa ARGS` in process on fake models; returns (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "SentenceTransformerEmbedder", lambda name: HashEmbedder(name or "hash"))

    def opened(index_dir, *, embedder=None, reader=None):
        return Assistant(Path(index_dir), HashEmbedder(embedder or "hash"), KeywordReader())

    monkeypatch.setattr(cli.Assistant, "open", opened)

    def briefqa(*args: str, stdin: str | None = None) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["briefqa", *args])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin or ""))
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        return int(stopped.value.code or 0), *capsys.readouterr()

    return briefqa


@pytest.fixture
def indexed(run, folder):
    assert run("index", str(folder))[0] == 0
    return run


def test_index_prints_its_report(run, folder):
    code, out, err = run("index", str(folder))
    assert (code, err) == (0, "")
    first, second = out.splitlines()
    assert first == "2 added, 0 changed, 0 unchanged, 0 removed, 0 failed"
    assert second.startswith("2 briefs, 6 passages (6 embedded) in ") and second.endswith("generation 1")
    (folder / "bad.txt").write_bytes(b"\x81")
    assert run("index")[1].splitlines()[-1] == (
        "failed: bad.txt is not UTF-8 (byte 0x81 at position 0), nor for certain anything else; save it as UTF-8"
    )
    report = json.loads(run("index", "--json")[1])
    assert report["unchanged"] == ["grain.txt", "harbour.txt"] and len(report["failed"]) == 1


def test_ask_prints_answer_sentence_and_citation(indexed):
    code, out, err = indexed("ask", "what would it cost")
    assert (code, err) == (0, "")
    at = BRIEF.index("$40 million a year")
    assert out.splitlines() == [
        "$40 million a year",
        "  She said it would cost $40 million a year.",
        "  Said by Ambassador Ana Brook",
        "  Mara Quill. What the “Harbour” Talks Left Open. Insight, 2021-03-15, ¶ 1.",
        f"  Likely (73%) · {brief_id(BRIEF)}:{at}-{at + 18}",
        "",
    ]


def test_not_found_is_said_and_is_no_error(indexed):
    code, out, _ = indexed("ask", "who painted the chapel ceiling")
    assert code == 0
    assert out.splitlines()[0] == "The briefs do not answer this."


def test_the_reply_as_json_is_the_contract(indexed):
    reply = json.loads(indexed("ask", "what would it cost", "--json")[1])
    assert sorted(reply) == [
        "answers", "confidence", "found", "id", "n_listed", "passages", "question", "timings_ms", "understood"
    ]  # fmt: skip
    assert sorted(reply["answers"][0]) == ["also", "citation", "confidence", "text"]
    assert set(reply["answers"][0]["citation"]) >= set(
        "id brief_id title date kind authors topics source paragraph start end quote sentence passage "
        "passage_start".split()
    )
    assert sorted(reply["passages"][0]) == ["brief_id", "date", "end", "paragraph", "score", "start", "text", "title"]
    assert sorted(reply["timings_ms"]) == ["read", "retrieve", "total"]
    cited = reply["answers"][0]["citation"]
    assert BRIEF[cited["start"] : cited["end"]] == cited["quote"]


def test_a_batch_answers_line_by_line_in_order(indexed, tmp_path):
    lines = [
        json.dumps({"id": "a", "question": "what would it cost"}),
        "",
        json.dumps({"id": "b", "question": "what would it cost", "after": "2022-01-01"}),
        json.dumps({"id": 7, "question": " "}),
        "{not json",
        json.dumps({"question": 3}),
        json.dumps({"id": "c", "question": "why", "topic": 5}),
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(lines), "utf-8")
    code, out, err = indexed("ask", "--batch", "q.jsonl")
    replies = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert [reply["id"] for reply in replies] == ["a", "b", 7, None, None, "c"]
    assert replies[0]["answers"][0]["text"] == "$40 million a year"
    assert {p["title"] for p in replies[1]["passages"]} == {"Grain Prices After the Flood"}
    assert replies[2]["error"].startswith("the question is empty")
    assert [reply["error"][:6] for reply in replies[3:]] == ["line 5", "line 6", '"topic']
    from_stdin = json.loads(indexed("ask", "--batch", "-", stdin=lines[0])[1])
    assert from_stdin["answers"] == replies[0]["answers"]


def test_a_sheet_of_questions_becomes_a_sheet_of_answers(indexed, tmp_path):
    sheet = "\ufeffid;question;after\r\na;what would it cost;\r\nb;what would it cost;2022-01-01\r\nc; ;\r\n"
    (tmp_path / "q.csv").write_text(sheet, "utf-8", newline="")
    code, out, err = indexed("ask", "--batch", "q.csv", "--out", "a.csv")
    assert (code, out, err) == (0, "", "briefqa: 2 answered, 0 already there, 1 failed; see a.csv\n")
    written = (tmp_path / "a.csv").read_text("utf-8-sig")
    assert [line.split(",")[:2] for line in written.splitlines()[1:3]] == [[n, "what would it cost"] for n in "ab"]
    again = indexed("ask", "--batch", "q.csv", "--out", "a.csv")
    assert again == (0, "", "briefqa: 0 answered, 3 already there, 0 failed; see a.csv\n")
    code, out, _ = indexed("verify", "a.csv")
    assert code == 0 and "harbour.txt, ¶ 1: “$40 million a year”" in out
    lines = [json.loads(line) for line in indexed("ask", "--batch", "q.csv")[1].splitlines()]
    assert [line["id"] for line in lines] == ["a", "b", "c"]


def test_show_marks_the_cited_characters(indexed):
    at = BRIEF.index("$40 million")
    code, out, _ = indexed("show", f"{brief_id(BRIEF)}:{at}-{at + 11}")
    assert code == 0
    assert out.splitlines()[0] == f"harbour.txt  ({brief_id(BRIEF)})"
    assert "She said it would cost ⟦$40 million⟧ a year." in out
    assert "⟦" not in indexed("show", "harbour.txt")[1]
    shown = json.loads(indexed("show", f"{brief_id(BRIEF)}:{at}-{at + 11}", "--json")[1])
    assert (shown["quote"], shown["text"]) == ("$40 million", BRIEF)


def test_verify_tells_what_became_of_the_citations_of_a_reply(indexed, folder, tmp_path):
    reply = indexed("ask", "what would it cost", "--json", "--top-k", "1")[1]
    (tmp_path / "reply.json").write_text(reply, "utf-8")
    cited = json.loads(reply)["answers"][0]["citation"]["id"]
    line = f"{cited}  harbour.txt, ¶ 1: “$40 million a year”\n"
    assert indexed("verify", "reply.json") == (0, f"intact  {line}", "")
    assert indexed("verify", cited, f" {cited} ") == (0, f"intact  {line}" * 2, "")
    (folder / "harbour.txt").write_text(BRIEF.replace("$40", "$70"), "utf-8")
    indexed("index")
    code, out, err = indexed("verify", "reply.json", cited)
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        f"changed {cited}  harbour.txt no longer says “$40 million a year”: "
        "She said it would cost $[-40-]{+70+} million a year.",
        f"gone    {cited}  no brief has this id: it was edited or removed, and a bare id does not tell what it said",
    ]
    verdicts = json.loads(indexed("verify", "reply.json", "--json")[1])
    assert [(v["in"], v["status"], v["citation"]["id"]) for v in verdicts] == [("reply.json", "changed", cited)]


@pytest.mark.parametrize("name", ["a.md", "a.html", "a.docx", "a.bib", "a.csl.json", "a.json"])
def test_an_export_is_written_beside_the_answer_and_verified(indexed, tmp_path, name):
    code, out, err = indexed("ask", "what would it cost", "--top-k", "1", "--export", name)
    assert (code, err) == (0, "") and out.startswith("$40 million a year\n")
    assert indexed("verify", name)[1].endswith("  harbour.txt, ¶ 1: “$40 million a year”\n")


def test_a_batch_is_exported_whole(indexed, tmp_path):
    lines = [json.dumps({"question": q}) for q in ("what would it cost", " ", "who painted the chapel ceiling")]
    code, out, err = indexed("ask", "--batch", "-", "--export", "all.md", stdin="\n".join(lines))
    assert (code, len(out.splitlines()), err) == (0, 3, "briefqa: 1 line was not answered and is not in all.md\n")
    headings = [line for line in (tmp_path / "all.md").read_text("utf-8").splitlines() if line.startswith("## ")]
    assert headings[:2] == ["## what would it cost", "## who painted the chapel ceiling"]


def test_eval_reports_and_compares(indexed, tmp_path):
    lines = [
        {
            "question": "what would it cost",
            "answers": ["$40 million a year"],
            "brief": "harbour.txt",
            "type": "howmany",
        },
        {"question": "who painted the chapel ceiling", "answers": [], "type": "none"},
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    code, out, err = indexed("eval", "q.jsonl", "--report", "before")
    assert (code, err) == (0, "")
    assert out.startswith("# Evaluation: q.jsonl\n\n2 questions, 1 of them answerable, asked of 2 briefs (6 passages)")
    written = sorted(path.name for path in (tmp_path / "before").iterdir())
    assert written == ["reliability.svg", "report.md", "risk-coverage.svg", "run.json", "types.svg"]
    run = json.loads(indexed("eval", "q.jsonl", "--json", "--against", "before/run.json")[1])
    assert run["figures"]["f1"] == run["figures"]["overall"] == 1
    assert {(c["name"], c["difference"], c["p"]) for c in run["compared"]} >= {("f1", 0, 1), ("earned", 0, 1)}
    (tmp_path / "after.json").write_text(json.dumps(run), "utf-8")
    told = indexed("eval", "after.json", "--against", "before/run.json")[1]
    assert "## Compared, question by question" in told
    assert json.loads(indexed("eval", "q.jsonl", "--json", "--every", "2")[1])["figures"]["n_questions"] == 1


def test_what_looks_like_markup_is_printed_as_it_stands(indexed, folder):
    text = "A Plan [bold]\n\nThe plan :smiley: would cost [red]9 crowns \\[/red] a tonne\u2028then."
    (folder / "odd.txt").write_text(text, "utf-8")
    indexed("index")
    assert text in indexed("show", "odd.txt")[1]
    assert "A Plan [bold]" in indexed("briefs")[1]
    assert ":smiley:" in indexed("ask", "what would the plan cost", "--brief", "odd.txt")[1]
    line = json.dumps({"id": 1, "question": "which\u2028plan"}, ensure_ascii=False)
    assert json.loads(indexed("ask", "--batch", "-", stdin=line)[1])["id"] == 1


def test_briefs_lists_and_filters(indexed):
    code, out, _ = indexed("briefs", "--kind", "insight")
    assert code == 0
    assert "2021-03-15" in out and out.splitlines()[-1] == "1 brief"
    assert [brief["source"] for brief in json.loads(indexed("briefs", "--json")[1])] == ["grain.txt", "harbour.txt"]


def test_status_lists_the_runs(indexed, folder):
    (folder / "grain.txt").unlink()
    indexed("index")
    code, out, err = indexed("status", "--history")
    head, last, first = out.splitlines()
    assert (code, err) == (0, "")
    assert head.split() == ["Finished", "(UTC)", *"Generation Added Changed Removed Failed Briefs Seconds".split()]
    assert last.split()[2:-1] == ["2", "0", "0", "1", "0", "1"] and first.split()[2:-1] == [
        "1",
        "2",
        "0",
        "0",
        "0",
        "2",
    ]
    runs = json.loads(indexed("status", "--history", "--json")[1])
    assert [(run["generation"], run["removed"]) for run in runs] == [(2, 1), (1, 0)]


def test_status_tells_what_there_is(indexed):
    code, out, _ = indexed("status")
    assert code == 0
    assert out.splitlines()[1:5] == [
        "briefs      2 in 6 passages", "embedder    hash", "reader      briefqa-reader",
        "searched    by FAISS and tantivy, in the index folder",
    ]  # fmt: skip
    assert json.loads(indexed("status", "--json")[1])["report"]["added"] == ["grain.txt", "harbour.txt"]


@pytest.mark.parametrize(
    ("args", "code", "sentence"),
    [
        (["ask", "why", "--index-dir", "none"], 1, "there is no index in none; make one with: briefqa index FOLDER"),
        (["ask", ""], 1, "the question is empty; ask something like: what did Harris object to"),
        (["ask", "x" * 10_000], 1, "the question has 10000 characters, at most 1000 are taken; shorten it"),
        (["ask", "why", "--after", "May"], 1, "after must be a date like 2021-03-15, not 'May'"),
        (["index", "nowhere"], 1, "there is no file or folder"),
        (["index", "empty"], 1, "there is no file to index (.docx,"),
        (["index", "--embedder", "other"], 1, "was made with the embedder hash"),
        (["index", "--index-dir", "plain.file/ix", "briefs"], 1, "cannot be written"),
        (["show", "zzz"], 1, "no brief 'zzz' in the index in .briefqa; list what there is with: briefqa briefs"),
        (["ask", "--batch", "nowhere.jsonl"], 1, "the questions in nowhere.jsonl cannot be read"),
        (["verify", "nowhere.md"], 1, "'nowhere.md' is neither a file nor a citation; one looks like"),
        (["verify", "plain.file"], 1, "no citation stands in plain.file"),
        (["verify", "empty"], 1, "empty cannot be read"),
        (["ask", "why", "--export", "a.pdf"], 1, "a.pdf does not end in .bib, .csl.json, .docx, .html, .json, .md"),
        (["eval", "nowhere.json"], 1, "the questions in nowhere.json cannot be read"),
        (["eval", "empty"], 1, "no question stands in empty"),
        (["eval", "empty", "--against", "plain.file"], 1, "plain.file is no run that briefqa eval --json wrote"),
        (["verify"], 2, "Missing argument"),
        (["ask", "--batch", "q.csv", "--out", "a.txt"], 1, "a.txt does not end in .csv or .jsonl"),
        (["ask", "--batch", "plain.file", "--after", "May", "--out", "a.csv"], 1, "after must be a date"),
        (["ask", "why", "--out", "a.csv"], 2, "--out is for --batch"),
        (["ask", "why", "--top-k", "0"], 2, "'--top-k'"),
        (["ask"], 2, "give either a question or --batch FILE"),
        (["ask", "why", "--no-such-option"], 2, "No such option"),
        (["serve", "--auth", "nobody"], 2, "--auth is USER:PASS"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else None,
)
def test_bad_input_is_one_sentence(indexed, tmp_path, args, code, sentence):
    (tmp_path / "empty").mkdir()
    (tmp_path / "plain.file").write_text("")
    got, out, err = indexed(*args)
    assert (got, out) == (code, "")
    assert sentence in err
    assert "Traceback" not in err
    if code == 1:
        assert err.startswith("briefqa: ") and err.count("\n") == 1


@pytest.mark.parametrize("command", ["index", "ask", "show", "verify", "briefs", "status", "eval", "serve"])
def test_every_help_ends_in_an_example(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"Example: briefqa {command}" in out


def briefqa(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "briefqa"), *args]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.models
def test_for_real_from_the_samples(tmp_path):
    asked = briefqa("ask", "what did Harris object to", "--json", cwd=tmp_path)
    assert asked.returncode == 0, asked.stderr
    assert asked.stderr == "There is no index yet: indexing the sample briefs.\n"
    reply = json.loads(asked.stdout)
    best = reply["answers"][0]
    assert reply["found"] and best["citation"]["source"] == "2021-03-15-policy-disputes.txt"
    assert "inter-Korean" in best["text"] or "tourism" in best["text"]
    sample = Path(cli.__file__).parent.parent / "index" / "samples" / best["citation"]["source"]
    with sample.open(encoding="utf-8", newline="") as file:
        assert file.read()[best["citation"]["start"] : best["citation"]["end"]] == best["text"]
    shown = briefqa("show", best["citation"]["id"], cwd=tmp_path)
    assert f"⟦{best['text']}⟧" in shown.stdout
    exported = briefqa("ask", "what did Harris object to", "--export", "harris.docx", cwd=tmp_path)
    assert exported.returncode == 0, exported.stderr
    verified = briefqa("verify", "harris.docx", cwd=tmp_path)
    assert verified.returncode == 0 and f"“{best['text']}”" in verified.stdout
    missing = briefqa("ask", "what is the airspeed of an unladen swallow", "--json", cwd=tmp_path)
    assert json.loads(missing.stdout)["found"] is False


@pytest.mark.models
@pytest.mark.skipif(not (SHARED / "briefs").is_dir(), reason="the two real briefs lie beside the checkout only")
def test_for_real_on_the_two_real_briefs(tmp_path):
    assert briefqa("index", str(SHARED / "briefs"), "--index-dir", "ix", cwd=tmp_path).returncode == 0
    reply = json.loads(briefqa("ask", "what did Harris object to", "--json", "--index-dir", "ix", cwd=tmp_path).stdout)
    cited = reply["answers"][0]["citation"]
    assert cited["date"] == "2021-03-15"
    about = cited["quote"] + cited["sentence"]
    assert any(words in about for words in ("inter-Korean", "tourism", "project"))
    with (SHARED / "briefs" / cited["source"]).open(encoding="utf-8", newline="") as file:
        assert file.read()[cited["start"] : cited["end"]] == cited["quote"]
