"""The tasks: how scenes store them, and how the rest of the software names them."""

COMPARE = "compare"
ENHANCE = "enhance"
JOB_TASKS = {COMPARE: "compare", ENHANCE: "reconstruct"}
"""By the value of the parameter, which saved scenes hold: the task of the job, and of its result."""
