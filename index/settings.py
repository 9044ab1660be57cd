"""What can be chosen about an index. The manifest stores it, and an update keeps to it."""

from dataclasses import dataclass

FORMAT = 3
"""Version of the files on disk; raised whenever an older program could not read them."""

DEFAULT_INDEX_DIR = ".briefqa"


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """How briefs are cut and embedded."""

    max_passage_tokens: int = 256
    """The most word pieces of a passage with its header and the two special tokens. The default is the
    limit of the default embedder, beyond which it cuts in silence; an embedder's lower limit wins."""

    batch_size: int = 32
    """Passages embedded in one call: enough to fill two cores, small enough for a lively progress bar."""
