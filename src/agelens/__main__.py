"""`python -m agelens` is the command `agelens`."""

from agelens.cli import main

main()
