"""Which arithmetic this CPU does fastest."""

import torch


def preferred_dtype() -> torch.dtype:
    """bfloat16 where the CPU multiplies it in hardware (AMX or AVX512-BF16), float32 elsewhere.

    Emulated bfloat16 is slower than float32, so the CPU is asked, not the library version.
    """
    can = torch.cpu.get_capabilities()
    return torch.bfloat16 if can.get("amx_bf16") or can.get("avx512_bf16") else torch.float32
