"""`briefqa …`: parse, call, print. Results go to stdout, progress and errors to stderr."""

import json
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
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
from index.errors import AddressTaken, BriefQAError, IndexMissing, QuestionInvalid
from index.settings import DEFAULT_INDEX_DIR
from index.store import Store, read_current
from index.types import Filters, Report
from index.watch import keep_in_step
from qa.assistant import Assistant, check_filters, resolve, status_of
from qa.citations import parse_citation_id
from qa.reader import DEFAULT_READER
from qa.types import Reply
from ui.render import confidence_words

app = typer.Typer(
    name="briefqa", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip

IndexDir = Annotated[Path, typer.Option("--index-dir", envvar="BRIEFQA_INDEX", help="Folder of the index.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
EmbedderName = Annotated[str | None, typer.Option("--embedder", help="sentence-transformers model, name or path.")]
ReaderName = Annotated[str | None, typer.Option("--reader", help="Question-answering model, name or path.")]
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
    inputs: Annotated[list[Path] | None, typer.Argument(help="Folders and files of briefs.")] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Take nothing over from the index there is.")] = False,
    drop_missing: Annotated[
        bool, typer.Option("--drop-missing", help="Go on when a folder that held briefs now holds none.")
    ] = False,
    index_dir: IndexDir = DEFAULT_DIR,
    embedder: EmbedderName = None,
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and keep the index in step with the folder.")] = False,
    as_json: AsJson = False,
) -> None:
    """Build the index, or bring it in step with its folder.

    Without a folder: those indexed last, or the sample briefs if there is no index.

    Example: briefqa index ~/briefs
    """
    model = SentenceTransformerEmbedder(embedder)
    first = True

    def update(opened: Store | None) -> Report:
        nonlocal first
        with _progress() as progress:
            report = build_index(
                index_dir, model, inputs or (),
                rebuild=rebuild and first, drop_missing=drop_missing and first, opened=opened, progress=progress,
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


@app.command()
def ask(
    question: Annotated[str | None, typer.Argument(help="The question, in plain words.")] = None,
    batch: Annotated[
        str | None, typer.Option("--batch", help="File of JSON lines with id, question and filters; - is stdin.")
    ] = None,
    top_k: Annotated[int, typer.Option("--top-k", help="The most answers to show.")] = 3,
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

    Example: briefqa ask "what did Harris object to" --after 2020-01-01
    """
    if (question is None) == (batch is None):
        raise typer.BadParameter("give either a question or --batch FILE")
    filters = Filters(after, before, author, kind, topic, brief)
    if question is not None:
        if not question.strip():  # told before models are loaded
            raise QuestionInvalid("the question is empty; ask something like: what did Harris object to")
        reply = _assistant(index_dir, embedder, reader).ask(question, filters, top_k=top_k)
        _print_json(asdict(reply)) if as_json else _print_reply(reply)
        return
    lines = list(_batch_lines(str(batch)))
    assistant = _assistant(index_dir, embedder, reader)
    with _progress() as progress:
        for n, (number, line) in enumerate(lines):
            progress("answering", n, len(lines))
            _print_json(_answer_line(assistant, number, line, filters, top_k), indent=None)
        progress("answering", len(lines), len(lines))


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
    found = status_of(Store(index_dir), reader or DEFAULT_READER)
    if as_json:
        _print_json(asdict(found))
        return
    print(f"index       {found.index_dir}, generation {found.generation}, {found.disk_bytes / 1e6:.1f} MB")
    print(f"briefs      {found.n_briefs} in {found.n_passages} passages")
    print(f"embedder    {found.embedder}")
    print(f"reader      {found.reader}")
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


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; only this machine by default.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="BRIEFQA_PORT", help="Port to listen on.")] = 7860,
    auth: Annotated[str | None, typer.Option(envvar="BRIEFQA_AUTH", help="USER:PASS to ask for.")] = None,
    mcp: Annotated[bool, typer.Option("--mcp", help="Offer the endpoints to agents too, as MCP tools.")] = False,
    index_dir: IndexDir = DEFAULT_DIR,
    embedder: EmbedderName = None,
    reader: ReaderName = None,
) -> None:
    """Serve the web page. If there is no index, the sample briefs are indexed first.

    Example: briefqa serve --port 8000
    """
    if auth is not None and ":" not in auth:
        raise typer.BadParameter("--auth is USER:PASS")
    assistant = _assistant(index_dir, embedder, reader)
    from ui.app import build_app, launch  # gradio takes seconds to import; only this command needs it

    page = build_app(assistant)
    try:
        user, _, password = (auth or "").partition(":")
        url = launch(page, host=host, port=port, auth=(user, password) if auth else None, mcp_server=mcp)
    except OSError as exc:
        raise AddressTaken(f"the page cannot listen on {host}:{port}; choose another with --port") from exc
    print(f"BriefQA is at {url}  (Ctrl-C stops it)")
    page.block_thread()


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


def _batch_lines(name: str) -> Iterator[tuple[int, str]]:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise QuestionInvalid(f"the questions in {name} cannot be read ({exc}); give a UTF-8 file") from exc
    # Not splitlines: JSON may hold other line separators inside its strings.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line


def _answer_line(assistant: Assistant, number: int, line: str, common: Filters, top_k: int) -> dict[str, Any]:
    """The reply to one line of a batch; a line that cannot be answered gets its error in its place."""
    known = ("after", "before", "author", "kind", "topic", "brief")
    try:
        item = json.loads(line)
    except ValueError as exc:
        return {"id": None, "error": f"line {number} is not JSON ({exc})"}
    if not isinstance(item, dict) or not isinstance(item.get("question"), str):
        return {"id": None, "error": f'line {number} has no "question"'}
    wrong = [key for key in known if item.get(key) is not None and not isinstance(item[key], str)]
    if wrong:
        return {"id": item.get("id"), "error": f'"{wrong[0]}" on line {number} is not text'}
    filters = replace(common, **{key: item[key] for key in known if item.get(key) is not None})
    try:
        return asdict(replace(assistant.ask(item["question"], filters, top_k=top_k), id=item.get("id")))
    except QuestionInvalid as exc:
        return {"id": item.get("id"), "question": item["question"], "error": str(exc)}


def _print_json(value: object, indent: int | None = 1) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=indent))


def _print_reply(reply: Reply) -> None:
    # No emoji codes: “:flag:” in a brief is to be shown as it stands.
    console = Console(highlight=False, emoji=False, soft_wrap=not sys.stdout.isatty())
    if not reply.found:
        console.print("The briefs do not answer this.", style="bold")
        for passage in reply.passages[:3]:
            console.print(f"  nearest: {escape(passage.title)}, {passage.date or 'no date'}, ¶ {passage.paragraph}")
        return
    for n, answer in enumerate(reply.answers):
        if n and answer.confidence < 0.5:
            break
        cited = answer.citation
        console.print(f"[bold]{escape(answer.text)}[/bold]")
        at = cited.start - cited.sentence_start
        before, after = cited.sentence[:at], cited.sentence[at + len(cited.quote) :]
        console.print(f"  {escape(before)}[underline]{escape(cited.quote)}[/underline]{escape(after)}")
        by = f"{', '.join(cited.authors)}. " if cited.authors else ""
        console.print(
            f"  [dim]{escape(by)}{escape(cited.title)}. {cited.kind or 'Brief'}, {cited.date or 'no date'}, "
            f"¶ {cited.paragraph}.[/dim]"
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
