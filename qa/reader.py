"""Hits to spans: the protocol, and the adapter of transformers' question-answering models."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from index.errors import ModelUnavailable, QuestionInvalid
from qa.settings import AskSettings
from qa.spans import Logits, best_token_spans, tidy_range
from qa.types import Hit, Span

READER_FOLDER = Path(__file__).parent / "models" / "reader"
DEFAULT_READER = "briefqa-reader"
_MAX_WINDOW = 384
_STRIDE = 96
_BATCH_TOKENS = 8_192
_BUSY_TOKENS = 1_024
_MUCH_WIDER = 1.25


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

        from index.models import check_vocabulary, preferred_dtype

        self._torch = torch
        self._name = DEFAULT_READER if name is None else name
        source = str(READER_FOLDER) if self._name == DEFAULT_READER else self._name
        self._folder = Path(source) if os.path.isdir(source) else None
        transformers_logging.disable_progress_bar()
        try:
            local = self._folder is not None
            self._tokenizer: Any = AutoTokenizer.from_pretrained(source, local_files_only=local, use_fast=True)
            self._model: Any = AutoModelForQuestionAnswering.from_pretrained(
                source, local_files_only=local, dtype=preferred_dtype(), use_safetensors=True
            ).eval()
        except Exception as exc:  # the library raises a dozen unrelated types here
            first = (str(exc).strip().splitlines() or [type(exc).__name__])[0][:200]
            raise ModelUnavailable(
                f"the reader {self._name} cannot be loaded ({first}); give the folder of an extractive "
                "question-answering model or leave --reader out"
            ) from exc
        check_vocabulary(self._name, self._tokenizer, self._model.get_input_embeddings().num_embeddings)
        if not self._tokenizer.is_fast:
            raise ModelUnavailable(f"the tokenizer of {self._name} tells no character offsets; use a fast one")
        if self._tokenizer("a", "b")["input_ids"][0] != self._tokenizer.cls_token_id:
            raise ModelUnavailable(
                f"{self._name} has no null answer: its input does not begin with a token that stands for none; "
                "use a model in the manner of BERT"
            )
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

        Scores are logits against the null answer of the same window, not normalised over a passage, so
        those of different passages can be compared.

        Raises:
            QuestionInvalid: The question alone fills half of the model's window.
        """
        (spans,) = self.read_pairs([(question, hit) for hit in hits], settings, [len(hits)])
        return spans

    def read_pairs(
        self, pairs: Sequence[tuple[str, Hit]], settings: AskSettings, sizes: Sequence[int] | None = None
    ) -> list[list[Span]]:
        """Reads many questions at once: as `read`, for consecutive runs of pairs.

        Args:
            pairs: Question and hit.
            settings: As for `read`.
            sizes: How many pairs belong to each question; one each if not given.

        Raises:
            QuestionInvalid: A question alone fills half of the model's window.
        """
        windows = self._windows(pairs) if pairs else []
        logits = self._logits([window.inputs for window in windows])
        found: list[dict[tuple[int, int], Span]] = [{} for _ in pairs]
        for window, (start_logits, end_logits) in zip(windows, logits, strict=True):
            hit = pairs[window.pair][1]
            for best in best_token_spans(
                start_logits, end_logits, window.legal_starts, window.legal_ends,
                max_tokens=settings.max_answer_tokens, n_best=settings.spans_per_passage,
            ):  # fmt: skip
                start, end = int(window.offsets[best.start][0]), int(window.offsets[best.end][1])
                start, end = tidy_range(hit.passage.text, start, end)
                span = Span(hit, hit.passage.start + start, hit.passage.start + end, best.score)
                same = found[window.pair].get((start, end))
                if same is None or same.score < span.score:  # the same words in two windows
                    found[window.pair][start, end] = span
        results, at = [], 0
        for size in sizes if sizes is not None else [1] * len(pairs):
            spans = [span for one in found[at : at + size] for span in one.values()]
            results.append(sorted(spans, key=lambda span: (-span.score, span.hit.rank, span.start)))
            at += size
        return results

    def _windows(self, pairs: Sequence[tuple[str, Hit]]) -> list["_Window"]:
        """Every pair as one or more windows of tokens, with what an answer may start and end with."""
        questions = [question for question, _ in pairs]
        for question in set(questions):
            n_tokens = len(self._tokenizer(question, add_special_tokens=False)["input_ids"])
            if n_tokens > self._window // 2:
                raise QuestionInvalid(
                    f"the question has {n_tokens} word pieces and the reader takes {self._window // 2}; ask it shorter"
                )
        heads = [f"{hit.passage.header}\n" if hit.passage.header else "" for _, hit in pairs]
        contexts = [head + hit.passage.text for head, (_, hit) in zip(heads, pairs, strict=True)]
        encoded = self._tokenizer(
            questions, contexts, truncation="only_second", max_length=self._window,
            stride=min(_STRIDE, self._window // 4), return_overflowing_tokens=True, return_offsets_mapping=True,
        )  # fmt: skip
        pair_of = encoded.pop("overflow_to_sample_mapping")
        offsets = encoded.pop("offset_mapping")
        windows = []
        for at, pair in enumerate(pair_of):
            bounds = np.array(offsets[at], np.int64) - len(heads[pair])
            in_context = np.array([part == 1 for part in encoded.sequence_ids(at)])
            starts, ends = _legal(bounds, in_context, pairs[pair][1].passage.text)
            windows.append(_Window(pair, {name: encoded[name][at] for name in encoded}, bounds, starts, ends))
        return windows

    def _logits(self, inputs: Sequence[dict[str, list[int]]]) -> list[tuple[Logits, Logits]]:
        """Start and end logits of every window, `(n_tokens,)` each, in the order given.

        Windows of similar length go through the model together: padding is computed like words.
        """
        lengths = [len(one["input_ids"]) for one in inputs]
        results: list[tuple[Logits, Logits]] = [(np.empty(0, np.float32),) * 2] * len(inputs)
        for rows in batches_by_length(lengths):
            batch = self._tokenizer.pad([inputs[row] for row in rows], return_tensors="pt")
            with self._torch.inference_mode():
                output = self._model(**batch)
            starts, ends = (x.float().numpy() for x in (output.start_logits, output.end_logits))
            for at, row in enumerate(rows):
                results[row] = starts[at, : lengths[row]], ends[at, : lengths[row]]
        return results


@dataclass(frozen=True, slots=True)
class _Window:
    pair: int
    inputs: dict[str, list[int]]
    offsets: npt.NDArray[np.int64]
    """`(n_tokens, 2)`, in the passage's text."""
    legal_starts: npt.NDArray[np.bool_]
    legal_ends: npt.NDArray[np.bool_]


def batches_by_length(lengths: Sequence[int]) -> list[list[int]]:
    """Rows of similar length together, at most `_BATCH_TOKENS` padded tokens a batch, shortest first.

    A batch is closed early only where the next row would make it much wider and it is large enough to
    keep the processor busy.
    """
    batches: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: lengths[row]):
        width = lengths[row]
        if batches:
            last = batches[-1]
            n_tokens = (len(last) + 1) * width
            wider = width > _MUCH_WIDER * lengths[last[0]] and n_tokens > _BUSY_TOKENS
        if not batches or n_tokens > _BATCH_TOKENS or wider:
            batches.append([])
        batches[-1].append(row)
    return batches


def _legal(
    bounds: npt.NDArray[np.int64], in_context: npt.NDArray[np.bool_], text: str
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which tokens an answer may start and end with: those of the passage, at the borders of words.

    Args:
        bounds: `(n_tokens, 2)`, half-open, in `text`; negative in its header.
        in_context: `(n_tokens,)`, whether a token belongs to header or text.
        text: The passage's.
    """
    # One False at either end, so that before the first and after the last character no word goes on.
    word = np.array([False, *map(str.isalnum, text), False])
    solid = np.cumsum([0, *(not character.isspace() for character in text)])
    first, last = np.where(in_context[:, None], bounds, 0).clip(0, len(text)).T
    inside = in_context & (bounds[:, 0] >= 0) & (solid[last] > solid[first])
    return inside & ~(word[first] & word[first + 1]), inside & ~(word[last] & word[last + 1])
