"""What can be chosen about answering."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AskSettings:
    """How many passages are found and read, and what counts as an answer."""

    n_retrieved: int = 100
    """Passages taken from each of the two searches before they are fused."""

    n_read: int = 10
    """Passages the reader sees: it takes most of the time of a question, in proportion to this."""

    word_weight: float = 0.5
    """Of the share of the question's words that a passage holds, against its cosine; with the next, chosen on the
    devset with the default embedder, where little hangs on either."""

    brief_weight: float = 0.5
    """Of the share of the question's words that its brief holds."""

    date_weight: float = 0.07
    """Added to the score of passages of briefs from the time that a question names."""

    equally_sure: float = 0.1
    """Answers of different briefs that are sure enough to be found, and less sure than the best by no more than this,
    are put in the order of their dates, if the question asks for the present state or names a time."""

    spans_per_passage: int = 3
    """Candidates kept of each passage; they do not overlap."""

    max_answer_tokens: int = 48
    """The longest answer in word pieces: clauses of thirty words must be possible."""

    max_question_chars: int = 1_000
    """The longest question; a longer one is refused rather than cut in silence."""
