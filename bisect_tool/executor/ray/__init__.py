"""Run trials on the nodes of a Ray cluster: one actor per slot, which runs our guardian."""
