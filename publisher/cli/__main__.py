"""``python -m publisher.cli`` is the command ``publisher``."""

from publisher.cli import main

main(prog_name="publisher")
