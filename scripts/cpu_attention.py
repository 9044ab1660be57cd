"""Attention in float32 inside bfloat16 autocast: on a CPU the gradient of the bfloat16 kernel is much slower.

Measured on 2 cores with AVX-512 and 32-dimensional heads: 3,280 tokens a second trained on instead of 2,550.
"""

from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

FLOAT32_ATTENTION = "sdpa_float32"
"""To be given to a model as its `attn_implementation`."""


def _float32_attention(module: Any, query: Any, key: Any, value: Any, mask: Any, **options: Any) -> Any:  # noqa: ANN401
    with torch.autocast(query.device.type, enabled=False):
        return sdpa_attention_forward(module, query.float(), key.float(), value.float(), mask, **options)


AttentionInterface.register(FLOAT32_ATTENTION, _float32_attention)
AttentionMaskInterface.register(FLOAT32_ATTENTION, sdpa_mask)
