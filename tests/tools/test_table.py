from __future__ import annotations

from gfd.tools.table import Cell, Styled, format_row, format_table, measure
from gfd.tools.terminal import BOLD, DIM

HEADING = ("node", "product")
ROWS = (("n1", "A100-PCIE-40GB-MIG-1g.5gb"), ("node-two", ""))


def test_a_table_for_a_pipe_is_whole() -> None:
    text = format_table(ROWS, heading=HEADING)
    assert text == "node      product\nn1        A100-PCIE-40GB-MIG-1g.5gb\nnode-two\n"


def test_a_table_shrinks_its_widest_column() -> None:
    text = format_table(ROWS, heading=HEADING, width=22)
    assert text == "node      product\nn1        A100-PCIE-4…\nnode-two\n"
    assert format_table(ROWS, heading=HEADING, width=5) == (
        "node      product\nn1        A100-PC…\nnode-two\n"
    )


def test_columns_with_a_minimum_width() -> None:
    text = format_table(ROWS, heading=HEADING, width=20, narrowest=(4, 13))
    assert text == "node   product\nn1     A100-PCIE-40…\nnode…\n"
    text = format_table(ROWS, heading=HEADING, width=1, narrowest=(8, 24))
    assert text == "node      product\nn1        A100-PCIE-40GB-MIG-1g.5…\nnode-two\n"


def test_a_coloured_table() -> None:
    text = format_table((("\x1b[31m",),), heading=("a",), is_coloured=True)
    assert text == f"\x1b[{BOLD}ma\x1b[0m\n\\x1b[31m\n"


def test_a_styled_cell() -> None:
    cell = Styled(text="nvidia.com/gpu.count", style=DIM, length=len("nvidia.com/"))
    assert format_table([(cell, "8")], is_coloured=True) == "\x1b[2mnvidia.com/\x1b[0mgpu.count  8\n"
    assert format_table([(cell, "8")]) == "nvidia.com/gpu.count  8\n"


def test_a_style_does_not_change_the_width() -> None:
    rows: list[tuple[Cell, str]] = [(Styled(text="ok", style=BOLD), "driver"), ("fail", "labels")]
    assert format_table(rows, is_coloured=True) == "\x1b[1mok\x1b[0m    driver\nfail  labels\n"


def test_a_row_without_cells_is_a_blank_line() -> None:
    assert format_table([("a", "b"), (), ("cc", "d")]) == "a   b\n\ncc  d\n"
    assert format_table([]) == ""


def test_the_last_column_can_be_wrapped() -> None:
    rows = [("ok", "the driver has the version 535"), ("", "-> install a newer driver on this node")]
    assert format_table(rows, width=24, is_wrapped=True) == (
        "ok  the driver has the\n"
        "    version 535\n"
        "    -> install a newer\n"
        "       driver on this\n"
        "       node\n"
    )
    assert format_table(rows, is_wrapped=True) == (
        "ok  the driver has the version 535\n    -> install a newer driver on this node\n"
    )


def test_a_later_row_is_aligned_with_the_columns() -> None:
    widths = measure(ROWS)
    assert format_row(("n2", "T4"), widths) == "n2        T4"
    assert format_row(("a-long-name", "T4"), widths) == "a-long-name  T4"
