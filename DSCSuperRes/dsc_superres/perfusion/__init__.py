"""Perfusion maps from a DSC series: concentration, arterial input, deconvolution and leakage correction."""

from dsc_superres.perfusion.aif_selection import aif_candidates, automatic_aif
from dsc_superres.perfusion.arterial_input import ArterialInput, aif_from_voxels, read_aif_csv
from dsc_superres.perfusion.bolus import Bolus, find_bolus
from dsc_superres.perfusion.concentration import delta_r2star
from dsc_superres.perfusion.maps import compute_maps
from dsc_superres.perfusion.mask import brain_mask
from dsc_superres.perfusion.normalization import relative_cbv
from dsc_superres.perfusion.options import MapOptions
from dsc_superres.perfusion.perfusion_maps import PerfusionMaps
from dsc_superres.perfusion.white_matter import WhiteMatterReference, find_white_matter

__all__ = [
    "ArterialInput",
    "Bolus",
    "MapOptions",
    "PerfusionMaps",
    "WhiteMatterReference",
    "aif_candidates",
    "aif_from_voxels",
    "automatic_aif",
    "brain_mask",
    "compute_maps",
    "delta_r2star",
    "find_bolus",
    "find_white_matter",
    "read_aif_csv",
    "relative_cbv",
]
