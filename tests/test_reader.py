"""Decoding through real tokenizers and tiny seeded models; and the shipped weights on a handful of questions."""

import shutil
from pathlib import Path

import pytest
import torch
from conftest import BRIEF, HashEmbedder
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    DebertaV2Config,
    DebertaV2ForQuestionAnswering,
    ElectraConfig,
    ElectraForQuestionAnswering,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForQuestionAnswering,
)

from index.briefs import parse_brief
from index.embedder import BASE_EMBEDDER, SentenceTransformerEmbedder, base_model_folder
from index.errors import ModelUnavailable, QuestionInvalid
from index.passages import split_into_passages
from index.store import sha256_of
from index.types import Passage
from qa.reader import READER_FOLDER, TransformersReader, batches_by_length
from qa.settings import AskSettings
from qa.types import Hit

SETTINGS = AskSettings()
QUESTION = "What did Brook object to?"


def hits(text: str = BRIEF) -> list[Hit]:
    passages = split_into_passages(parse_brief(text, "harbour.txt"), HashEmbedder().count_tokens, 60)
    return [Hit(passage, 0.0, rank) for rank, passage in enumerate(passages)]


SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
FAMILIES = ["tiny_bert", "tiny_electra", "tiny_roberta", "tiny_deberta"]


def letters_tokenizer() -> PreTrainedTokenizerFast:
    """A WordPiece vocabulary of letters, so that every word is split."""
    letters = [chr(code) for code in range(33, 127)] + list("“”’…😀én漢")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + letter for letter in letters)]
    engine = Tokenizer(models.WordPiece({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
    engine.normalizer = normalizers.BertNormalizer(lowercase=True)
    engine.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    engine.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return PreTrainedTokenizerFast(
        tokenizer_object=engine, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"], model_max_length=128,
    )  # fmt: skip


def n_ids(tokenizer: PreTrainedTokenizerFast) -> int:
    return max(tokenizer.get_vocab().values()) + 1


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A seeded two-layer BERT."""
    tokenizer = letters_tokenizer()
    torch.manual_seed(3)
    model = BertForQuestionAnswering(BertConfig(vocab_size=n_ids(tokenizer), max_position_embeddings=130, **SIZES))
    return saved(tmp_path_factory.mktemp("bert"), tokenizer, model)


@pytest.fixture(scope="session")
def tiny_electra(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A seeded two-layer ELECTRA with embeddings narrower than its layers."""
    tokenizer = letters_tokenizer()
    torch.manual_seed(5)
    config = ElectraConfig(vocab_size=n_ids(tokenizer), max_position_embeddings=130, embedding_size=8, **SIZES)
    return saved(tmp_path_factory.mktemp("electra"), tokenizer, ElectraForQuestionAnswering(config))


@pytest.fixture(scope="session")
def tiny_deberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A seeded two-layer DeBERTa over pieces that begin with the space before them."""
    letters = [chr(code) for code in range(33, 127)] + list("“”’…😀én漢")
    pieces = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "▁", *letters, *("▁" + letter for letter in letters)]
    engine = Tokenizer(models.Unigram([(piece, -float(n > 4)) for n, piece in enumerate(pieces)], unk_id=3))
    engine.pre_tokenizer = pre_tokenizers.Metaspace()
    engine.post_processor = processors.TemplateProcessing(
        "[CLS]:0 $A:0 [SEP]:0", "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", [("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=engine, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"], model_max_length=128,
    )  # fmt: skip
    torch.manual_seed(6)
    config = DebertaV2Config(
        vocab_size=n_ids(tokenizer), max_position_embeddings=130, relative_attention=True,
        pos_att_type=["p2c", "c2p"], position_biased_input=False, type_vocab_size=0, **SIZES,
    )  # fmt: skip
    return saved(tmp_path_factory.mktemp("deberta"), tokenizer, DebertaV2ForQuestionAnswering(config))


@pytest.fixture(scope="session")
def tiny_roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A seeded two-layer RoBERTa over single bytes: offsets must survive emoji cut into four tokens."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    vocabulary = {word: n for n, word in enumerate(special + sorted(pre_tokenizers.ByteLevel.alphabet()))}
    engine = Tokenizer(models.BPE(vocabulary, []))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.decoder = decoders.ByteLevel()
    engine.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=engine, unk_token="<unk>", pad_token="<pad>", cls_token="<s>", sep_token="</s>",
        model_input_names=["input_ids", "attention_mask"], model_max_length=160,
    )  # fmt: skip
    torch.manual_seed(4)
    config = RobertaConfig(vocab_size=len(vocabulary), max_position_embeddings=162, type_vocab_size=1, **SIZES)
    return saved(tmp_path_factory.mktemp("roberta"), tokenizer, RobertaForQuestionAnswering(config))


def saved(folder: Path, tokenizer: PreTrainedTokenizerFast, model: torch.nn.Module) -> Path:
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("family", FAMILIES)
def test_spans_are_whole_words_of_their_passage(family, request):
    reader = TransformersReader(str(request.getfixturevalue(family)))
    spans = reader.read(QUESTION, hits(), SETTINGS)
    assert len({span.hit.rank for span in spans}) == 3  # every passage has its candidates
    assert spans == sorted(spans, key=lambda span: -span.score)
    for span in spans:
        passage = span.hit.passage
        assert passage.start <= span.start < span.end <= passage.end
        before, quote, after = BRIEF[: span.start], BRIEF[span.start : span.end], BRIEF[span.end :]
        assert not (before[-1].isalnum() and quote[0].isalnum())
        assert not (quote[-1].isalnum() and after[0].isalnum())
        assert quote == quote.strip()


def test_a_text_longer_than_the_window_is_read_to_its_end(tiny_bert):
    reader = TransformersReader(str(tiny_bert))
    text = "Alpha beta. " * 60
    hit = Hit(Passage("b", 1, 0, len(text), text, "Title"), 0.0, 0)
    spans = reader.read(QUESTION, [hit], AskSettings(spans_per_passage=5))
    assert max(span.start for span in spans) > len(text) / 2
    assert len({(span.start, span.end) for span in spans}) == len(spans)


def test_the_same_question_twice_gives_the_same_spans(tiny_bert):
    reader = TransformersReader(str(tiny_bert))
    assert reader.read(QUESTION, hits(), SETTINGS) == reader.read(QUESTION, hits(), SETTINGS)


@pytest.mark.parametrize("family", FAMILIES)
def test_many_questions_at_once_read_like_each_alone(family, request):
    reader = TransformersReader(str(request.getfixturevalue(family)))
    asked = {QUESTION: hits(), "how much": hits("Title\n\n" + "Word by word. " * 40), "Who?": hits()[:1]}
    pairs = [(question, hit) for question, found in asked.items() for hit in found]
    together = reader.read_pairs(pairs, SETTINGS, [len(found) for found in asked.values()])
    for spans, (question, found) in zip(together, asked.items(), strict=True):
        alone = reader.read(question, found, SETTINGS)
        assert [(s.start, s.end) for s in spans] == [(s.start, s.end) for s in alone]
        assert [s.score for s in spans] == pytest.approx([s.score for s in alone], abs=0.02)


@given(st.lists(st.integers(1, 384), max_size=60))
def test_batches_hold_every_window_once_and_no_more_than_fits(lengths):
    batches = batches_by_length(lengths)
    assert sorted(row for rows in batches for row in rows) == list(range(len(lengths)))
    assert all(len(rows) * max(lengths[row] for row in rows) <= 8_192 for rows in batches)


def test_a_long_window_is_not_padded_onto_short_ones():
    short, long = batches_by_length([300, 100, 310, 110] * 10)
    assert short == [*range(1, 40, 4), *range(3, 40, 4)]
    assert long == [*range(0, 40, 4), *range(2, 40, 4)]


def test_a_model_without_a_null_answer_is_refused(tiny_bert, tmp_path):
    tokenizer = letters_tokenizer()
    tokenizer._tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[MASK]", 4))
    saved(tmp_path, tokenizer, BertForQuestionAnswering.from_pretrained(tiny_bert))
    with pytest.raises(ModelUnavailable, match="has no null answer"):
        TransformersReader(str(tmp_path))


def test_a_model_without_its_tokenizer_is_refused(tmp_path):
    """transformers makes up an empty tokenizer then, and every word would be unknown."""
    config = BertConfig(vocab_size=300, max_position_embeddings=130, **SIZES)
    BertForQuestionAnswering(config).save_pretrained(tmp_path)
    with pytest.raises(ModelUnavailable, match="has 5 word pieces and the model 300; its files .* are missing"):
        TransformersReader(str(tmp_path))


def test_a_model_with_the_tokenizer_of_another_is_refused(tmp_path):
    config = BertConfig(vocab_size=20, max_position_embeddings=130, **SIZES)
    folder = saved(tmp_path, letters_tokenizer(), BertForQuestionAnswering(config))
    with pytest.raises(ModelUnavailable, match="and the model 20; its files .* belong to another model"):
        TransformersReader(str(folder))


@pytest.mark.models
def test_an_embedder_without_its_tokenizer_is_refused(tmp_path):
    shutil.copytree(base_model_folder(), tmp_path, dirs_exist_ok=True)
    for path in [*tmp_path.glob("tokenizer*"), *tmp_path.glob("vocab*"), *tmp_path.glob("special_tokens*")]:
        path.unlink()
    with pytest.raises(ModelUnavailable, match="word pieces and the model 30522"):
        SentenceTransformerEmbedder(str(tmp_path))


def test_no_hits_no_spans(tiny_bert):
    assert TransformersReader(str(tiny_bert)).read(QUESTION, [], SETTINGS) == []


def test_a_question_that_would_push_the_passage_out_is_refused(tiny_bert):
    with pytest.raises(QuestionInvalid, match="word pieces and the reader takes 64"):
        TransformersReader(str(tiny_bert)).read("why " * 60, hits(), SETTINGS)


@pytest.mark.parametrize("name", ["/nowhere/model", ""])
def test_a_missing_model_is_one_sentence(name, tmp_path):
    with pytest.raises(ModelUnavailable, match="cannot be loaded .* leave --reader out"):
        TransformersReader(name or str(tmp_path))


@pytest.mark.models
def test_the_base_of_our_models_is_the_published_one():
    assert BASE_EMBEDDER == "all-MiniLM-L6-v2"
    assert SentenceTransformerEmbedder(BASE_EMBEDDER).dim == SentenceTransformerEmbedder().dim == 384
    digest = sha256_of(base_model_folder() / "model.safetensors")
    assert digest == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@pytest.mark.models
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What did Ana Brook object to?", "the joint harbour project"),
        ("how much would it cost a year", "$40 million"),
        ("Who defended the plan?", "The ministry of transport"),
        ("For how long was Mara Quill a reporter?", "nine years"),
    ],
)
def test_the_shipped_reader_finds_plain_answers(question, answer):
    best = TransformersReader().read(question, hits(), SETTINGS)[0]
    assert BRIEF[best.start : best.end] == answer
    assert best.score > 0


@pytest.mark.models
def test_the_shipped_reader_abstains_when_the_text_does_not_say():
    best = TransformersReader().read("Who painted the ceiling of the chapel?", hits(), SETTINGS)[0]
    assert best.score < 0


def test_the_shipped_weights_are_half_precision_and_small():
    assert (READER_FOLDER / "model.safetensors").stat().st_size < 50_000_000
    assert "float16" in (READER_FOLDER / "config.json").read_text("utf-8")
