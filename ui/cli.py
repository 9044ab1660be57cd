"""`briefqa …`: parse, call, print. Results go to stdout, progress and errors to stderr."""

import json
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from index.builder import build_index
from index.check import check_index
from index.embedder import SentenceTransformerEmbedder
from index.errors import AddressTaken, BriefQAError, CitationInvalid, ExportInvalid, IndexMissing, QuestionInvalid
from index.history import past_runs
from index.settings import DEFAULT_INDEX_DIR, StoreKind, store_settings
from index.shards import embed_shard
from index.store import Store, read_current
from index.types import Filters, Report
from index.watch import keep_in_step
from qa.assistant import Assistant, check_filters, resolve, status_of
from qa.batch import Asked, answer_one, outcome_json, read_questions
from qa.citations import parse_citation_id, place_words
from qa.export import check_export, export
from qa.measuring import run_questions
from qa.questions import load_questions
from qa.reader import DEFAULT_READER
from qa.records import Recorded, read_records
from qa.runs import compare, is_run, load_run, run_json
from qa.sections import said_by, shown, together_words
from qa.sheet import AnswerSheet, check_sheet
from qa.types import Reply
from qa.verify import Status as CitationStatus
from qa.verify import verify_citations
from ui.render import confidence_words
from ui.report import PICTURES, comparison_markdown, pictures_of, run_markdown

