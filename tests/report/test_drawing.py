"""Charts drawn by a process beside this one."""

import psutil

from optimizer.report.html.chart import amount, mark, svg, time
from optimizer.report.html.drawing import Artist

ROWS = [{"date": "2026-10-03", "btc": 1.0}, {"date": "2026-11-03", "btc": 2.0}]


def chart():
    return svg([mark("line", time(), amount("btc", "BTC <held>"))], ROWS)


def test_a_chart_drawn_beside_is_the_one_drawn_here() -> None:
    with Artist() as artist:
        artist.get_ready()
        beside = chart().begun(artist)
        assert beside.__html__() == chart().begun(Artist()).__html__() == chart().__html__()
        assert "BTC &lt;held&gt;" in beside.__html__()


def drawing_processes() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [child for child in children if any("popen_loky" in word for word in child.cmdline())]


def test_the_process_beside_ends_with_the_block() -> None:
    before = drawing_processes()
    with Artist() as artist:
        artist.get_ready()
        chart().begun(artist).__html__()
        mine = [process for process in drawing_processes() if process not in before]
        assert len(mine) == 1
    assert not psutil.wait_procs(mine, timeout=10)[1]


def test_a_process_that_died_is_not_missed() -> None:
    before = drawing_processes()
    with Artist() as artist:
        artist.get_ready()
        expected = chart().begun(artist).__html__()
        begun = chart().begun(artist)
        for process in drawing_processes():
            if process not in before:
                process.kill()
        assert begun.__html__() == expected
        assert chart().begun(artist).__html__() == expected
