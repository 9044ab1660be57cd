"""A page of a PDF file as it is printed, the quoted words marked on it, in a dialog over the page."""

from base64 import b64encode

from index.pdf_page import PagePicture
from index.types import Brief
from ui.markup import escape


def sheet_page(brief: Brief, picture: PagePicture, quote: str) -> str:
    """The dialog; `quote` is what is marked, empty for nothing."""
    name = f"Page {picture.number} of {brief.source}"
    told = f"{name}; marked on it: “{quote}”" if quote else name
    marks = "".join(
        f'<span style="left:{left:.3%};top:{top:.3%};width:{width:.3%};height:{height:.3%}"></span>'
        for left, top, width, height in picture.marks
    )
    source = f"data:image/png;base64,{b64encode(picture.png).decode()}"
    return _dialog(
        f"Page {picture.number} of <bdi>{escape(brief.source)}</bdi>",
        f'<div class="bq-printed"><img src="{source}" alt="{escape(told)}">{marks}</div>',
    )


def no_sheet_page(message: str) -> str:
    """The dialog that tells why no page is shown; `message` is markup."""
    return _dialog("No page to show", message)


def _dialog(heading: str, body: str) -> str:
    return (
        '<dialog class="bq-dialog bq-sheet" aria-labelledby="bq-sheet-name"><form method="dialog">'
        f'<h2 id="bq-sheet-name">{heading}</h2><button class="bq-act" autofocus>Close page</button></form>'
        f"{body}</dialog>"
    )
