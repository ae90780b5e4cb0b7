"""The bundle format: a network with its card and checksums, written once and verified at loading."""
