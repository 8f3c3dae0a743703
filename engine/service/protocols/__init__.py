"""One folder a protocol; each translates axes and forms and nothing else."""
