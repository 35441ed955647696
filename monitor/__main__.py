"""The command `monitor`, also as `python -m monitor`.

Light on purpose: every process that `multiprocessing` starts loads the program's first module, and a parser
has no use for the command line.
"""


def main() -> None:
    """Run the command."""
    from monitor.cli import main as command  # noqa: PLC0415 - see above

    command()


if __name__ == "__main__":
    main()
