"""The whole error tree. Each message names the thing, the values that disagree, and the next step.

BriefQAError
├── BriefUnreadable     a file that cannot be made into a brief
├── BriefKept           a brief that is not removed: its file is in the analyst's own folder
├── InputMissing        a folder or file to index that is not there, or holds nothing to index
├── IndexMissing        no index in the folder given
├── IndexBusy           another run is writing the index
├── IndexStopped        a run that was stopped
├── IndexUnwritable     the index folder cannot be written (read-only, full)
├── IndexMismatch       the index was made with another model or format
├── IndexCorrupt        a file of the index is missing or damaged
├── StoreUnavailable    Milvus cannot be reached or refuses, or its address makes no sense
├── ModelUnavailable    a model that cannot be loaded
├── QuestionInvalid     an empty or endless question, a filter that makes no sense
├── CitationInvalid     a citation or brief id that names nothing, a file that holds no citation
├── MarkInvalid         words marked that do not stand where it is said, a file of marks that cannot be read
├── ExportInvalid       an export in a form that is not written, or to a file that cannot be
├── AddressTaken        the page cannot listen on the address it was given
├── ServerStopping      a question or a run that came when the server was about to stop
└── PackageMissing      a package that only some want is not installed
"""


class BriefQAError(Exception):
    """Anything the user can put right; its text is one sentence for the user."""


class BriefUnreadable(BriefQAError):
    """A file that cannot be made into a brief."""


class BriefKept(BriefQAError):
    """A brief that is not removed: its file is in the analyst's own folder."""


class InputMissing(BriefQAError):
    """A folder or file to index that is not there, or holds nothing to index."""


class IndexMissing(BriefQAError):
    """No index in the folder given."""


class IndexBusy(BriefQAError):
    """Another run is writing the index."""


class IndexStopped(BriefQAError):
    """A run that was stopped; the index is as it was."""


class IndexUnwritable(BriefQAError):
    """The index folder cannot be written: read-only, or the disk is full."""


class IndexMismatch(BriefQAError):
    """The index was made with another model or in another format."""


class IndexCorrupt(BriefQAError):
    """A file of the index is missing or damaged."""


class StoreUnavailable(BriefQAError):
    """Milvus, which searches for this index, cannot be reached or refuses, or its address makes no sense."""


class ModelUnavailable(BriefQAError):
    """A model that cannot be loaded."""


class QuestionInvalid(BriefQAError):
    """An empty or endless question, or a filter that makes no sense."""


class QuestionDropped(BriefQAError):
    """A question whose reply nobody waits for any more."""


class CitationInvalid(BriefQAError):
    """A citation or brief id that names nothing in the index, or a file that holds no citation."""


class MarkInvalid(BriefQAError):
    """Words marked that do not stand where it is said, or a file of marks that cannot be read."""


class ExportInvalid(BriefQAError):
    """An export in a form that is not written, or to a file that cannot be."""


class AddressTaken(BriefQAError):
    """The page cannot listen on the address it was given."""


class ServerStopping(BriefQAError):
    """A question or a run that came when the server was about to stop."""


class PackageMissing(BriefQAError):
    """A package that only some want is not installed."""
