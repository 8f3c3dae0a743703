"""The parts of slice propagation: what ``maskwright.interactive.propagate`` is made of."""