app = typer.Typer(
    name="briefqa", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip

IndexDir = Annotated[Path, typer.Option("--index-dir", envvar="BRIEFQA_INDEX", help="Folder of the index.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
EmbedderName = Annotated[
    str | None,
    typer.Option("--embedder", envvar="BRIEFQA_EMBEDDER", help="sentence-transformers model, name or path."),
]
ReaderName = Annotated[
    str | None,
    typer.Option("--reader", envvar="BRIEFQA_READER", help="Question-answering model, name or path."),
]
After = Annotated[str | None, typer.Option(help="Only briefs of this date or later (2021-03-15).")]
Before = Annotated[str | None, typer.Option(help="Only briefs of this date or earlier.")]
Author = Annotated[str | None, typer.Option(help="Only briefs by this author (part of the name will do).")]
Kind = Annotated[str | None, typer.Option(help="Only briefs of this kind, such as Insight.")]
Topic = Annotated[str | None, typer.Option(help="Only briefs with this topic tag.")]
BriefId = Annotated[str | None, typer.Option("--brief", help="Only this brief (id or file name).")]
DEFAULT_DIR = Path(DEFAULT_INDEX_DIR)


def main() -> None:
    """Runs the command line; the one place that turns errors into a sentence and an exit code."""
    _quiet_libraries()
    try:
        app()
    except BriefQAError as exc:
        _fail(str(exc))
    except BrokenPipeError:  # the reader of our output has gone (`| head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        _fail("stopped; the index is as it was")


@app.command()
def index(
    inputs: Annotated[
        list[Path] | None, typer.Argument(envvar="BRIEFQA_BRIEFS", help="Folders and files of briefs.")
    ] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Take nothing over from the index there is.")] = False,
    drop_missing: Annotated[
        bool, typer.Option("--drop-missing", help="Go on when a folder that held briefs now holds none.")
    ] = False,
    index_dir: IndexDir = DEFAULT_DIR,
    embedder: EmbedderName = None,
    store: Annotated[
        StoreKind | None, typer.Option("--store", help="What searches; an update keeps to what was chosen before.")
    ] = None,
    uri: Annotated[
        str | None, typer.Option("--uri", help="Of Milvus: http://HOST:PORT, or FILE.db for the one in the program.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes that embed.")] = 1,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard", metavar="I/N", help="Only embed part I of N of the files, for an index made elsewhere."
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and keep the index in step with the folder.")] = False,
    as_json: AsJson = False,
) -> None:
    """Build the index, or bring it in step with its folder.

    Without a folder: those indexed last, or the sample briefs if there is no index.

    Example: briefqa index ~/briefs
    """
    part = _part(shard, inputs)
    chosen = None if store is None and uri is None else store_settings(store, uri)
    model = SentenceTransformerEmbedder(embedder)
    if part:
        with _progress() as progress:
            done = embed_shard(index_dir, model, inputs or (), *part, workers=workers, progress=progress)
        _print_json(asdict(done)) if as_json else print(
            f"part {done.shard} of {done.of}: {done.n_files} files, {done.n_passages} passages, "
            f"{done.n_embedded} embedded, {len(done.failed)} files failed"
        )
        return
    first = True

    def update(opened: Store | None) -> Report:
        nonlocal first
        with _progress() as progress:
            report = build_index(
                index_dir, model, inputs or (),
                rebuild=rebuild and first, drop_missing=drop_missing and first, store=chosen, workers=workers,
                opened=opened, progress=progress,
            )  # fmt: skip
        first = False
        return report

    def tell(report: Report) -> None:
        if as_json:
            _print_json(asdict(report), indent=None if watch else 1)
        else:
            _print_report(report)

    if not watch:
        tell(update(None))
        return
    for outcome in keep_in_step(index_dir, update):
        if isinstance(outcome, Report):
            tell(outcome)
        else:
            print(f"briefqa: {outcome}", file=sys.stderr)
        sys.stdout.flush()


def _part(shard: str | None, inputs: list[Path] | None) -> tuple[int, int] | None:
    if shard is None:
        return None
    found = re.fullmatch(r"(\d+)/(\d+)", shard)
    if not found or not inputs:
        raise typer.BadParameter("--shard is I/N, such as 2/4, and needs the folders or files that are divided")
    return int(found[1]), int(found[2])


@app.command()
def ask(
    question: Annotated[str | None, typer.Argument(help="The question, in plain words.")] = None,
    batch: Annotated[
        str | None,
        typer.Option("--batch", help="CSV or JSON lines (- is stdin) with question and, if wanted, id and filters."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="With --batch: a .csv or .jsonl of answers to write, or to go on with."),
    ] = None,
    top_k: Annotated[int, typer.Option("--top-k", envvar="BRIEFQA_TOP_K", min=1, help="The most answers to show.")] = 3,
    export_to: Annotated[
        Path | None,
        typer.Option("--export", help="Also write the replies to a .md, .html, .docx, .bib, .csl.json or .json file."),
    ] = None,
    after: After = None,
    before: Before = None,
    author: Author = None,
    kind: Kind = None,
    topic: Topic = None,
    brief: BriefId = None,
    index_dir: IndexDir = DEFAULT_DIR,
    embedder: EmbedderName = None,
    reader: ReaderName = None,
    as_json: AsJson = False,
) -> None:
    """Answer a question from the briefs, with citations.

    A batch prints a reply a line as JSON or, with --out, fills a sheet of cited answers; run again, it goes on with it.

    Example: briefqa ask "what did Harris object to" --after 2020-01-01
    Example: briefqa ask --batch questions.csv --out answers.csv
    """
    if (question is None) == (batch is None):
        raise typer.BadParameter("give either a question or --batch FILE")
    if out is not None and (batch is None or export_to is not None):
        raise typer.BadParameter("--out is for --batch, and without --export")
    filters = Filters(after, before, author, kind, topic, brief)
    # Told before models are loaded, and before a sheet is filled with it.
    check_filters(filters)
    if question is not None and not question.strip():
        raise QuestionInvalid("the question is empty; ask something like: what did Harris object to")
    if export_to is not None:
        check_export(export_to.name)
    if out is not None:
        check_sheet(out)
    asked = read_questions(_batch_text(batch), batch, filters) if batch is not None else []
    assistant = _assistant(index_dir, embedder, reader)
    if question is not None:
        reply = assistant.ask(question, filters, top_k=top_k)
        _print_json(asdict(reply)) if as_json else _print_reply(reply)
        _write_export([reply], export_to)
    elif out is not None:
        _answer_sheet(assistant, asked, out, top_k)
    else:
        _answer_lines(assistant, asked, export_to, top_k)


@app.command()
def show(
    citation_or_brief: Annotated[str, typer.Argument(help="A citation id, a brief's id or its file name.")],
    index_dir: IndexDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Print a brief, the cited characters marked.

    Example: briefqa show 0123456789ab:120-164
    """
    store = Store(index_dir)
    if parse_citation_id(citation_or_brief):
        brief, start, end = resolve(store, citation_or_brief)
    else:
        brief, start, end = store.brief(citation_or_brief), 0, 0
    if as_json:
        _print_json(asdict(brief) | {"start": start, "end": end, "quote": brief.text[start:end]})
    else:
        quote = brief.text[start:end]
        if quote:
            quote = typer.style(quote, bold=True, reverse=True) if sys.stdout.isatty() else f"⟦{quote}⟧"
        print(f"{brief.source}  ({brief.id})")
        print(f"{brief.text[:start]}{quote}{brief.text[end:]}")


@app.command()
def verify(
    what: Annotated[list[str], typer.Argument(help="Files that hold citations (- is stdin), and citation ids.")],
    index_dir: IndexDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Check citations against the briefs in the index: intact, moved, changed or gone.

    Takes replies (JSON, JSON lines, CSV), exports (Markdown, text, HTML, DOCX, BibTeX, CSL) and bare citation ids. The
    exit code is 1 unless every citation is intact.

    Example: briefqa verify reply.json memo.docx 0123456789ab:120-164
    """
    store = Store(index_dir)
    found = [(name, citation) for name in what for citation in _recorded_in(name)]
    verdicts = verify_citations([citation for _, citation in found], store)
    if as_json:
        _print_json([{"in": name} | asdict(verdict) for (name, _), verdict in zip(found, verdicts, strict=True)])
    else:
        for verdict in verdicts:
            print(f"{verdict.status:<8}{verdict.citation.id}  {verdict.says}")
    if any(verdict.status is not CitationStatus.INTACT for verdict in verdicts):
        raise typer.Exit(1)


@app.command()
def briefs(
    after: After = None,
    before: Before = None,
    author: Author = None,
    kind: Kind = None,
    topic: Topic = None,
    brief: BriefId = None,
    index_dir: IndexDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """List the briefs in the index, newest first.

    Example: briefqa briefs --kind Insight --after 2020-01-01
    """
    filters = Filters(after, before, author, kind, topic, brief)
    check_filters(filters)
    found = Store(index_dir).briefs(filters)
    if as_json:
        _print_json([{k: v for k, v in asdict(b).items() if k not in ("text", "paragraphs")} for b in found])
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("Date", "Kind", "Title", "Authors", "Id"):
        table.add_column(name, no_wrap=name in ("Date", "Id"))
    for b in found:
        table.add_row(b.date or "–", b.kind or "–", escape(b.title), escape(", ".join(b.authors)) or "–", b.id)
    Console(highlight=False, emoji=False).print(table)
    print(f"{len(found)} {'brief' if len(found) == 1 else 'briefs'}")


@app.command()
def status(
    verify: Annotated[bool, typer.Option("--verify", help="Check every file, brief, passage and vector.")] = False,
    history: Annotated[bool, typer.Option("--history", help="List what the runs of the indexer did.")] = False,
    index_dir: IndexDir = DEFAULT_DIR,
    reader: ReaderName = None,
    as_json: AsJson = False,
) -> None:
    """Tell what the index holds, which models it uses, and what the last run did.

    Example: briefqa status --verify
    """
    if verify:
        _verify(index_dir, as_json)
        return
    if history:
        _print_history(index_dir, as_json)
        return
    found = status_of(Store(index_dir), reader or DEFAULT_READER)
    if as_json:
        _print_json(asdict(found))
        return
    print(f"index       {found.index_dir}, generation {found.generation}, {found.disk_bytes / 1e6:.1f} MB")
    print(f"briefs      {found.n_briefs} in {found.n_passages} passages")
    print(f"embedder    {found.embedder}")
    print(f"reader      {found.reader}")
    print(f"searched    {found.store}")
    if found.report:
        print(f"last run    {found.report.finished_at}")
        _print_report(found.report)


def _verify(index_dir: Path, as_json: bool) -> None:
    findings = []
    for finding in check_index(index_dir):
        findings.append(finding)
        if not as_json:
            print(f"{'in order' if finding.ok else 'NOT IN ORDER'}  {finding.what}", flush=True)
    if as_json:
        _print_json([asdict(finding) for finding in findings])
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _print_history(index_dir: Path, as_json: bool) -> None:
    runs = past_runs(index_dir, Store(index_dir).manifest.report)[::-1]
    if as_json:
        _print_json([asdict(run) for run in runs])
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("Finished (UTC)", no_wrap=True)
    for name in ("Generation", "Added", "Changed", "Removed", "Failed", "Briefs", "Seconds"):
        table.add_column(name, justify="right")
    for run in runs:
        counts = (run.generation, run.added, run.changed, run.removed, run.failed, run.n_briefs)
        table.add_row(run.finished_at[:16].replace("T", " "), *map(str, counts), f"{run.seconds:.1f}")
    Console(highlight=False, emoji=False).print(table)


@app.command("eval")
def evaluate(
    questions: Annotated[
        Path, typer.Argument(help="A folder of briefs and their .json, a SQuAD or JSON lines file, or an earlier run.")
    ],
    against: Annotated[
        Path | None, typer.Option("--against", help="Compare with this earlier run (JSON), question by question.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Folder for the report, its pictures and the run as JSON.")
    ] = None,
    every: Annotated[int, typer.Option("--every", min=1, help="Ask every Nth question only.")] = 1,
    index_dir: IndexDir = DEFAULT_DIR,
    embedder: EmbedderName = None,
    reader: ReaderName = None,
    as_json: AsJson = False,
) -> None:
    """Ask a set of questions with known answers, and tell how good the replies are.

    Example: briefqa eval questions.json --report report --against before/run.json
    """
    before = load_run(against) if against else None
    if is_run(questions):
        run = load_run(questions)
    else:
        asked = load_questions(questions)[::every]
        assistant = _assistant(index_dir, embedder, reader)
        with _progress() as progress:
            run = run_questions(assistant, asked, str(questions), progress)
    compared = compare(before, run) if before else []
    whole = run_json(run) | ({"compared": [asdict(figure) for figure in compared]} if before else {})
    told = run_markdown(run) + (f"\n{comparison_markdown(compared)}" if before else "")
    if report:
        shown = run_markdown(run, PICTURES) + (f"\n{comparison_markdown(compared)}" if before else "")
        files = pictures_of(run) | {"report.md": shown, "run.json": json.dumps(whole, ensure_ascii=False, indent=1)}
        _write_folder(report, files)
    _print_json(whole) if as_json else print(told, end="")


@app.command()
def serve(
    host: Annotated[
        str, typer.Option(envvar="BRIEFQA_HOST", help="Address to listen on; only this machine by default.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="BRIEFQA_PORT", help="Port to listen on.")] = 7860,
    auth: Annotated[
        str | None,
        typer.Option(envvar="BRIEFQA_AUTH", help="USER:PASS to ask for; safer as a variable than on a command line."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(envvar="BRIEFQA_ALLOW_HOST", help="A name it is called by, besides addresses and localhost."),
    ] = None,
    max_waiting: Annotated[
        int, typer.Option(envvar="BRIEFQA_MAX_WAITING", min=1, help="Questions that may wait; more are refused.")
    ] = 64,
    mcp: Annotated[
        bool, typer.Option("--mcp", envvar="BRIEFQA_MCP", help="Offer the endpoints to agents too, as MCP tools.")
    ] = False,
    log_json: Annotated[
        bool, typer.Option("--log-json", envvar="BRIEFQA_LOG_JSON", help="Log an object of JSON a line.")
    ] = False,
    log_questions: Annotated[
        bool, typer.Option("--log-questions", envvar="BRIEFQA_LOG_QUESTIONS", help="Log what is asked, too.")
    ] = False,
    index_dir: IndexDir = DEFAULT_DIR,
    embedder: EmbedderName = None,
    reader: ReaderName = None,
) -> None:
    """Serve the web page. If there is no index, the sample briefs are indexed first.

    Logs a line an event to stderr; /healthz and /metrics (Prometheus) tell how it is. SIGTERM and Ctrl-C end what runs,
    then the server.

    Example: briefqa serve --port 8000
    """
    if auth is not None and not all(auth.partition(":")):
        raise typer.BadParameter("--auth is USER:PASS")
    # gradio takes seconds to import; only this command needs it.
    from ui.app import build_app, launch
    from ui.logs import log_to_stderr
    from ui.monitor import Monitor
    from ui.service import serve_until_told

    log_to_stderr(as_json=log_json)
    monitor = Monitor(_assistant(index_dir, embedder, reader), log_questions=log_questions)
    page = build_app(monitor.assistant)
    user, _, password = (auth or "").partition(":")
    try:
        url = launch(
            page, host=host, port=port, auth=(user, password) if auth else None, mcp_server=mcp,
            hosts=allow_host or (), monitor=monitor, max_waiting=max_waiting,
        )  # fmt: skip
    except OSError as exc:
        raise AddressTaken(f"the page cannot listen on {host}:{port}; choose another with --port") from exc
    log_to_stderr(as_json=log_json)  # the web server has made its own handlers meanwhile
    print(f"BriefQA is at {url}  (Ctrl-C stops it)", flush=True)
    serve_until_told(page, monitor, url)


def _assistant(index_dir: Path, embedder: str | None, reader: str | None) -> Assistant:
    """The assistant; in the default folder, a missing index is made from the sample briefs first."""
    try:
        read_current(index_dir)
    except IndexMissing:
        if index_dir != DEFAULT_DIR:
            raise
        print("There is no index yet: indexing the sample briefs.", file=sys.stderr)
        with _progress() as progress:
            build_index(index_dir, SentenceTransformerEmbedder(embedder), progress=progress)
    return Assistant.open(index_dir, embedder=embedder, reader=reader)


def _recorded_in(name: str) -> tuple[Recorded, ...]:
    """The citation that `name` is, or those in the file of that name."""
    if parse_citation_id(name):
        return (Recorded(name.strip()),)
    try:
        return read_records(sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes(), name)
    except FileNotFoundError as exc:
        raise CitationInvalid(
            f"{name!r} is neither a file nor a citation; one looks like 0123456789ab:120-164"
        ) from exc
    except (OSError, ValueError) as exc:
        raise CitationInvalid(f"{name} cannot be read ({exc}); give a file that holds citations") from exc


def _batch_text(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise QuestionInvalid(f"the questions in {name} cannot be read ({exc}); give a UTF-8 file") from exc


def _answer_lines(assistant: Assistant, asked: Sequence[Asked], export_to: Path | None, top_k: int) -> None:
    """Prints a line of JSON for each question, and exports the replies."""
    replies = []
    with _progress() as progress:
        for n, one in enumerate(asked):
            progress("answering", n, len(asked))
            outcome = answer_one(assistant, one, top_k)
            if isinstance(outcome, Reply):
                replies.append(outcome)
            _print_json(outcome_json(outcome), indent=None)
        progress("answering", len(asked), len(asked))
    _write_export(replies, export_to)
    if export_to is not None and (n_left := len(asked) - len(replies)):
        lines_were = "line was not answered and is" if n_left == 1 else "lines were not answered and are"
        print(f"briefqa: {n_left} {lines_were} not in {export_to}", file=sys.stderr)


def _answer_sheet(assistant: Assistant, asked: Sequence[Asked], path: Path, top_k: int) -> None:
    """Adds to the sheet in `path` the rows that it lacks."""
    n_there = n_failed = 0
    with AnswerSheet(path) as sheet, _progress() as progress:
        for n, one in enumerate(asked):
            progress("answering", n, len(asked))
            if sheet.take(one):
                n_there += 1
                continue
            outcome = answer_one(assistant, one, top_k)
            n_failed += not isinstance(outcome, Reply)
            sheet.add(one, outcome)
        progress("answering", len(asked), len(asked))
    n_new = len(asked) - n_there - n_failed
    print(f"briefqa: {n_new} answered, {n_there} already there, {n_failed} failed; see {path}", file=sys.stderr)


def _write_folder(folder: Path, files: Mapping[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, "utf-8")
    except OSError as exc:
        raise ExportInvalid(f"{folder} cannot be written ({exc.strerror or exc}); choose another place") from exc


def _write_export(replies: Sequence[Reply], path: Path | None) -> None:
    if path is None:
        return
    try:
        path.write_bytes(export(replies, path.name))
    except OSError as exc:
        raise ExportInvalid(f"{path} cannot be written ({exc.strerror or exc}); choose another place") from exc


def _print_json(value: object, indent: int | None = 1) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=indent))


def _print_reply(reply: Reply) -> None:
    # No emoji codes: “:flag:” in a brief is to be shown as it stands.
    console = Console(highlight=False, emoji=False, soft_wrap=not sys.stdout.isatty())
    if reply.understood:
        console.print(f"[dim]Read as: {escape(reply.understood)}[/dim]")
    if not reply.found:
        console.print("The briefs do not answer this.", style="bold")
        for passage in reply.passages[:3]:
            console.print(
                f"  nearest: {escape(passage.title)}, {passage.date or 'no date'}, {place_words(passage.paragraph)}"
            )
        return
    if together := together_words(reply):
        console.print(f"{together}\n", style="bold")
    for answer in shown(reply):
        cited = answer.citation
        console.print(f"[bold]{escape(answer.text)}[/bold]")
        at = cited.start - cited.sentence_start
        before, after = cited.sentence[:at], cited.sentence[at + len(cited.quote) :]
        console.print(f"  {escape(before)}[underline]{escape(cited.quote)}[/underline]{escape(after)}")
        if said := said_by(cited):
            console.print(f"  [dim]{escape(said)}[/dim]")
        by = f"{', '.join(cited.authors)}. " if cited.authors else ""
        console.print(
            f"  [dim]{escape(by)}{escape(cited.title)}. {cited.kind or 'Brief'}, {cited.date or 'no date'}, "
            f"{place_words(cited.paragraph, cited.page)}.[/dim]"
        )
        console.print(f"  [dim]{confidence_words(answer.confidence)} ({answer.confidence:.0%}) · {cited.id}[/dim]")
        for other in answer.also:
            console.print(f"  [dim]also: {escape(other.title)}, {other.date or 'no date'} · {other.id}[/dim]")
        console.print()


def _print_report(report: Report) -> None:
    counts = ", ".join(f"{len(getattr(report, part))} {part}" for part in ("added", "changed", "unchanged", "removed"))
    print(f"{counts}, {len(report.failed)} failed")
    print(
        f"{report.n_briefs} briefs, {report.n_passages} passages ({report.n_embedded} embedded) "
        f"in {report.seconds:.1f} s; generation {report.generation}"
    )
    for failure in report.failed:
        print(f"failed: {failure.reason}")


@contextmanager
def _progress() -> Iterator[Any]:
    """A function `(stage, done, total)` that moves a bar per stage on stderr, shown in a terminal only."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:>10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show


def _quiet_libraries() -> None:
    """Model libraries talk on stderr about things a user cannot change."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")


def _fail(sentence: str) -> NoReturn:
    print(f"briefqa: {sentence}", file=sys.stderr)
    raise SystemExit(1)
