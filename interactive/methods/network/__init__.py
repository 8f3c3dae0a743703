"""The default method: a promptable network proposes the extent, the image decides on the border."""
