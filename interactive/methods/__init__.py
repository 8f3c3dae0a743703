"""Methods: from prompts to the mask of one object in a region. See ``registry`` for their names."""
