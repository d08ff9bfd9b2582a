"""The course of contrast agent in every voxel as physiology allows it: one driving curve, a residue and a delay."""
