"""Agreement of a reference and a prediction: the table of metrics, and ``compare`` that fills it."""
