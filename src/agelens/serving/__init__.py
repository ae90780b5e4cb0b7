"""The page and the HTTP interface. Needs `agelens[serve]`."""
