"""The model in a region: which frames it looks at whole, and that the region changes no answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest

from make_model import color_finder, dots, expected_errors
from markerless.core.view import View
from markerless.runtime.engine import FILL, Batch, EngineOptions, Handle, Session, open_session
from markerless.runtime.follow import FollowingModel, Found, Sessions, cut_region, shrunk, shrunk_size
from markerless.runtime.region import Region
from markerless.video.raw import RgbFrame
from runtime.moving_dots import DIM, SIZE, STRONG, dimmed, raw, two_animals, walk

REGION = Region(width=64, height=64, grid=16, edge=4)
WHOLE = View.whole(*SIZE)


class Counted:
    """A session that counts what it is asked."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.name, self.version, self.precision = session.name, session.version, session.precision
        self.in_flight, self.options = session.in_flight, session.options
        self.has_expected_error = session.has_expected_error
        self.n_asked = 0

    def submit(self, batch: Batch) -> Handle:
        self.n_asked += 1
        return self._session.submit(batch)

    def close(self) -> None:
        self._session.close()


class Model:
    """`FollowingModel` of the color finder with its sessions."""

    def __init__(self, path: Path, region: Region, stack: ExitStack, view: View = WHOLE) -> None:
        def opened(width: int, height: int, together: int = 1) -> Counted:
            options = EngineOptions(height, width, batch_size=together, precision="f32", threads=1)
            return Counted(stack.enter_context(closing(open_session("openvino", path, options, 3))))

        self.whole = opened(view.width, view.height)
        self.region = opened(region.width, region.height, region.together)
        small = opened(*shrunk_size(view.width, view.height, region.shrink)) if region.shrink > 1 else None
        self.small = small
        self.following = FollowingModel(Sessions(self.whole, self.region, small), region, view, 3)

    def predict(self, frames: np.ndarray, together: int = 1) -> list[Found]:
        chunks = [raw(frames[i : i + together]) for i in range(0, len(frames), together)]
        return [found for chunk in chunks for found in self.following.predict(chunk)]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return color_finder(tmp_path_factory.mktemp("model") / "model.onnx")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as sessions:
        yield sessions


def whole_rows(found: list[Found]) -> list[int]:
    return [i for i, one in enumerate(found) if one.whole]


