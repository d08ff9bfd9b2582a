"""Text of a model's card for the panel."""

from __future__ import annotations

from dsc_superres.models import find

from .Translation import _


def summaryText(model: str | None) -> str:
    """Return one or two sentences on ``model``, a registered name; empty without a model."""
    if not model:
        return ""
    entry = find(model)
    if entry.is_interpolator:
        return _("Interpolation, for comparison: {description}").format(description=entry.description)
    card = entry.card
    return f"{card.get('summary', entry.description)} {card.get('intended_use', '')}".strip()


def cardText(model: str) -> str:
    """Return the card of ``model``: summary, method, data, use and limits."""
    card = find(model).card
    if not card:
        return summaryText(model)
    parts = (
        ("", "summary"),
        (_("Method: "), "method"),
        (_("Intended use: "), "intended_use"),
        (_("Training data: "), "data"),
    )
    texts = [title + card[field] for title, field in parts if card.get(field)]
    limits = "\n".join(f"- {limit}" for limit in card.get("limits", ()))
    return "\n\n".join([*texts, _("Limits:") + "\n" + limits] if limits else texts)
