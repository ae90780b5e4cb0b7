"""The detectors of faces, one file each; `agelens.estimate.detect` chooses among them."""
