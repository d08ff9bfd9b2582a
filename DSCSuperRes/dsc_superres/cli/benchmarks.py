"""The benchmarks by the names that users type. Their modules are imported when one is asked for."""

BENCHMARKS = {
    "quality": "quality",
    "ceiling": "ceiling",
    "generalization": "generalization",
    "generalisation": "generalization",
    "kinetics": "kinetic_ablation",
    "adaptation": "adaptation",
    "sampling": "sampling",
    "perfusion": "perfusion",
    "motion": "moving_heads",
    "speed": "speed",
    "cohort": "cohort",
    "figures": "figures",
    "heads": "heads",
    "retrain": "retrain",
    "train": "compared_training",
    "publish": "publish",
}
"""The module of ``dsc_superres.benchmark`` behind each name."""
