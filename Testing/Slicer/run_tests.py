"""The whole workflow inside a real Slicer, with a picture of every step; ends with 0 only if all of it went well.

DSC_SCREENSHOTS=DIR Slicer --no-splash --testing --additional-module-paths DSCSuperRes --python-script THIS_FILE
"""

import importlib
import sys
import time
import traceback
from pathlib import Path

import slicer

FOLDER = Path(__file__).resolve().parent
STEPS = (
    "steps_input",
    "steps_run",
    "steps_display",
    "steps_uncertainty",
    "steps_perfusion",
    "steps_artery",
    "steps_views",
    "steps_export",
    "steps_scene",
    "steps_results",
    "steps_undo",
    "steps_sample_data",
)
"""Modules beside this file, each with a function ``run(workflow)``, in the order of the panel."""


def main() -> int:
    """Take all steps; returns the exit code."""
    sys.path.insert(0, str(FOLDER))
    from workflow import Workflow

    try:
        workflow = Workflow()
        for step in STEPS:
            started = time.monotonic()
            importlib.import_module(step).run(workflow)
            print(f"== {step}: {time.monotonic() - started:.0f} s", flush=True)
        workflow.check(not workflow.slotErrors, "\n".join(workflow.slotErrors))
    except Exception:
        traceback.print_exc()
        return 1
    print("== all steps passed", flush=True)
    return 0


slicer.util.exit(main())
