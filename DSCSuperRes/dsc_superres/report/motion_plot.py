"""The plot of a head's motion, frame by frame."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from dsc_superres.motion.motion_words import NOTED_MOTION
from dsc_superres.pipeline.prepared_series import PreparedSeries
from dsc_superres.report.display import time_axis_label
from dsc_superres.report.style import LINE, MUTED, TEXT, WIDTH, new_figure, style_plot

COLORS = {"displacement": "#ffd166", "rotation": "#c792ea"}


def motion_figure(prepared: PreparedSeries) -> Figure:
    """Return mean displacement (mm) and rotation (degrees) of the head in each frame, as they were before a correction.

    The dashed line is the displacement from which a note speaks of motion.
    """
    figure, motion = new_figure(WIDTH, 2.4), prepared.motion
    axes = figure.add_axes((0.06, 0.2, 0.93, 0.62))
    style_plot(axes, time_axis_label(prepared.series), "mm, degrees")
    for name, label in (("displacement", "Displacement (mm)"), ("rotation", "Rotation (degrees)")):
        values = getattr(motion, name)
        axes.plot(prepared.times, values, "o-", color=COLORS[name], markersize=3, linewidth=1.4, label=label)
    axes.axhline(NOTED_MOTION, color=MUTED, linewidth=0.9, linestyle="--")
    axes.axhline(0, color=LINE, linewidth=0.8)
    axes.set_ylim(0, max(1.0, 1.1 * float(np.max([motion.displacement, motion.rotation]))))
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, labelcolor=TEXT, fontsize=9)
    return figure
