"""Trials on the nodes of a Ray cluster: one actor a slot, and our guardian below it."""
