"""Where mmreg's own checks are: by name, the module and the class. They are imported when they are used."""

from __future__ import annotations

from collections.abc import Mapping

BUILT_IN: Mapping[str, str] = {
    # columns
    "present": "columns.present:Present",
    "not_null": "columns.not_null:NotNull",
    "unique": "columns.unique:Unique",
    "range": "columns.range:Range",
    "one_of": "columns.one_of:OneOf",
    "matches": "columns.matches:Matches",
    "length": "columns.length:Length",
    "finite": "columns.finite:Finite",
    "utf8": "columns.utf8:Utf8",
    "row_count": "columns.row_count:RowCount",
    "row_count_change": "columns.row_count_change:RowCountChange",
    "drift": "columns.drift:Drift",
    # texts and pairs
    "paired": "text.paired:Paired",
    "boilerplate": "text.boilerplate:Boilerplate",
    "language": "text.language:Language",
    "quantiles": "text.quantiles:Quantiles",
    "pii": "text.pii:Pii",
    # media
    "image_decodes": "media.image_decodes:ImageDecodes",
    "image_format": "media.image_format:ImageFormat",
    "image_size": "media.image_size:ImageSize",
    "not_blank": "media.not_blank:NotBlank",
    "not_blurred": "media.not_blurred:NotBlurred",
    "no_exact_duplicates": "media.no_exact_duplicates:NoExactDuplicates",
    "no_near_duplicates": "media.no_near_duplicates:NoNearDuplicates",
    "audio_decodes": "media.audio_decodes:AudioDecodes",
    "audio_duration": "media.audio_duration:AudioDuration",
    "not_silent": "media.not_silent:NotSilent",
    "not_clipped": "media.not_clipped:NotClipped",
    "video_decodes": "media.video_decodes:VideoDecodes",
    "video_duration": "media.video_duration:VideoDuration",
    "video_frames": "media.video_frames:VideoFrames",
    "embedding": "media.embedding:Embedding",
    # lineage
    "lineage.single_generation": "lineage.single_generation:SingleGeneration",
    "lineage.producers": "lineage.producers:Producers",
    "lineage.fresh": "lineage.fresh:Fresh",
    "lineage.not_derived_from": "lineage.not_derived_from:NotDerivedFrom",
    "lineage.no_leak": "lineage.no_leak:NoLeak",
    "lineage.no_similar": "lineage.no_similar:NoSimilar",
    "lineage.license": "lineage.license:License",
    "lineage.synthetic_depth": "lineage.synthetic_depth:SyntheticDepth",
    "lineage.model_share": "lineage.model_share:ModelShare",
    "lineage.checkpoints": "lineage.checkpoints:Checkpoints",
    # guards
    "guard.keep_rate": "guards.keep_rate:KeepRate",
    "guard.tail_retention": "guards.tail_retention:TailRetention",
    "guard.pass_rate_ratio": "guards.pass_rate_ratio:PassRateRatio",
}