class TestFollowing:
    @pytest.mark.parametrize("together", [1, 2, 4])
    def test_finds_the_truth_and_looks_at_the_whole_frame_once(
        self, path: Path, stack: ExitStack, together: int
    ) -> None:
        places = walk(90)
        model = Model(path, Region(64, 64, 16, 4, together), stack)
        found = model.predict(dots(places, SIZE, STRONG), together)
        np.testing.assert_array_equal([one.xy for one in found], places)
        np.testing.assert_allclose([one.score for one in found], STRONG / 255, rtol=1e-6)
        assert {one.expected_error for one in found} == {None}  # this model gives none
        assert whole_rows(found) == list(range(together))  # the frames of the first request
        assert model.whole.n_asked == together
        assert model.region.n_asked == -(-90 // together) - 1

    def test_a_point_that_is_lost_is_looked_for_in_the_whole_frame_and_again_after_30(
        self, path: Path, stack: ExitStack
    ) -> None:
        """Green fades from frame 5 to 50: looked for in 5, 36 (30 frames later), and seen again in the region in 51."""
        places = walk(60)
        frames = dimmed(dots(places, SIZE, STRONG), places, range(5, 51), point=1)
        found = Model(path, REGION, stack).predict(frames)
        np.testing.assert_array_equal([one.xy[[0, 2]] for one in found], places[:, [0, 2]])
        np.testing.assert_array_equal([one.score[1] < 0.5 for one in found], [5 <= i <= 50 for i in range(60)])
        np.testing.assert_array_equal(found[51].xy, places[51])
        assert whole_rows(found) == [0, 5, 36]

    def test_an_animal_that_leaves_the_region_at_once_is_found_in_the_whole_frame(
        self, path: Path, stack: ExitStack
    ) -> None:
        places = walk(20)
        places[10:] = np.array([5, 5]) + places[0] - places[0].min(0)
        found = Model(path, REGION, stack).predict(dots(places, SIZE, STRONG))
        np.testing.assert_array_equal([one.xy for one in found], places)
        assert whole_rows(found) == [0, 10]

    def test_near_an_edge_of_the_region_the_whole_frame_is_looked_at(self, path: Path, stack: ExitStack) -> None:
        """The middle of the animal at rest is (81, 66), so its region begins at x = 48: 52 is trusted, 51 is not."""
        rest = np.array([[78, 62], [84, 66], [80, 70]])
        step, farther = rest.copy(), rest.copy()
        step[0, 0], farther[0, 0] = 52, 51
        for moved, rows in ((step, [0]), (farther, [0, 1])):
            found = Model(path, REGION, stack).predict(dots(np.stack([rest, moved]), SIZE, STRONG))
            np.testing.assert_array_equal(found[1].xy, moved)
            assert whole_rows(found) == rows

    def test_an_animal_that_is_nowhere_is_looked_for_in_every_frame(self, path: Path, stack: ExitStack) -> None:
        places = walk(9)
        frames = dots(places, SIZE, STRONG)
        frames[3:6] = 0
        found = Model(path, REGION, stack).predict(frames)
        assert whole_rows(found) == [0, 3, 4, 5, 6]
        np.testing.assert_array_equal([one.score.max() for one in found[3:6]], [0, 0, 0])
        np.testing.assert_array_equal(found[8].xy, places[8])

    def test_within_a_request_only_what_cannot_be_trusted_is_looked_at_again(
        self, path: Path, stack: ExitStack
    ) -> None:
        places = walk(12)
        frames = dimmed(dots(places, SIZE, STRONG), places, [6], point=2)
        found = Model(path, Region(64, 64, 16, 4, together=4), stack).predict(frames, together=4)
        np.testing.assert_array_equal([one.xy for one in found], places)
        assert whole_rows(found) == [0, 1, 2, 3, 6]

    @pytest.mark.parametrize("together", [1, 4])
    def test_expected_errors_come_from_where_the_points_come_from(
        self, tmp_path: Path, stack: ExitStack, together: int
    ) -> None:
        """In the region as in the whole frame, also where it is looked for again (frame 6, after green faded)."""
        places, strengths = walk(12), 200 + np.arange(12)
        frames = dots(places, SIZE, strengths)
        x, y = places[6, 1]
        frames[6, y, x, 1] = DIM
        expected = expected_errors(strengths)
        expected[6, 1] = expected_errors(DIM)[1]
        model = Model(color_finder(tmp_path / "model.onnx", has_error=True), Region(64, 64, 16, 4, together), stack)
        found = model.predict(frames, together)
        np.testing.assert_array_equal([one.expected_error for one in found], expected)
        assert whole_rows(found) == [*range(together), 6]

    def test_what_an_earlier_request_left_behind_is_in_no_answer(self, path: Path, stack: ExitStack) -> None:
        places = walk(9)
        frames = raw(dots(places, SIZE, STRONG))
        following = Model(path, Region(64, 64, 16, 4, together=4), stack).following
        found = [one for chunk in (frames[:4], frames[4:8], frames[8:]) for one in following.predict(chunk)]
        assert len(found) == 9
        np.testing.assert_array_equal(found[8].xy, places[8])
        assert not found[8].whole

    def test_restart_forgets_and_start_begins_where_it_is_told(self, path: Path, stack: ExitStack) -> None:
        """Of two animals the whole frame shows the left one; who was told of the right one stays with it."""
        frames = two_animals(4, since=0)
        model = Model(path, REGION, stack)
        left, right = np.array([20, 20]), np.array([110, 60])
        (found,) = model.predict(frames[:1])
        np.testing.assert_array_equal(found.xy[0], left)
        assert found.whole is True
        points = found.xy - left + right
        model.following.start(Found(points, found.score, True))
        (found,) = model.predict(frames[1:2])
        np.testing.assert_array_equal(found.xy[0], right)
        assert found.whole is False
        model.following.restart()
        (found,) = model.predict(frames[2:3])
        np.testing.assert_array_equal(found.xy[0], left)
        assert found.whole is True

    @pytest.mark.parametrize("corner", [(0, 0), (148, 0), (0, 106), (148, 106)])
    def test_in_the_corners_of_a_frame_that_is_no_multiple_of_the_grid(
        self, path: Path, stack: ExitStack, corner: tuple[int, int]
    ) -> None:
        """Regions of 64 on a grid of 48 begin at 0, 48 and 96; the last ones end exactly, or hang over by 40 rows."""
        places = np.repeat((np.array(corner) + np.array([[0, 0], [11, 4], [5, 13]]))[None], 3, axis=0)
        found = Model(path, Region(64, 64, 48, 4), stack).predict(dots(places, SIZE, STRONG))
        np.testing.assert_array_equal([one.xy for one in found], places)
        assert whole_rows(found) == [0]

    def test_in_a_part_of_the_frame(self, path: Path, stack: ExitStack) -> None:
        """Answers are in pixels of the part, and nothing beyond it is seen."""
        view = View(20, 10, 130, 100)
        places = np.repeat(np.array([[[100, 60], [110, 64], [104, 70]]]), 3, axis=0)
        frames = dots(places, SIZE, STRONG)
        frames[:, 5, 5] = frames[:, 115, 155] = 255
        found = Model(path, REGION, stack, view).predict(frames)
        np.testing.assert_array_equal([one.xy for one in found], places - np.array([20, 10]))
        assert whole_rows(found) == [0]


class TestLocating:
    SHRUNK = Region(64, 64, 16, 4, shrink=2)

    @staticmethod
    def squares(places: np.ndarray, size: int = 2) -> np.ndarray:
        frames = np.zeros((len(places), SIZE[1], SIZE[0], 3), dtype=np.uint8)
        for frame, points in zip(frames, places, strict=True):
            for color, (x, y) in enumerate(points):
                frame[y : y + size, x : x + size, color] = STRONG
        return frames

    def test_a_small_frame_shows_where_to_look_first(self, path: Path, stack: ExitStack) -> None:
        places = walk(40) // 2 * 2
        model = Model(path, self.SHRUNK, stack)
        found = model.predict(self.squares(places))
        np.testing.assert_array_equal([one.xy for one in found], places)
        assert model.small is not None
        assert (model.small.n_asked, model.whole.n_asked) == (1, 0)
        assert whole_rows(found) == []

    def test_places_are_mapped_back_by_half_pixels(self, path: Path, stack: ExitStack) -> None:
        """Pixel 48 of the small frame is (48 + 0.5) * 2 - 0.5 = 96.5, between 96 and 97: 96.5 - 31.5 = 65."""
        model = Model(path, Region(64, 64, 1, 4, shrink=2), stack)
        places = np.array([[[96, 50], [96, 50], [96, 50]]])
        assert model.following.locate(RgbFrame(self.squares(places)[0])) == View(65, 19, 64, 64)

    def test_what_the_small_frame_does_not_show_is_looked_for_in_the_whole_one(
        self, path: Path, stack: ExitStack
    ) -> None:
        """Single pixels: averaged with three black ones they score 0.25."""
        places = walk(5)
        model = Model(path, self.SHRUNK, stack)
        found = model.predict(dots(places, SIZE, STRONG))
        np.testing.assert_array_equal([one.xy for one in found], places)
        assert model.small is not None
        assert (model.small.n_asked, model.whole.n_asked, whole_rows(found)) == (1, 1, [0])


class TestPixels:
    def test_a_region_is_cut_out_of_the_analyzed_part(self) -> None:
        frame = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
        out = np.zeros((16, 16, 3), dtype=np.uint8)
        cut_region(RgbFrame(frame), View(8, 4, 16, 16), View(3, 5, 40, 30), out)
        np.testing.assert_array_equal(out, frame[9:25, 11:27])

    @pytest.mark.parametrize("channels", [1, 3])
    def test_what_hangs_over_is_the_gray_of_padding(self, channels: int) -> None:
        """A part of 40 x 30 at (3, 5) and a region from (32, 16): 8 columns and 14 rows of it are there."""
        frame = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
        frame[..., 2] = frame[..., 0] = frame[..., 1]
        out = np.full((16, 16, channels), 3, dtype=np.uint8)
        cut_region(RgbFrame(frame), View(32, 16, 16, 16), View(3, 5, 40, 30), out)
        np.testing.assert_array_equal(out[:14, :8], frame[21:35, 35:43, :channels])
        assert FILL == 127
        assert (out[14:] == FILL).all()
        assert (out[:, 8:] == FILL).all()

    @pytest.mark.parametrize("channels", [1, 3])
    def test_shrinking_averages_squares_and_cuts_what_is_over(self, channels: int) -> None:
        image = np.full((7, 8, channels), 255, dtype=np.uint8)  # 2 x 2 squares of 3 x 3; row 6, columns 6 and 7 go
        image[:3, :3] = 9
        image[:3, 3:6] = 0
        image[1, 4] = 90  # a ninth of 90 is 10
        image[3:6, :6] = 40
        small = shrunk(image, 3)
        assert small.shape == (2, 2, channels)
        np.testing.assert_array_equal(small[..., 0], [[9, 10], [40, 40]])
        assert shrunk_size(8, 7, 3) == (2, 2)
