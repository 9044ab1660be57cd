"""The training of the reader on small invented material: windows, overlaps, losses, interruption."""

import gzip
import itertools
import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, BertConfig, BertForQuestionAnswering

import reader_data
import train_reader
from index.briefs import parse_brief
from index.embedder import base_model_folder
from qa.marks import Marks, mark_of
from reader_data import Example, Overlaps, own_questions, paragraph_hash, public_examples, windows_of
from train_reader import Recipe, load_model, loss_of, train

CONTEXT = "The council met on Friday. Ana Brook objected to the joint harbour project because it cost too much."


@pytest.fixture(scope="module")
def tokenizer():
    loaded = AutoTokenizer.from_pretrained(base_model_folder())
    loaded.model_max_length = 10**9
    return loaded


def example(question: str, context: str, answer: str | None, origin: str = "set") -> Example:
    span = None
    if answer:
        span = (context.index(answer), context.index(answer) + len(answer))
    return Example(question, "", context, span, origin, 1, False)


def test_windows_hold_the_answer_and_cover_the_context(tokenizer):
    text = CONTEXT + " Nothing else was said." * 30
    answer = "the joint harbour project"
    windows = list(windows_of(tokenizer, example("What did she object to?", text, answer), 48, 16, random.Random(1)))
    found = [tokenizer.decode(w.ids[w.start : w.end + 1]) for w in windows if w.start]
    assert found and set(found) == {answer}
    assert all(len(w.ids) <= 48 and w.ids[w.n_question - 1] == tokenizer.sep_token_id for w in windows)
    every = list(windows_of(tokenizer, example("What did she object to?", text, None), 48, 16, random.Random(1)))
    whole = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert {(w.start, w.end) for w in every} == {(0, 0)}
    assert every[0].ids[every[0].n_question : -1] == whole[: 47 - every[0].n_question]
    assert every[-1].ids[-5:-1] == whole[-4:]


def test_the_header_stands_in_front_and_holds_no_answer(tokenizer):
    headed = Example("Who objected?", "Ana Brook", CONTEXT, (27, 36), "set", 1, False)
    (window,) = windows_of(tokenizer, headed, 64, 16, random.Random(1))
    header = tokenizer("Ana Brook", add_special_tokens=False)["input_ids"]
    assert window.ids[window.n_question :][: len(header)] == header
    assert window.start >= window.n_question + len(header)
    assert tokenizer.decode(window.ids[window.start : window.end + 1]) == "ana brook"


@pytest.fixture
def data(tmp_path, monkeypatch) -> Path:
    """A folder in the form of SOURCES.md: one training set, the measuring sets, the devset."""
    public = tmp_path / "public"
    public.mkdir()
    contexts = [
        f"Paragraph number {n} says that item {n} costs {n + 10} crowns in the town of Alba." for n in range(40)
    ]

    def write(name: str, entries: list[tuple[str, str, str | None]]) -> None:
        paragraphs = [
            {
                "context": context,
                "qas": [
                    {"question": q, "answers": [{"text": a, "answer_start": context.index(a)}] if a else []},
                ],
            }
            for context, q, a in entries
        ]
        with gzip.open(public / f"{name}.json.gz", "wt", encoding="utf-8") as file:
            json.dump({"data": [{"title": "T", "paragraphs": paragraphs}]}, file)

    costs = [(c, f"What does item {n} cost?", f"{n + 10} crowns") for n, c in enumerate(contexts)]
    write("squad_v1.1_train_part44", costs)
    write("squad_v1.1_train_recovered", [("A paragraph by itself.", "What is it?", "A paragraph")])
    write("squad_v1.1_dev", [(contexts[3].upper(), "Something else?", None)])
    write("squad_v2.0_dev", [("Another text.", "what does item 5 cost", None)])
    write("squad_v1.1_train_cs224n_val", [(f"Choice {n} is text.", f"Which choice is {n}?", "text") for n in range(30)])
    briefs = tmp_path / "briefs-dev" / "devset"
    briefs.mkdir(parents=True)
    (briefs / "01.json").write_text(json.dumps([{"q": "What does item 7 cost?", "a": [], "type": "none"}]), "utf-8")
    questions = tmp_path / "questions"
    questions.mkdir()
    (questions / "choice.tsv").write_text("", "utf-8")
    (questions / "squad.tsv").write_text(f"{paragraph_hash(contexts[1])}\tWho sells item 1?\n", "utf-8")
    monkeypatch.setattr(reader_data, "OWN_QUESTIONS", questions)
    return tmp_path


