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
        ``near_duplicate_pairs`` within it and ``in_other_sources``, images whose picture another source shows too.
    """
    table = faces.table
    if len(source_names(given)) < 2:
        return {}
    names = file_names(named_paths(given), faces.source)
    source_of = dict(zip(names, given["source"], strict=True))
    unreadable = Counter(source_of.get(one.file, "") for one in found.unreadable)
    usable = Counter(table.loc[table["digest"].isin(found.group_of.keys()), "source"])
    near = Counter(
        source_of[pair.a]
        for pair in found.pairs
        if pair.kind in ("near", "mirrored") and source_of[pair.a] == source_of[pair.b]
    )
    groups = table["digest"].map(found.group_of)
    shared = table.groupby(groups)["source"].transform("nunique") > 1
    across = Counter(table.loc[shared, "source"])
    rows = Counter(given["source"])
    apart = {
        name: {
            "images": rows[name],
            "unreadable": unreadable[name],
            "usable": usable[name],
            "near_duplicate_pairs": near[name],
            "in_other_sources": across[name],
        }
        for name in source_names(given)
    }
    return {"sources": apart}
