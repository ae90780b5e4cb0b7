"""What an audit found in each source of a study, and across them."""

from collections import Counter

import pandas as pd

from agelens.data.audit import Audit, file_names, named_paths
from agelens.data.table import Faces, source_names


def count_by_source(faces: Faces, found: Audit, given: pd.DataFrame) -> dict[str, dict[str, dict[str, int]]]:
    """Return for ``audit.json`` what the audit found in each source; nothing where there is one alone.

    Args:
        faces: what was audited. found: the audit of it.
        given: the face table before photographs were aligned.

    Returns:
        under "sources", by name of the source: ``images`` (with labels), ``unreadable``, ``usable``,
        ``near_duplicate_pairs`` within it and ``pairs_with_other_sources``, of all kinds.
    """
    table = faces.table
    if len(source_names(given)) < 2:
        return {}
    names = file_names(named_paths(given), faces.source)
    source_of = dict(zip(names, given["source"], strict=True))
    unreadable = Counter(source_of.get(one.file, "") for one in found.unreadable)
    usable = Counter(table.loc[table["digest"].isin(found.group_of.keys()), "source"])
    near, across = Counter[str](), Counter[str]()
    for pair in found.pairs:
        a, b = source_of[pair.a], source_of[pair.b]
        if a != b:
            across.update((a, b))
        elif pair.kind in ("near", "mirrored"):
            near[a] += 1
    rows = Counter(given["source"])
    apart = {
        name: {
            "images": rows[name],
            "unreadable": unreadable[name],
            "usable": usable[name],
            "near_duplicate_pairs": near[name],
            "pairs_with_other_sources": across[name],
        }
        for name in source_names(given)
    }
    return {"sources": apart}
