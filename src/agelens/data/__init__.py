"""Face tables: sources, audit, near duplicates, splits, loaders and synthetic faces."""
