"""Print the table of kernels/README.md, or put it into the page: `python -m benchmarks.ladder [--write]`."""

from benchmarks.ladder.table import main

if __name__ == "__main__":
    main()
