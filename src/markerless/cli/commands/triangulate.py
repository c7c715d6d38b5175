"""`markerless triangulate CALIBRATION CAMERA=FILE ...`: points in space."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from markerless.cli import options
from markerless.cli.progress import bar

if TYPE_CHECKING:
    from markerless.multiview.files.views_toml import KnownLength
    from markerless.pipeline.from_videos import FromVideos
    from markerless.pipeline.triangulate import InSpace, TriangulateOptions
    from markerless.pipeline.world_axes import AxesRequest


class Axes(click.ParamType):
    """`ORIGIN,X,Y` or `floor:KEYPOINT,...`: what gives the world axes."""

    name = "axes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> AxesRequest:
        from markerless.errors import SettingsError
        from markerless.pipeline.world_axes import parse_axes

        try:
            return parse_axes(str(value))
        except SettingsError as error:
            self.fail(str(error), param, ctx)


@dataclass(frozen=True)
class How:
    """What the options say."""

    cutoff: float
    length: KnownLength | None
    repair: bool
    smooth: bool
    limbs: bool
    sync: bool
    times: tuple[tuple[str, Path], ...]
    axes: AxesRequest | None
    board: str | None
    project: Path | None
    run_name: str | None
    render: bool

    def options(self) -> TriangulateOptions:
        from markerless.pipeline.triangulate import TriangulateOptions

        times = options.by_camera(self.times)
        return TriangulateOptions(
            self.cutoff, self.length, self.repair, self.smooth, self.limbs, self.sync, times, self.axes
        )

    def request(self) -> FromVideos:
        from markerless.pipeline.from_videos import FromVideos
        from markerless.pipeline.which_run import project_or_run

        if self.run_name is not None and self.project is None:
            raise click.UsageError("--run names a run of a project: name that with --project PROJECT")
        network = None if self.project is None else project_or_run(self.project)
        return FromVideos(self.board, network, self.run_name, self.render)


@click.command()
@click.argument("calibration", type=options.PATH)
@click.argument("files", type=options.CameraFile(), nargs=-1, required=True, metavar="CAMERA=FILE...")
@click.option("--out", type=options.PATH, metavar="S", help="Write S.nc and S.csv; default: beside the first file.")
@options.cutoff_option
@click.option("--length", type=options.Length(), metavar="A,B,L", help="Keypoints A and B are L apart: sets the scale.")
@click.option("--repair", is_flag=True, help="First move the cameras to where the animal's own points agree best.")
@click.option("--smooth", is_flag=True, help="Draw trajectories towards smooth movement, as learned from them.")
@click.option("--limbs", is_flag=True, help="Draw them towards limbs of constant length, as learned from them.")
@click.option("--sync", is_flag=True, help="The cameras do not run in step: find out how they do from the motion.")
@click.option(
    "--times",
    type=options.CameraFile(),
    multiple=True,
    metavar="CAMERA=T",
    help="When its frames are: a file of timestamps, its video, or its frames a second; for each camera.",
)
@click.option(
    "--axes",
    type=Axes(),
    metavar="O,X,Y",
    help="World axes from three resting keypoints (origin, towards x, side of y), or floor:PAW,... standing on it.",
)
@click.option("--board", metavar="BOARD", help="CALIBRATION is a folder of pictures or videos of this board.")
@click.option("--project", type=options.PATH, metavar="PROJECT", help="FILEs are videos; this study's network.")
@options.run_option
@click.option("--render", is_flag=True, help="Also draw the points as a video, beside those of the cameras.")
@options.json_option
@options.gathered("how", How)
def command(calibration: Path, files: tuple[tuple[str, Path], ...], out: Path | None, how: How, as_json: bool) -> None:
    """Make points in space of what several cameras saw.

    CALIBRATION is the file of the cameras, or a file that says where in one picture a direct view and mirrors are;
    then one FILE holds the keypoints of all views, and no board is needed. Files may be of any tool. Every point gets
    an expected error; where the cameras contradict each other, it is missing.

    Frame t of every camera is taken to be the same moment, and you are warned if the motion says that it is not. With
    --sync, --times or both the cameras are brought into step first.

    In one go from videos: with --board, CALIBRATION is a folder of pictures or videos of the board; with --project,
    FILEs are videos, or one folder of videos whose names hold the cameras'. What is there already is not made again.
    """
    from markerless.pipeline.from_videos import prepare, rendered
    from markerless.pipeline.triangulate import triangulate

    request = how.request()
    ready = prepare(calibration, options.by_camera(files), out, request, bar)
    if not as_json:
        for line in ready.told:
            click.echo(line)
    result = triangulate(ready.calibration, ready.files, ready.out, how.options())
    result = rendered(result, ready, bar) if request.render else result
    if as_json:
        options.echo_json({**result.to_json(), "prepared": ready.to_json()})
        return
    _echo(result)
    for note in result.notes:
        click.echo(f"note: {note}", err=True)
    options.echo_written(*result.files)


def _echo(result: InSpace) -> None:
    from markerless.pipeline.synchronize import describe

    told = result.to_json()
    unit = told["unit"] or "units"
    for name, move in told["moved_cameras"].items():
        click.echo(
            f"moved camera {name}: turned by {move['angle_deg']:.2f} degrees, shifted by {move['distance']:.3g} {unit}"
        )
    click.echo("camera        reprojection   expected error   used")
    for name, view in told["cameras"].items():
        click.echo(
            f"{name:12}  {view['median_reprojection_px']:9.2f} px   {view['expected_error_px']:11.2f} px   "
            f"{100 * view['used']:3.0f} %"
        )
    for line in describe(result.steps):
        click.echo(f"in step: {line}")
    counts = ", ".join(f"{count} {state}" for state, count in told["points"].items() if count)
    click.echo(f"{told['n_frames']} frames, {len(told['keypoints'])} keypoints; points: {counts}")
    click.echo(f"expected error in space: median {told['median_expected_error']:.3g} {unit}")
    if told["refined"] is not None:
        moved = told["refined"]
        click.echo(f"refined: points moved by {moved['median']:.3g} {unit} (median), {moved['largest']:.3g} at most")
    if told["axes"] is not None:
        click.echo(told["axes"]["how"])
