"""Layers: forward, backward and gradients; networks of them, and how they are trained."""
