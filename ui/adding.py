"""Adding briefs in the page and removing them: the form, what it sends, the question before, what is told after."""

from base64 import b64decode
from typing import Any

from index.adding import Added
from index.errors import BriefUnreadable
from index.loaders import MAX_BYTES, SUFFIXES
from index.types import Brief, Failure
from ui.markup import escape, opener
from ui.render import failures_list

_MOST_FILES = 200
_MOST_NAME = 150


def adding_form() -> str:
    """Where files are dropped, chosen, or a text is pasted; the page's script sends them, see `offered_in`."""
    return (
        f'<section class="bq-adding" aria-label="Add briefs" data-most="{MAX_BYTES}">'
        '<p class="bq-drop"><label class="bq-pick"><input type="file" multiple '
        f'accept="{",".join(sorted(SUFFIXES))}"><span>Add files</span></label> '
        '<span class="bq-hint">or drop them here: PDF, Word, web page, mail, text, Markdown, zip</span></p>'
        '<details class="bq-paste"><summary>Paste a text</summary><form>'
        '<label>Name<input class="bq-field" name="name" maxlength="150" autocomplete="off" '
        'placeholder="Its first line, if you give none"></label>'
        '<label>Text<textarea class="bq-field" name="text" rows="8" required></textarea></label>'
        '<button type="submit" class="bq-button">Add text</button></form></details></section>'
    )


def offered_in(files: Any) -> tuple[list[tuple[str, bytes]], list[Failure]]:  # noqa: ANN401  # what a browser sent
    """Name and content of the files that the page sent, and those of which it sent the name alone.

    Raises:
        BriefUnreadable: They are too many.
    """
    if len(files) > _MOST_FILES:
        raise BriefUnreadable(
            f"{len(files):,} files are too many to add in one go, {_MOST_FILES} are not; for more, put them into "
            "a folder and run: briefqa index FOLDER"
        )
    offered, unsent = [], []
    for file in files:
        name = str(file["name"])
        if len(name) > _MOST_NAME:
            name = f"{name[: _MOST_NAME - 30]}…{name[-29:]}"
        if file["content"] is None:
            reason = f"{name} was not sent: at most {MAX_BYTES // 1_000_000} MB are taken in one go, and no folders"
            unsent.append(Failure(name, reason))
        else:
            offered.append((name, b64decode(file["content"])))
    return offered, unsent


def added_page(added: Added) -> str:
    """What was added, each a button that opens it, and what was not, with its reason."""
    briefs = "".join(
        f'<li>{opener(brief.id, brief.title)} <span class="bq-where"><bdi>{escape(brief.source)}</bdi></span></li>'
        for brief in added.briefs
    )
    done = f'<h2>Added</h2><ul class="bq-done">{briefs}</ul>' if briefs else ""
    failed = f"<h3>Not added</h3>{failures_list(added.refused)}" if added.refused else ""
    return f'<section class="bq-report bq-added" aria-label="What was added">{done}{failed}</section>'


def removal_dialog(brief: Brief, *, added: bool) -> str:
    """The question before `brief` is removed or, if it was not `added` here, why it is not, and what to do."""
    title, file = escape(brief.title), f"<bdi>{escape(brief.source)}</bdi>"
    if added:
        heading = f"Remove “{title}”?"
        words = f"Its file, {file}, is deleted. Citations of it will no longer hold."
        buttons = '<button value="" class="bq-button">Keep</button>'
        buttons += '<button value="remove" class="bq-button bq-remove">Remove</button>'
    else:
        heading = f"“{title}” is not removed here"
        words = f"Its file, {file}, is in a folder of your own, where nothing is ever changed. "
        words += "Delete or move it there, then press Update under Index."
        buttons = '<button value="" class="bq-button">Close</button>'
    return (
        f'<dialog class="bq-dialog" aria-labelledby="bq-removing" data-brief="{escape(brief.id)}">'
        f'<form method="dialog"><h2 id="bq-removing">{heading}</h2><p>{words}</p><p>{buttons}</p></form></dialog>'
    )


def removed_page(brief: Brief) -> str:
    """That `brief` was removed, in its place."""
    file = f"<bdi>{escape(brief.source)}</bdi>"
    return f'<p class="bq-gone" tabindex="-1">“{escape(brief.title)}” was removed, and its file {file} deleted.</p>'
