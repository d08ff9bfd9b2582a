"""Which frames and samples of a series count: outlying ends, unusable samples, frames that were left out."""
