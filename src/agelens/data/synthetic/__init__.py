"""Synthetic faces: a labelled dataset with no network and no real people."""
