"""The command line: `motif --help` lists the commands, one file here holds each group of them.

Everything heavy is imported inside the commands, so that asking for help stays quick.
"""

from motif.cli.app import app, main

__all__ = ["app", "main"]
