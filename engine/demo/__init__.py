"""The main job on a real volume: two readings of a brain, compared with its labels, into a report."""
