"""Methods: from prompts to the mask of one object in a crop. See ``registry`` for their names."""
