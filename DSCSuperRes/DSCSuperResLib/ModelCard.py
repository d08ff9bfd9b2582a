"""What a model is, in words: from the card beside its weights."""

from __future__ import annotations

import json
from pathlib import Path

import dsc_superres

from .Translation import _

WEIGHTS = Path(dsc_superres.__file__).parent / "weights"


def summaryText(model: str | None) -> str:
    """One or two sentences on ``model``."""
    card = _card(model)
    if not card:
        return _("Interpolation: no network, for comparison.")
    return f"{card.get('summary', '')} {card.get('intended_use', '')}".strip()


def cardText(model: str) -> str:
    """The card of ``model``: summary, method, data, use and limits."""
    card = _card(model)
    if not card:
        return summaryText(model)
    parts = (
        ("", "summary"),
        (_("Method: "), "method"),
        (_("Intended use: "), "intended_use"),
        (_("Training data: "), "data"),
    )
    texts = [heading + card[field] for heading, field in parts if card.get(field)]
    limits = "\n".join(f"- {limit}" for limit in card.get("limits", ()))
    return "\n\n".join([*texts, _("Limits:") + "\n" + limits] if limits else texts)


def _card(model: str | None) -> dict:
    try:
        return json.loads((WEIGHTS / f"{model}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
