"""The HTML page of a report: figures, tables and texts in the template."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, select_autoescape

from dsc_superres.models import find
from dsc_superres.pipeline.case import TRUTH, Case, map_errors
from dsc_superres.pipeline.model_provenance import model_provenance
from dsc_superres.report.case_figures import all_figures, map_figures
from dsc_superres.report.report_tables import (
    NMSE,
    PSNR,
    SSIM,
    ReportTable,
    hypoperfusion_table,
    image_table,
    map_table,
    ranked_table,
)
from dsc_superres.report.style import data_uri, model_name, png
from dsc_superres.utils.atomic_writing import atomic_file, write_text
from dsc_superres.version import __version__

if TYPE_CHECKING:
    from dsc_superres.perfusion import PerfusionMaps
    from dsc_superres.report.content import ReportContent

MAPS_PART = re.compile(r"<!-- (maps|map settings) -->(.*?)<!-- end -->", re.DOTALL)
"""Parts of the page that depend on the maps: name and text."""
CAPTIONS_WITHOUT_TRUTH = {
    "frames": "The same slice at three times, in one gray scale. The input is drawn with its own large pixels and "
    "is the last frame acquired by then. There is no ground truth for comparison.",
    "curves": "Mean signal of the outlined regions. Circles are the frames of the input, on which the "
    "reconstruction is based.",
    "relative": "Blood volume and flow over their medians in normal-appearing white matter, from the input and "
    "from the reconstruction. The outline is the same region of the patient in both. The height of the arterial input "
    "cancels.",
    "maps": "Blood volume and flow from the input and from the reconstruction, in one color scale and with the "
    "same arterial input, which was selected in the reconstruction.",
}
"""Captions of figures that differ without a ground truth."""

CAPTIONS = {
    "frames": "The same slice at three times, in one gray scale. The input is drawn with its own large pixels and "
    "is the last frame acquired by then. Orange: reconstruction above the ground truth; blue: below.",
    "curves": "Mean signal of the outlined regions. Circles are the frames of the input, on which the "
    "reconstruction is based; between them, it has to predict the bolus.",
    "quality": "Every frame against the ground truth{where}. A good reconstruction loses little {when}between the "
    "acquired frames.",
    "motion": "How far the head lies in each frame from where it was before the bolus, as a mean over the head: before "
    "a correction, if there was one. The dashed line is the displacement from which a note speaks of motion.",
    "artery": "Squares mark the voxels of the arterial input on the image before the bolus, in the slices that "
    "contain most of them. Thick: the curve used for all maps; thin: other candidates, best first. The "
    "score is the distance of a curve from tissue in height, earliness, width and noise (1 is best). "
    "Gray: the frames of the baseline. Dashed, where frames are far apart: the curve between the samples, which tissue "
    "helped to find, with its 95 % band.",
    "uncertainty": "Standard deviation of blood volume, flow and transit time in % of the map, and of Tmax in seconds. "
    "It includes the noise of each voxel's curve and the unknown shape of its residue, but not errors of "
    "the arterial input.",
    "relative": "Blood volume and flow over their medians in normal-appearing white matter. The outline is the same "
    "region of the patient in all. The height of the arterial input cancels.",
    "maps": "Blood volume and flow{simulated} from the ground-truth series and from the reconstruction, in one "
    "color scale. The arterial input is {artery}. Orange: the map of the reconstruction is above; blue: "
    "below.",
}
"""Captions of the figures."""


def write_report(content: ReportContent, folder: Path, figures_folder: Path | None = None) -> Path:
    """Write ``report.html`` into ``folder`` and return its path; also write PNGs into ``figures_folder`` if given."""
    pictures = {name: png(figure) for name, figure in all_figures(content).items()}
    if figures_folder:
        figures_folder.mkdir(parents=True, exist_ok=True)
        for name, picture in pictures.items():
            with atomic_file(figures_folder / f"{name}.png") as partial:
                partial.write_bytes(picture)
    page = _render(content, template_values(content), pictures)
    write_text(folder / "report.html", page)
    return folder / "report.html"


def with_new_maps(page: str, content: ReportContent) -> str | None:
    """Return the report ``page`` with the maps of ``content`` instead of its own; None for one of an older version.

    The job of ``content`` is not used: everything else on the page stays.
    """
    pictures = {name: png(figure) for name, figure in map_figures(content).items()}
    values = {**_map_values(content.case), "provenance": [], "map_provenance": _map_provenance(content.case)}
    new = dict(MAPS_PART.findall(_render(content, values, pictures)))
    if {name for name, _text in MAPS_PART.findall(page)} != set(new):
        return None
    return MAPS_PART.sub(lambda found: f"<!-- {found[1]} -->{new[found[1]]}<!-- end -->", page)


def _render(content: ReportContent, values: dict[str, object], pictures: dict[str, bytes]) -> str:
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template("template.html").render(
        **values,
        pictures={name: data_uri(picture) for name, picture in pictures.items()},
        captions=_captions(content),
        version=__version__,
    )


def template_values(content: ReportContent) -> dict[str, object]:
    """Return the values of the template except the pictures."""
    case, simulated = content.case, content.simulated
    return {
        **_map_values(case),
        "subject": f"Digital patient {simulated.seed} ({simulated.lesion})" if simulated else "Measured series",
        "simulated": simulated,
        "headline": headline(case),
        "facts": _series_facts(content),
        "images": image_table(case) if case.comparisons else None,
        "brain": case.mask is not None,
        "clean": _clean_table(content),
        "truth": case.truth is not None,
        "simulated_maps": map_table(simulated.map_errors) if simulated and simulated.map_errors else None,
        "card": model_card(content.job.model),
        "provenance": _provenance(content),
        "map_provenance": _map_provenance(case),
        "model": model_name(case.model),
    }


def _map_values(case: Case) -> dict[str, object]:
    """Return the values of the part of the template that shows maps."""
    maps = case.maps.get(case.finest[0])
    return {
        "maps": map_table(_errors_against_truth(case)) if TRUTH in case.maps and len(case.maps) > 1 else None,
        "hypoperfusion": hypoperfusion_table(case),
        "maps_error": case.maps_error,
        "trusted": maps is None or maps.scale_is_trusted,
        "warnings": (*case.notes, *(maps.warnings if maps else ())),
    }


def headline(case: Case) -> tuple[str, str] | None:
    """Return the main result as number and sentence: the gain in PSNR over the best other model."""
    if len(case.comparisons) < 2:
        return None
    psnr = {m: (result.brain or result.whole).psnr for m, result in case.comparisons.items()}
    own = psnr.pop(case.model)
    best = max(psnr, key=psnr.get)
    gain = own - psnr[best]
    place = "in the brain" if case.mask is not None else "over the whole image"
    sentence = f"PSNR {place}: {model_name(case.model)} against the best interpolator, {model_name(best)}"
    return f"{gain:+.1f} dB".replace("-", "−").replace("−0.0", "0.0").replace("+0.0", "0.0"), sentence


def model_card(model: str) -> dict[str, object] | None:
    """Return the card of a model, or None if it has none, as interpolators."""
    return find(model).card or None


def _errors_against_truth(case: Case) -> dict[str, dict]:
    truth = case.maps[TRUTH]
    return map_errors({m: maps for m, maps in case.maps.items() if m != TRUTH}, truth.as_dict(), truth.mask)


def _clean_table(content: ReportContent) -> ReportTable | None:
    """Return PSNR, NMSE and SSIM against the simulated series without noise."""
    if not content.simulated:
        return None
    scores = content.simulated.clean_scores
    names = {model: "Ground-truth series (with its noise)" if model == TRUTH else model_name(model) for model in scores}
    values = [[scores[model].psnr, scores[model].nmse, scores[model].ssim] for model in names]
    return ranked_table([PSNR, NMSE, SSIM], names, values, exclude_truth=True)


def _series_facts(content: ReportContent) -> list[tuple[str, str]]:
    case, job = content.case, content.job
    truth, coarse = case.truth, case.input

    def describe(series) -> str:
        pixel = " × ".join(f"{s:.3g}" for s in series.geometry.spacing)
        size = " × ".join(map(str, series.size))
        frame_times = f"every {series.interval:.3g} s" if series.has_times else "(times unknown)"
        return f"{size} voxels of {pixel} mm, {series.frames} frames {frame_times}"

    time = coarse.echo_time
    echo = ("Echo time", "unknown" if time is None else f"{1000 * time:.3g} ms ({coarse.sources['echo_time']})")
    if truth is None:
        return [("Input", describe(coarse)), ("Reconstruction", describe(case.reconstruction)), echo]
    undersampling = f"under-sampled {job.space:g} × {job.space:g} × {job.time:g} ({job.operator})"
    return [("Ground truth", describe(truth)), ("Input", f"{describe(coarse)}: {undersampling}"), echo]


def _captions(content: ReportContent) -> dict[str, str]:
    where = " in the brain" if content.case.mask is not None else ""
    simulated = " as simulated," if content.simulated else ""
    when = "while the bolus passes, " if content.case.maps else ""
    artery = "the simulated one" if content.simulated else "that of the ground truth for both"
    captions = CAPTIONS if content.case.truth is not None else CAPTIONS | CAPTIONS_WITHOUT_TRUTH
    values = {"where": where, "when": when, "simulated": simulated, "artery": artery}
    return {name: text.format(**values) for name, text in captions.items()}


def _provenance(content: ReportContent) -> list[tuple[str, str]]:
    weights = model_provenance(content.job.model)["weights_sha256"]
    model = f"{model_name(content.case.model)}" + (f", weights sha256 {weights[:16]}…" if weights else "")
    return [("Model", model), ("Software", f"DSCSuperRes {__version__}")]


def _map_provenance(case: Case) -> list[tuple[str, str]]:
    """Return how the maps came about."""
    maps = case.maps.get(case.finest[0])
    if maps is None:
        return []
    return [
        ("Deconvolution", str(maps.provenance.get("method", ""))),
        ("kH/ρ", f"{maps.provenance.get('kh_over_rho_ml_per_g', float('nan')):.3f} mL/g"),
        ("Arterial input", maps.aif.source),
        ("White matter", _reference_text(maps)),
        ("Bolus", f"arrival {maps.bolus.arrival:.1f} s, peak {maps.bolus.peak:.1f} s, "
         f"mean fall of the signal {100 * maps.bolus.drop:.0f} %"),
    ]  # fmt: skip


def _reference_text(maps: PerfusionMaps) -> str:
    """Return what relative maps refer to, in words."""
    found = maps.provenance.get("reference")
    if not found:
        return "none: no relative maps"
    side = f" ({found['side']})" if found["side"] in ("left", "right") else ""
    return f"{found['source']}, {found['volume_ml']:.1f} mL{side}"
