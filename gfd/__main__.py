"""``python -m gfd``."""

from gfd.cli import main

main()
