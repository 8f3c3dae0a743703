"""The promptable network: synthetic scenes, the network, its training and its export."""
