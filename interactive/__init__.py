"""Arrays and state: prompts, sessions, assist methods, propagation. Imports ``kernels`` only."""
