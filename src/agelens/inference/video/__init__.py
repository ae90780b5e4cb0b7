"""Videos and cameras: reading, tracking faces, writing. Needs `agelens[video]`."""
