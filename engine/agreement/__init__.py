"""Numbers that summarise agreement over many cases: summaries by label, groups, and confidence intervals."""
