"""Which arithmetic this CPU does fastest."""

import torch


def preferred_dtype() -> torch.dtype:
    """bfloat16 where the CPU multiplies it in hardware (AMX or AVX512-BF16), float32 elsewhere.

    Emulated bfloat16 is slower than float32, so the CPU is asked, not the library version.
    """
    capability = getattr(torch.cpu, "get_capabilities", dict)()
    hardware = capability.get("amx_bf16") or capability.get("avx512_bf16")
    return torch.bfloat16 if hardware else torch.float32
