"""What loading a model takes, whichever it is: the arithmetic, and whether its tokenizer is its own."""

from typing import Any

import torch

from index.errors import ModelUnavailable


def preferred_dtype() -> torch.dtype:
    """bfloat16 where the CPU multiplies it in hardware (AMX or AVX512-BF16), float32 elsewhere.

    Emulated bfloat16 is slower than float32, so the CPU is asked, not the library version.
    """
    can = torch.cpu.get_capabilities()
    return torch.bfloat16 if can.get("amx_bf16") or can.get("avx512_bf16") else torch.float32


def check_vocabulary(name: str, tokenizer: Any, n_embeddings: int) -> None:  # noqa: ANN401 (has no useful type)
    """Raises ModelUnavailable when the tokenizer cannot be that of the model.

    Where a tokenizer's files are missing, transformers makes up an empty one of the model's kind instead of
    failing, and every word becomes “unknown”. Embeddings are often padded to a round number, so the
    tokenizer may have somewhat fewer pieces.
    """
    n_pieces = max(tokenizer.get_vocab().values(), default=-1) + 1
    if not n_embeddings / 2 <= n_pieces <= n_embeddings:
        raise ModelUnavailable(
            f"the tokenizer of {name} has {n_pieces} word pieces and the model {n_embeddings}; its files "
            "(tokenizer.json or the like) are missing or belong to another model: put the right ones into its folder"
        )
