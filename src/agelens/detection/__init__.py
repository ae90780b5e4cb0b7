"""The detectors of faces, one file each; `agelens.detection.detector` chooses among them."""