def test_what_stands_in_a_measuring_set_is_dropped_and_counted(data):
    overlaps = Overlaps(data)
    examples = list(public_examples(data, {"squad_v1.1_train_part44": 1.0}, 0.0, random.Random(1)))
    kept = [e.question for e in filter(overlaps.keep, examples)]
    assert len(kept) == 37
    assert not {"What does item 3 cost?", "What does item 5 cost?", "What does item 7 cost?"} & set(kept)
    assert overlaps.dropped == {"squad_v1.1_train_part44: context": 1, "squad_v1.1_train_part44: question": 2}


def test_the_choice_set_is_never_trained_on(data):
    chosen = {context for _, context, _ in reader_data.choice_set(data)}
    trained = {e.context for e in public_examples(data, {"squad_v1.1_train_cs224n_val": 1.0}, 0.0, random.Random(1))}
    assert chosen and trained and not chosen & trained
    assert len(chosen | trained) == 30


def test_neighbours_do_not_hold_the_answer(data):
    examples = list(public_examples(data, {"squad_v1.1_train_part44": 1.0}, 1.0, random.Random(1)))
    neighbours = {e.group: e for e in examples if e.origin.endswith("/neighbour")}
    assert neighbours
    for e in examples:
        if e.answer and e.group in neighbours:
            assert e.context[slice(*e.answer)] not in neighbours[e.group].context


def test_prepare_says_what_it_took_and_left(data, capsys):
    out = data / "run"
    recipe = Recipe(parts={"squad_v1.1_train_part44": 1.0, "written": 1.0}, neighbours=0.0)
    train_reader.prepare(recipe, data, out)
    report = json.loads((out / "prepare.json").read_text("utf-8"))
    assert json.loads(capsys.readouterr().out) == report
    assert report["by_set"] == {"squad_v1.1_train_part44": 37, "written unanswerable": 1}
    assert report["dropped_overlaps"] == {"squad_v1.1_train_part44: context": 1, "squad_v1.1_train_part44: question": 2}
    assert report["unanswerable"] == 1
    windows = np.load(out / "windows.npz")
    assert windows["lengths"].sum() == len(windows["ids"]) == report["tokens"]


def test_what_analysts_marked_is_trained_on_where_it_was_marked(tokenizer, data, tmp_path):
    """The second “crowns” of the brief was marked; the answer across two paragraphs cannot be learnt."""
    body = "😀 It cost 40 crowns in Alba. Nobody paid.\n\nIn Brin it cost 40 crowns. The mayor paid."
    brief = parse_brief(f"March 15, 2021 | Insight\n\nPrices\n\n{body}\n", "prices.txt")
    marks = Marks(tmp_path / "marks.json")
    for question, words in (("What did Brin cost?", "40 crowns"), ("Who paid?", "The mayor")):
        start = brief.text.rindex(words)
        marks.put(mark_of(brief, question, start, start + len(words), words, True), brief.text)
    start = brief.text.index("Nobody")
    marks.put(mark_of(brief, "Who did not pay?", start, start + 6, "Nobody", False), brief.text)
    content = json.loads((tmp_path / "marks.json").read_text("utf-8"))
    asked = content["data"][0]["paragraphs"][0]["qas"]
    across = brief.text[brief.text.index("paid.") : brief.text.index("Brin")]
    asked.append({"question": "?", "answers": [{"text": across, "answer_start": brief.text.index("paid.")}]})
    asked.append({"question": "Why?", "answers": []})
    (tmp_path / "marks.json").write_text(json.dumps(content), "utf-8")

    added, n_left_out = reader_data.added_set(tmp_path / "marks.json", lambda text: len(text.split()))
    assert n_left_out == 2
    examples = list(added.examples(1.0, 1.0, random.Random(1)))
    answered = {e.question: e for e in examples if e.answer}
    assert {q: e.context[slice(*e.answer)] for q, e in answered.items()} == {
        "What did Brin cost?": "40 crowns", "Who paid?": "The mayor",
    }  # fmt: skip
    assert answered["What did Brin cost?"].context.startswith("In Brin")
    assert {e.header for e in examples} == {"Prices | 2021-03-15 | Insight"}
    assert all(e.answer or "Brin" not in e.context for e in examples)

    train_reader.prepare(Recipe(), data, data / "run", tmp_path / "marks.json")
    report = json.loads((data / "run" / "prepare.json").read_text("utf-8"))
    assert report["added"] == {"file": "marks.json", "questions": 2, "left_out": 2}
    assert report["by_set"]["added/answer"] == 2
    (tmp_path / "marks.json").write_text('{"data": []}', "utf-8")
    with pytest.raises(SystemExit, match=r"no question of .*marks\.json has an answer to train on"):
        train_reader.prepare(Recipe(), data, data / "none", tmp_path / "marks.json")


