"""Hits to spans: the protocol, and the adapter of transformers' question-answering models."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from index.errors import ModelUnavailable, QuestionInvalid
from qa.settings import AskSettings
from qa.spans import best_token_spans, tidy_range
from qa.types import Hit, Span

READER_FOLDER = Path(__file__).parent / "models" / "reader"
DEFAULT_READER = "briefqa-reader"
_MAX_WINDOW = 384
_STRIDE = 96


class Reader(Protocol):
    """What the assistant needs of a reader."""

    @property
    def name(self) -> str:
        """The name or path it was asked for by."""

    @property
    def folder(self) -> Path | None:
        """Where its files are, and a `calibration.json` may be; None for a hub model."""

    def read(self, question: str, hits: Sequence[Hit], settings: AskSettings) -> list[Span]:
        """Candidate answers of all hits, best first; scores of different hits can be compared."""


class TransformersReader:
    """Any extractive model of transformers, by name or path; without one, our own weights."""

    def __init__(self, name: str | None = None) -> None:
        """Loads the model; nothing is fetched unless `name` is that of a hub model.

        Raises:
            ModelUnavailable: There is no such model, it cannot be loaded, or its tokenizer tells no offsets.
        """
        # Imported here: seconds of start-up that only reading should pay.
        import torch
        from transformers import AutoModelForQuestionAnswering, AutoTokenizer
        from transformers.utils import logging as transformers_logging

        from index.arithmetic import preferred_dtype

        self._torch = torch
        self._name = DEFAULT_READER if name is None else name
        source = str(READER_FOLDER) if self._name == DEFAULT_READER else self._name
        self._folder = Path(source) if os.path.isdir(source) else None
        transformers_logging.disable_progress_bar()
        try:
            local = self._folder is not None
            self._tokenizer: Any = AutoTokenizer.from_pretrained(source, local_files_only=local, use_fast=True)
            self._model: Any = AutoModelForQuestionAnswering.from_pretrained(
                source, local_files_only=local, dtype=preferred_dtype()
            ).eval()
        except Exception as exc:  # the library raises a dozen unrelated types here
            first = (str(exc).strip().splitlines() or [type(exc).__name__])[0][:200]
            raise ModelUnavailable(
                f"the reader {self._name} cannot be loaded ({first}); give the folder of an extractive "
                "question-answering model or leave --reader out"
            ) from exc
        if not self._tokenizer.is_fast:
            raise ModelUnavailable(f"the tokenizer of {self._name} tells no character offsets; use a fast one")
        positions = getattr(self._model.config, "max_position_embeddings", _MAX_WINDOW)
        # RoBERTa's positions begin after the padding index, so two of them are never used.
        self._window = min(_MAX_WINDOW, self._tokenizer.model_max_length, positions - 2)

    @property
    def name(self) -> str:
        """The name or path it was asked for by."""
        return self._name

    @property
    def folder(self) -> Path | None:
        """Where its files are; None for a hub model."""
        return self._folder

    def read(self, question: str, hits: Sequence[Hit], settings: AskSettings) -> list[Span]:
        """Candidate answers of all hits, best first, at most `spans_per_passage` of each.

        All windows go through the model in one padded batch. Scores are logits against the null answer
        of the same window, not normalised over a passage, so those of different passages can be compared.

        Raises:
            QuestionInvalid: The question alone fills half of the model's window.
        """
        if not hits:
            return []
        n_question = len(self._tokenizer(question, add_special_tokens=False)["input_ids"])
        if n_question > self._window // 2:
            raise QuestionInvalid(
                f"the question has {n_question} word pieces and the reader takes {self._window // 2}; ask it shorter"
            )
        heads = [f"{hit.passage.header}\n" for hit in hits]
        contexts = [head + hit.passage.text for head, hit in zip(heads, hits, strict=True)]
        encoded = self._tokenizer(
            [question] * len(hits), contexts, truncation="only_second", max_length=self._window,
            stride=min(_STRIDE, self._window // 4), return_overflowing_tokens=True, return_offsets_mapping=True,
            padding=True, return_tensors="pt",
        )  # fmt: skip
        origins = encoded.pop("overflow_to_sample_mapping").tolist()
        offsets = encoded.pop("offset_mapping").numpy()
        with self._torch.inference_mode():
            output = self._model(**encoded)
        start_logits, end_logits = (x.float().numpy() for x in (output.start_logits, output.end_logits))
        spans: dict[tuple[int, int, int], Span] = {}
        for window, at in enumerate(origins):
            hit, n_head = hits[at], len(heads[at])
            in_context = np.array([part == 1 for part in encoded.sequence_ids(window)])
            starts, ends = _legal(offsets[window], in_context, contexts[at], n_head)
            for found in best_token_spans(
                start_logits[window], end_logits[window], starts, ends,
                max_tokens=settings.max_answer_tokens, n_best=settings.spans_per_passage,
            ):  # fmt: skip
                start, end = int(offsets[window][found.start][0]), int(offsets[window][found.end][1])
                start, end = tidy_range(hit.passage.text, start - n_head, end - n_head)
                span = Span(hit, hit.passage.start + start, hit.passage.start + end, found.score)
                key = (at, span.start, span.end)
                if key not in spans or spans[key].score < span.score:  # the same words in two windows
                    spans[key] = span
        return sorted(spans.values(), key=lambda span: (-span.score, span.hit.rank, span.start))


def _legal(
    offsets: np.ndarray[Any, Any], in_context: np.ndarray[Any, Any], context: str, n_head: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Which tokens an answer may start and end with: those of the passage, at the borders of words."""
    inside = in_context & (offsets[:, 0] >= n_head) & (offsets[:, 1] > offsets[:, 0])
    starts, ends = inside.copy(), inside.copy()
    for at in np.flatnonzero(inside):
        first, last = offsets[at]
        starts[at] = not (first > 0 and context[first - 1].isalnum() and context[first].isalnum())
        ends[at] = not (last < len(context) and context[last - 1].isalnum() and context[last].isalnum())
    return starts, ends
