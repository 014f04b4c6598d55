"""Progress bars, as widgets of a notebook."""

import pytest
from ipywidgets.widgets.widget import _instances as open_widgets
from tqdm.notebook import tqdm

from course_utils.experiments import progress
from course_utils.experiments.progress import progress_bar


@pytest.fixture(autouse=True)
def notebook(monkeypatch):
    monkeypatch.setattr(progress, "tqdm", tqdm)
    before = set(open_widgets)
    yield
    for widget in [open_widgets[key] for key in set(open_widgets) - before]:
        widget.close()


def widget_of(bar):
    return bar.container.layout.display, bar.container.children[1].bar_style


@pytest.mark.parametrize("done", [0, 4, 10])
def test_a_bar_is_hidden_and_not_closed_when_the_work_is_done_however_early(done):
    with progress_bar(10, True) as bar:
        for _ in range(done):
            bar.update()
        assert widget_of(bar) == (None, "")
    assert widget_of(bar) == ("none", "success")
    assert bar.container.comm is not None


def test_an_interrupted_bar_stays_as_it_stood():
    with pytest.raises(KeyboardInterrupt), progress_bar(10, True) as bar:
        bar.update()
        raise KeyboardInterrupt
    assert widget_of(bar) == (None, "danger")


def test_no_bar_unless_asked_for(capsys):
    before = len(open_widgets)
    with progress_bar(10, False) as bar:
        bar.update()
    assert len(open_widgets) == before
    assert capsys.readouterr() == ("", "")