def test_a_set_that_does_not_exist_is_an_error(data):
    with pytest.raises(SystemExit, match="no training set squad_v9"):
        list(public_examples(data, {"squad_v9": 1.0}, 0.0, random.Random(1)))


def test_an_unknown_setting_of_a_recipe_is_an_error():
    with pytest.raises(SystemExit, match="no setting learning_speed"):
        Recipe.load({"learning_speed": 1.0})


def test_every_written_question_belongs_to_one_paragraph():
    for name in ("squad", "choice"):
        for paragraph, questions in own_questions(name).items():
            assert len(paragraph) == 12 and int(paragraph, 16) >= 0
            assert len(set(questions)) == len(questions)


def test_a_recipe_without_training_sets_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="names no training sets; give one of scripts/reader_recipes"):
        train_reader.prepare(Recipe(), tmp_path, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_every_answer_to_our_own_briefs_stands_in_its_brief():
    paths = sorted((reader_data.OWN_QUESTIONS / "briefs").glob("*/*.txt"))
    assert len(paths) > 100
    for path in paths:
        brief = parse_brief(path.read_bytes().decode("utf-8"), path.name)
        assert brief.title and brief.date and len(brief.paragraphs) >= 4, path
        for qa in json.loads(path.with_suffix(".json").read_text("utf-8")):
            assert qa["q"] and qa["type"] and bool(qa["a"]) == (qa["type"] != "none"), (path, qa)
            assert all(answer in brief.text for answer in qa["a"]), (path, qa)


def logits(n: int, width: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(n, width, generator=generator, dtype=torch.float64) * 3 for _ in range(2))


def batch_of(spans: list[tuple[int, int]], groups: list[int], widths: list[int], n_question: int) -> dict:
    width = max(widths)
    mask = torch.tensor([[int(at < w) for at in range(width)] for w in widths])
    kinds = torch.tensor([[int(n_question <= at < w) for at in range(width)] for w in widths])
    inputs = {"attention_mask": mask, "token_type_ids": kinds}
    return {"inputs": inputs, "span": torch.tensor(spans), "group": torch.tensor(groups)}


SPANS, WIDTHS = [(4, 6), (0, 0), (5, 5), (0, 0)], [9, 12, 7, 10]
BATCH = batch_of(SPANS, [0, 0, 1, 2], WIDTHS, 3)
STARTS, ENDS = logits(4, 12, 7)


def log_sum(values):
    return math.log(sum(math.exp(value) for value in values))


def spans_in(row: int) -> list[float]:
    return [
        float(STARTS[row, i] + ENDS[row, j]) for i, j in itertools.product(range(3, WIDTHS[row]), repeat=2) if i <= j
    ]


def null(row: int) -> float:
    return float(STARTS[row, 0] + ENDS[row, 0])


def apart() -> float:
    total = 0.0
    for row, (start, end) in enumerate(SPANS):
        for side, target in ((STARTS, start), (ENDS, end)):
            total += log_sum(side[row, : WIDTHS[row]].tolist()) - float(side[row, target])
    return total / 4 / 2


def test_losses_apart_by_hand():
    assert float(loss_of(STARTS, ENDS, BATCH, Recipe())) == pytest.approx(apart())


def test_joint_loss_by_hand():
    expected = 0.0
    for row, (start, end) in enumerate(SPANS):
        gold = float(STARTS[row, start] + ENDS[row, end])
        expected += (log_sum([*spans_in(row), null(row)]) - gold) / 4 / 2
    assert float(loss_of(STARTS, ENDS, BATCH, Recipe(joint=True))) == pytest.approx(expected)


def test_shared_loss_by_hand():
    gold = float(STARTS[0, 4] + ENDS[0, 6]) - null(0)
    rivals = [value - null(row) for row in (0, 1) for value in spans_in(row)]  # the only group of two windows
    expected = apart() + 0.5 * (log_sum(rivals) - gold) / 4
    assert float(loss_of(STARTS, ENDS, BATCH, Recipe(shared=0.5))) == pytest.approx(expected, rel=1e-5)


def test_label_smoothing_leaves_padding_out():
    plain, smooth = (float(loss_of(STARTS, ENDS, BATCH, Recipe(label_smoothing=s))) for s in (0.0, 0.1))
    even = 0.0
    for row in range(4):
        for side in (STARTS, ENDS):
            logs = side[row, : WIDTHS[row]].log_softmax(0)
            even -= float(logs.mean()) / 8
    assert smooth == pytest.approx(0.9 * plain + 0.1 * even)


@pytest.fixture
def tiny(tmp_path) -> Path:
    """A seeded two-layer BERT to start from."""
    torch.manual_seed(9)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertForQuestionAnswering(BertConfig(vocab_size=400, max_position_embeddings=64, **sizes)).save_pretrained(
        tmp_path / "tiny"
    )
    return tmp_path / "tiny"


def toy_run(out: Path, recipe: Recipe) -> Path:
    """Windows whose answer is the token after the one that the question names."""
    rng = np.random.default_rng(3)
    rows = []
    for group in range(64):
        asked = int(rng.integers(10, 20))
        text = rng.integers(100, 400, 12).tolist()
        start = 0
        if group % 4:
            at = int(rng.integers(0, 11))
            text[at], start = asked, 3 + at + 1
        rows.append(([1, asked, 2, *text, 2], start, group // 2))
    out.mkdir()
    np.savez(
        out / "windows.npz",
        ids=np.concatenate([np.array(ids, np.int32) for ids, _, _ in rows]),
        lengths=np.array([len(ids) for ids, _, _ in rows], np.int32),
        questions=np.full(64, 3, np.int32),
        spans=np.array([(start, start) for _, start, _ in rows], np.int32),
        groups=np.array([group for _, _, group in rows], np.int32),
    )
    (out / "prepare.json").write_text(json.dumps({"recipe": train_reader.asdict(recipe)}), "utf-8")
    return out


def weights(out: Path) -> dict[str, torch.Tensor]:
    return BertForQuestionAnswering.from_pretrained(out / "model").state_dict()


@pytest.mark.parametrize("change", [{}, {"joint": True}, {"shared": 0.5}, {"average": 0.9}])
def test_an_interrupted_run_ends_in_the_same_weights(change, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(train_reader, "CHECKPOINT_STEPS", 3)
    recipe = Recipe(init=str(tiny), batch_tokens=256, learning_rate=1e-3, epochs=3, **change)
    whole, cut = toy_run(tmp_path / "whole", recipe), toy_run(tmp_path / "cut", recipe)
    train(whole)
    calls = itertools.count()

    def interrupting(*args):
        if next(calls) == 7:
            raise KeyboardInterrupt
        return loss_of(*args)

    with monkeypatch.context() as patched:
        patched.setattr(train_reader, "loss_of", interrupting)
        with pytest.raises(KeyboardInterrupt):
            train(cut)
    train(cut)
    expected, found = weights(whole), weights(cut)
    start = BertForQuestionAnswering.from_pretrained(tiny).state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    assert not torch.equal(expected["qa_outputs.weight"], start["qa_outputs.weight"])
    frozen = "bert.embeddings.word_embeddings.weight"
    assert torch.equal(expected[frozen], start[frozen])


def test_training_learns(tiny, tmp_path):
    recipe = Recipe(init=str(tiny), batch_tokens=512, learning_rate=4e-3, epochs=40, freeze_embeddings=False)
    train(toy_run(tmp_path / "run", recipe))
    lines = [json.loads(line) for line in (tmp_path / "run" / "train.jsonl").read_text("utf-8").splitlines()]
    assert lines[-1]["step"] == lines[-1]["of"]
    assert lines[-1]["loss"] < lines[0]["loss"] / 2


def test_layers_can_be_stacked_and_left_out(tiny):
    model = load_model(Recipe(init=str(tiny), layers=(1, 0, 1)))
    stack = model.bert.encoder.layer
    assert model.config.num_hidden_layers == len(stack) == 3
    assert torch.equal(stack[0].output.dense.weight, stack[2].output.dense.weight)
    assert stack[0].output.dense.weight is not stack[2].output.dense.weight


def test_lower_layers_learn_more_slowly(tiny):
    recipe = Recipe(init=str(tiny), learning_rate=1.0, layer_decay=0.5, layers=(0, 1), weight_decay=0.1)
    model = load_model(recipe)
    groups = train_reader._parameter_groups(model, recipe)
    rates = {id(p): (g["lr"], g["weight_decay"]) for g in groups for p in g["params"]}
    bottom, top = model.bert.encoder.layer
    assert rates[id(model.qa_outputs.weight)] == (1.0, 0.1)
    assert rates[id(top.output.dense.bias)] == (1.0, 0.0)
    assert rates[id(bottom.output.dense.weight)] == (0.5, 0.1)
    assert rates[id(model.bert.embeddings.LayerNorm.weight)] == (0.25, 0.0)
    assert id(model.bert.embeddings.word_embeddings.weight) not in rates
