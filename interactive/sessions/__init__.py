"""Sessions: an image, objects on it, and the prompts that turn into masks."""
