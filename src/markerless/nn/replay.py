"""New frames and old ones by turns: what a network learns anew must not cost what it could before.

A network that trains on new frames alone forgets the old ones (catastrophic forgetting; McCloskey & Cohen 1989). Old
frames that are trained beside the new ones, rehearsal, are the plainest remedy (Ratcliff 1990; Robins 1995). Every
second sample is a new frame, however many old ones there are, so each new frame weighs more than each old one.

Both kinds are in every batch: the normalization of the network sees them mixed while training, and its running
statistics, used afterwards, are of the same mixture.
"""

from __future__ import annotations

from collections.abc import Collection

from markerless.core.labels import LabeledFrame, Labels
from markerless.nn.dataset import DataSettings, ImageCache, TrainingSet, shuffled


class ReplayingSet(TrainingSet):
    """Samples of frames that are new to a network and of old ones, by turns."""

    def __init__(
        self,
        labels: Labels,
        settings: DataSettings,
        seed: int,
        cache: ImageCache | None = None,
        old: Collection[str] = (),
    ) -> None:
        """Take labels apart.

        Args:
            labels: All frames; sizes, views and turns are taken from all of them.
            settings: How they become samples.
            seed: Source of chance.
            cache: Pictures already decoded.
            old: Images that the network has seen. Where all frames are old, or none is, it is a plain `TrainingSet`.
        """
        super().__init__(labels, settings, seed, cache)
        new = [frame for frame in labels.frames if frame.image not in old]
        self._parts = new, [frame for frame in labels.frames if frame.image in old]

    def frame(self, number: int) -> LabeledFrame:
        """The frame of sample `number` of the training: new and old by turns, each kind in an order of its own."""
        if not all(self._parts):
            return super().frame(number)
        place, kind = divmod(number, len(self._parts))
        return shuffled(self._parts[kind], place, (self.seed, kind))
