"""GPU models, names, drivers and machine types to make random machines from.

The MIG profiles have the figures of NVIDIA's data-centre GPUs.
"""

from __future__ import annotations

from dataclasses import dataclass

GI_B, MI_B = 2**30, 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A GPU model. Rows of ``profiles``: enum, id, slices, max, SM, copy, decoder, jpeg, ofa, MiB."""

    name: str
    cc: tuple[int, int]
    memory: int
    profiles: tuple[tuple[int, ...], ...] = ()


A100_40 = (
    (0, 19, 1, 7, 14, 1, 0, 0, 0, 4864),
    (1, 14, 2, 3, 28, 2, 1, 0, 0, 9856),
    (2, 9, 3, 2, 42, 3, 2, 0, 0, 19968),
    (3, 5, 4, 1, 56, 4, 2, 0, 0, 19968),
    (4, 0, 7, 1, 98, 7, 5, 1, 1, 40192),
    (7, 20, 1, 1, 14, 1, 1, 1, 1, 4864),
    (9, 15, 1, 4, 14, 1, 1, 0, 0, 9856),
)
A100_80 = (
    (0, 19, 1, 7, 14, 1, 0, 0, 0, 9728),
    (1, 14, 2, 3, 28, 2, 1, 0, 0, 19968),
    (2, 9, 3, 2, 42, 3, 2, 0, 0, 40192),
    (3, 5, 4, 1, 56, 4, 2, 0, 0, 40192),
    (4, 0, 7, 1, 98, 7, 5, 1, 1, 80896),
    (7, 20, 1, 1, 14, 1, 1, 1, 1, 9728),
    (9, 15, 1, 4, 14, 1, 1, 0, 0, 19968),
)
A30 = (
    (0, 14, 1, 4, 14, 1, 0, 0, 0, 5952),
    (1, 5, 2, 2, 28, 2, 2, 0, 0, 12032),
    (3, 0, 4, 1, 56, 4, 4, 1, 1, 24192),
    (7, 21, 1, 1, 14, 1, 1, 1, 1, 5952),
    (8, 6, 2, 1, 28, 2, 2, 1, 1, 12032),
)
H100 = (
    (0, 19, 1, 7, 16, 1, 1, 1, 0, 9984),
    (1, 14, 2, 3, 32, 2, 2, 2, 0, 20096),
    (2, 9, 3, 2, 60, 3, 3, 3, 0, 40448),
    (3, 5, 4, 1, 64, 4, 4, 4, 0, 40448),
    (4, 0, 7, 1, 132, 8, 7, 7, 1, 81152),
    (7, 20, 1, 1, 16, 1, 1, 1, 1, 9984),
    (9, 15, 1, 4, 26, 1, 1, 1, 0, 20096),
)
H200 = (
    (0, 19, 1, 7, 16, 1, 1, 1, 0, 16384),
    (1, 14, 2, 3, 32, 2, 2, 2, 0, 33280),
    (2, 9, 3, 2, 60, 3, 3, 3, 0, 71424),
    (3, 5, 4, 1, 64, 4, 4, 4, 0, 71424),
    (4, 0, 7, 1, 132, 8, 7, 7, 1, 143360),
    (7, 20, 1, 1, 16, 1, 1, 1, 1, 16384),
    (9, 15, 1, 4, 26, 1, 1, 1, 0, 33280),
)
B200 = (
    (0, 19, 1, 7, 18, 1, 1, 1, 0, 22784),
    (1, 14, 2, 3, 36, 2, 2, 2, 0, 45568),
    (2, 9, 3, 2, 70, 3, 3, 3, 0, 91136),
    (3, 5, 4, 1, 72, 4, 4, 4, 0, 91136),
    (4, 0, 7, 1, 148, 8, 7, 7, 1, 183296),
    (7, 20, 1, 1, 18, 1, 1, 1, 1, 22784),
    (13, 21, 1, 7, 18, 1, 0, 0, 0, 22784),
    (15, 22, 1, 1, 18, 1, 7, 7, 1, 22784),
    (9, 15, 1, 4, 34, 1, 1, 1, 0, 45568),
)
# Only the enums of this model are real; the tests need it for them.
RTX_PRO = (
    (0, 14, 1, 4, 46, 1, 1, 1, 0, 24192),
    (1, 5, 2, 2, 94, 2, 2, 2, 0, 48512),
    (3, 0, 4, 1, 188, 4, 4, 4, 1, 97280),
    (10, 47, 1, 4, 46, 1, 1, 1, 0, 24192),
    (11, 35, 2, 2, 94, 2, 2, 2, 0, 48512),
    (12, 32, 4, 1, 188, 4, 4, 4, 1, 97280),
    (13, 67, 1, 4, 46, 1, 0, 0, 0, 24192),
    (14, 66, 2, 2, 94, 2, 0, 0, 0, 48512),
    (15, 65, 1, 1, 46, 1, 4, 4, 1, 24192),
    (16, 64, 2, 1, 94, 2, 4, 4, 1, 48512),
)

MIG_MODELS = (
    Model(name="NVIDIA A100-SXM4-40GB", cc=(8, 0), memory=42_506_321_920, profiles=A100_40),
    Model(name="NVIDIA A100-PCIE-40GB", cc=(8, 0), memory=42_505_273_344, profiles=A100_40),
    Model(name="NVIDIA A100-SXM4-80GB", cc=(8, 0), memory=85_899_345_920, profiles=A100_80),
    Model(name="NVIDIA A30", cc=(8, 0), memory=25_769_803_776, profiles=A30),
    Model(name="NVIDIA H100 80GB HBM3", cc=(9, 0), memory=85_520_809_984, profiles=H100),
    Model(name="NVIDIA H200", cc=(9, 0), memory=150_754_820_096, profiles=H200),
    Model(name="NVIDIA B200", cc=(10, 0), memory=192_264_929_280, profiles=B200),
    Model(
        name="NVIDIA RTX PRO 6000 Blackwell Server Edition",
        cc=(12, 0),
        memory=102_641_958_912,
        profiles=RTX_PRO,
    ),
)

PLAIN_MODELS = (
    Model(name="Tesla K80", cc=(3, 7), memory=11_997_020_160),
    Model(name="Tesla M60", cc=(5, 2), memory=8 * GI_B),
    Model(name="Tesla P100-PCIE-16GB", cc=(6, 0), memory=17_071_734_784),
    Model(name="Tesla V100-SXM2-16GB", cc=(7, 0), memory=16_945_512_448),
    Model(name="NVIDIA TITAN V", cc=(7, 2), memory=12 * GI_B),
    Model(name="Tesla T4", cc=(7, 5), memory=15_843_721_216),
    Model(name="NVIDIA A10", cc=(8, 6), memory=23 * GI_B),
    Model(name="NVIDIA L40S", cc=(8, 9), memory=48_305_799_168),
    Model(name="NVIDIA GeForce RTX 5090", cc=(12, 0), memory=32_607 * MI_B),
    Model(name="NVIDIA Rubin", cc=(13, 0), memory=288 * GI_B),
    Model(name="Tesla C1060", cc=(1, 3), memory=4 * GI_B),
    Model(name="Tesla C2050", cc=(2, 0), memory=3 * GI_B),
    Model(name="NVIDIA Unknown", cc=(4, 2), memory=MI_B - 1),
    Model(name="NVIDIA Nothing", cc=(0, 0), memory=0),
    Model(name="NVIDIA Half", cc=(0, 7), memory=GI_B + 1),
)

ODD_NAMES: tuple[bytes, ...] = (
    b"NVIDIA\tA100\tTabs",
    "NVIDIA® GPU™ with marks".encode(),
    b"NVIDIA  two   blanks",
    b"  NVIDIA between blanks ",
    b"-NVIDIA-",
    b"...NVIDIA GPU___",
    b"_",
    b"",
    b"(",
    b" ",
    b"NVIDIA \xff\xfe\x80 GPU",
    b"\xc3",
    b"NVIDIA A100 (engineering sample) #7",
    b"N" * 70,
    b"NVIDIA Very Long Name of a Data Centre GPU with 80GB of HBM3 and - - -",
    b"NVIDIA " + b"x" * 55 + b" - tail",
    b"GPU=1 # comment",
    b"NVIDIA\nGPU",
    "NVIDIA 超 GPU".encode(),
    b"NVIDIA A100\\x41",
    b"Orin",
)

DISPLAY_BOARDS = ("DGX Display", "NVIDIA DGX Display")

DRIVERS: tuple[bytes, ...] = (b"580.159.04", b"535.54", b"470.161.3", b"550.0", b"1.2")
BAD_DRIVERS: tuple[bytes, ...] = (
    b"580",
    b"1.2.3.4",
    b"",
    b"..",
    b"580..",
    b"580.",
    b".1.2",
    b"a.b.c",
    b"580.1 .2",
)

MACHINE_TYPES: tuple[bytes | None, ...] = (
    b"DGXA100 920-23687-2530-000\n",
    b"PowerEdge R750",
    b"  Standard PC (Q35 + ICH9, 2009)  \n",
    b"X" * 80,
    b"To be filled by O.E.M.\n",
    b"",
    b"\n",
    b"   \t\n",
    b"--\n",
    b"Name\x00after\n",
    b"\xff\xfe\n",
    b"Two\nLines\n",
    None,
)
