"""Frames of enhanced MR files, also of those that were converted from classic files."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset

from dsc_superres.io.dicom_slice import (
    Slice,
    classic_time_tags,
    component_of,
    kind_of,
    philips_scale_slope,
    plane_geometry,
    scale_of,
)
from dsc_superres.io.dicom_values import datetime_seconds, group_of, groups_of, number, words

_INSTANCE_NUMBER_STRIDE = 1_000_000
"""Factor on the InstanceNumber of an enhanced file, larger than its number of frames."""


def enhanced_slices(path: Path, header: Dataset) -> list[Slice]:
    """Return the frames of an enhanced file.

    What a file that was converted from classic ones (Legacy Converted Enhanced MR) could not place in a functional
    group is searched in its unassigned attributes; Philips keeps the classic attributes of a frame in (2005,140F).
    """
    shared = (header.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    instance = number(header, "InstanceNumber") or 0
    slices = []
    for index, frame in enumerate(header.PerFrameFunctionalGroupsSequence):
        position = group_of(frame, shared, "PlanePositionSequence")
        orientation = group_of(frame, shared, "PlaneOrientationSequence")
        measures = group_of(frame, shared, "PixelMeasuresSequence")
        content = group_of(frame, shared, "FrameContentSequence")
        classic = _classic_attributes(frame, shared)
        frame_type = group_of(frame, shared, "MRImageFrameTypeSequence")
        image_type = words(frame_type, "FrameType") or words(header, "ImageType")
        named = words(frame_type, "ComplexImageComponent") or words(header, "ComplexImageComponent")
        echo_time = number(group_of(frame, shared, "MREchoSequence"), "EffectiveEchoTime")
        time_tags = classic_time_tags(classic) | _enhanced_time_tags(frame, shared, content)
        slices.append(
            Slice(
                path=path,
                index=index,
                scale=scale_of(group_of(frame, shared, "PixelValueTransformationSequence")),
                scale_slope=philips_scale_slope(classic),
                echo_time=number(classic, "EchoTime") if echo_time is None else echo_time,
                time_tags=time_tags | {"InstanceNumber": instance * _INSTANCE_NUMBER_STRIDE + index},
                component=component_of(image_type, named, classic),
                kind=kind_of(image_type),
                stack=str(content.get("StackID") or ""),
                **plane_geometry(header, position, orientation, measures),
            )
        )
    return slices


def _enhanced_time_tags(frame: Dataset, shared: Dataset, content: Dataset) -> dict[str, float]:
    offset = group_of(frame, shared, "TemporalPositionSequence")
    heart = group_of(frame, shared, "CardiacSynchronizationSequence")
    found = {
        "TemporalPositionIndex": number(content, "TemporalPositionIndex"),
        "TemporalPositionTimeOffset": number(offset, "TemporalPositionTimeOffset"),
        "FrameAcquisitionDateTime": datetime_seconds(content.get("FrameAcquisitionDateTime")),
        "FrameReferenceDateTime": datetime_seconds(content.get("FrameReferenceDateTime")),
        "FrameAcquisitionNumber": number(content, "FrameAcquisitionNumber"),
        "TriggerTime": number(heart, "NominalCardiacTriggerDelayTime"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _classic_attributes(frame: Dataset, shared: Dataset) -> Dataset:
    """Return the classic attributes of an enhanced frame: those of the frame before those that all frames share."""
    merged = Dataset()
    sources = [
        *groups_of((shared,), "UnassignedSharedConvertedAttributesSequence"),
        *groups_of((frame,), "UnassignedPerFrameConvertedAttributesSequence"),
        *([frame[0x2005, 0x140F].value[0]] if frame.get((0x2005, 0x140F)) and frame[0x2005, 0x140F].value else []),
    ]
    for source in sources:
        merged.update({element.tag: element for element in source})
    return merged
