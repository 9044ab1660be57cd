"""Pairs and batches of the embedder's training."""

import random

from train_embedder import Pair, batches_of


def test_no_passage_stands_twice_in_a_batch_and_no_pair_is_used_twice():
    """Ten questions of one passage: each batch holds one of them, as the other nine would be wrong negatives."""
    pairs = [Pair(f"question {n}", "the same passage", "") for n in range(10)]
    pairs += [Pair(f"question {n}", f"passage {n}", "the same passage" if n % 7 == 0 else "") for n in range(10, 100)]
    batches = list(batches_of(pairs, 8, random.Random(3)))
    used = [pair for batch in batches for pair in batch]
    assert len(used) == len(set(used)) > 80
    for batch in batches:
        assert len(batch) == 8
        gold = [pair.passage for pair in batch]
        assert len(set(gold)) == 8
        assert not set(gold) & {pair.other for pair in batch}
